"""The pieces of a streamed completion, put together."""

import re
from typing import Any, cast

from providers.call_assembly import CallAssembly
from providers.call_reader import MESSAGE_KEPT
from providers.endpoints import Endpoint
from providers.sdk_client import DONE, WholeAnswer
from providers.thoughts import ShownPieces
from providers.wire import is_whole, piece_of
from stepwarden.models import ErrorKind, ModelError

_MAY_BE_JSON = re.compile(r"[{\[`<]")


class StreamedCompletion:
    """What came of one stream so far; `told` says that it may answer in JSON, which is nothing to be shown."""

    def __init__(self, *, told: bool = False) -> None:
        self._told = told
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._found: dict[str, Any] = {}
        self._calls = CallAssembly()
        self._kept: dict[str, Any] = {}
        self._pieces = ShownPieces()
        self._shown = ""
        self._holds = False
        self._whole: WholeAnswer | None = None
        self._done = False

    @property
    def began(self) -> bool:
        """Whether anything of an answer came."""
        return any(self._texts) or any(self._reasoning) or self._calls.began

    def add(self, chunk: object) -> str:
        """Take a chunk and return the text that it adds to what may be shown."""
        if chunk == DONE:
            self._done = True
            return self._to_show(self._pieces.rest())
        if isinstance(chunk, WholeAnswer) or is_whole(chunk):
            self._whole = chunk if isinstance(chunk, WholeAnswer) else WholeAnswer(chunk)
            return ""
        piece = piece_of(chunk)
        self._add_calls(piece.pop("delta"))
        text = str(piece.pop("text"))
        self._reasoning.append(str(piece.pop("reasoning")))
        if piece["refusal"]:
            piece["refusal"] = f"{self._found.get('refusal', '')}{piece['refusal']}"
        self._found.update({name: value for name, value in piece.items() if value})
        self._texts.append(text)
        shown = self._pieces.add(text)
        return self._to_show(shown + self._pieces.rest() if piece["finish"] else shown)

    def unshown(self, text: str) -> str:
        """Return what of the answer's text was held back, where it can be shown behind what was."""
        return text[len(self._shown) :] if self._told and text.startswith(self._shown) else ""

    def _to_show(self, text: str) -> str:
        """Return what of a text can be shown; what may be JSON, and all behind it, is held back."""
        begin = _MAY_BE_JSON.search(text) if self._told else None
        shown = "" if self._holds else text[: begin.start()] if begin else text
        self._holds = self._holds or begin is not None
        self._shown += shown
        return shown

    def _add_calls(self, delta: dict[str, Any]) -> None:
        self._calls.add(delta)
        for name in MESSAGE_KEPT:
            value: object = delta.get(name)
            if isinstance(value, str):
                self._kept[name] = self._kept.get(name, "") + value
            elif isinstance(value, list):
                self._kept[name] = [*self._kept.get(name, ()), *cast("list[object]", value)]

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
            "tool_calls": self._calls.entries(),
            **self._kept,
        }
        choice = {"message": message, "finish_reason": finish}
        return {"id": found.get("id"), "model": found.get("model"), "usage": found.get("usage"), "choices": [choice]}
