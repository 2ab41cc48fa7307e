"""The pieces of a streamed completion, put together."""

from typing import Any

from providers.endpoints import Endpoint
from providers.sdk_client import DONE, WholeAnswer
from providers.thoughts import ShownPieces
from providers.wire import is_whole, piece_of
from stepwarden.models import ErrorKind, ModelError


class StreamedCompletion:
    """What came of one stream so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._found: dict[str, Any] = {}
        self._shown = ShownPieces()
        self._whole: WholeAnswer | None = None
        self._done = False

    @property
    def began(self) -> bool:
        """Whether anything of an answer came."""
        return any(self._texts) or any(self._reasoning)

    def add(self, chunk: object) -> str:
        """Take a chunk and return the text that it adds to what may be shown."""
        if chunk == DONE:
            self._done = True
            return self._shown.rest()
        if isinstance(chunk, WholeAnswer) or is_whole(chunk):
            self._whole = chunk if isinstance(chunk, WholeAnswer) else WholeAnswer(chunk)
            return ""
        piece = piece_of(chunk)
        text = str(piece.pop("text"))
        self._reasoning.append(str(piece.pop("reasoning")))
        if piece["refusal"]:
            piece["refusal"] = f"{self._found.get('refusal', '')}{piece['refusal']}"
        self._found.update({name: value for name, value in piece.items() if value})
        self._texts.append(text)
        shown = self._shown.add(text)
        return shown + self._shown.rest() if piece["finish"] else shown

    def completion(self, endpoint: Endpoint, model: str) -> object:
        """Return the completion, as if it had come in one piece. Raises ModelError where the stream broke off."""
        if self._whole is not None:
            return self._whole.body
        found = self._found
        finish = found.get("finish") or ("stop" if self._done and self.began else None)
        if not finish:
            text = f"{endpoint.profile.title} broke off in the middle of its answer: ask again."
            raise ModelError(ErrorKind.NETWORK, text, model=model)
        message = {
            "content": "".join(self._texts),
            "reasoning": "".join(self._reasoning),
            "refusal": found.get("refusal"),
        }
        choice = {"message": message, "finish_reason": finish}
        return {"id": found.get("id"), "model": found.get("model"), "usage": found.get("usage"), "choices": [choice]}
