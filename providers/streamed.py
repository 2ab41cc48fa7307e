"""The pieces of a streamed completion, put together."""

from typing import Any

from providers.endpoints import Endpoint
from providers.wire import piece_of
from stepwarden.models import ErrorKind, ModelError


class StreamedCompletion:
    """What came of one stream so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._found: dict[str, Any] = {}

    def add(self, chunk: object) -> str:
        """Take a chunk and return the text that it adds."""
        piece = piece_of(chunk)
        text = str(piece.pop("text"))
        if piece["refusal"]:
            piece["refusal"] = f"{self._found.get('refusal', '')}{piece['refusal']}"
        self._found.update({name: value for name, value in piece.items() if value})
        self._texts.append(text)
        return text

    def completion(self, endpoint: Endpoint, model: str) -> dict[str, Any]:
        """Return the completion, as if it had come in one piece. Raises ModelError where the stream broke off."""
        found = self._found
        if not found.get("finish"):
            text = f"{endpoint.profile.title} broke off in the middle of its answer: ask again."
            raise ModelError(ErrorKind.NETWORK, text, model=model)
        message = {"content": "".join(self._texts), "refusal": found.get("refusal")}
        choice = {"message": message, "finish_reason": found["finish"]}
        return {"id": found.get("id"), "model": found.get("model"), "usage": found.get("usage"), "choices": [choice]}
