"""The calls of a streamed completion, put together from their pieces. Pure."""

import json
from collections.abc import Mapping
from typing import Any, cast

from providers.call_reader import CALL_KEPT, BrokenArguments, argument_text


class _Call:
    """One call so far."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.id = ""
        self.name = ""
        self.parts: list[str] = []  # of its arguments, which may be long
        self.kept: dict[str, Any] = {}

    @property
    def arguments(self) -> str:
        """Its arguments so far."""
        return "".join(self.parts)

    @property
    def complete(self) -> bool:
        """Whether its arguments are a whole object, so that what comes next belongs to another call."""
        try:
            return (
                bool(self.parts) and self.parts[-1].rstrip()[-1:] in {"}", ""} and argument_text(self.arguments) != ""
            )
        except BrokenArguments:
            return False


class CallAssembly:
    """The calls of one stream so far, in the order in which they began.

    Endpoints say in different ways to which call a piece belongs: by its index, by its id, by both, or only by the
    order. Some repeat id or name with every piece, some make a new id for each, some number all calls 0.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[object, _Call] = {}

    @property
    def began(self) -> bool:
        """Whether anything of a call came."""
        return bool(self._calls)

    def add(self, delta: Mapping[str, Any]) -> None:
        """Take what a chunk says of calls."""
        listed = delta.get("tool_calls")
        for piece in cast("list[object]", listed) if isinstance(listed, list) else []:
            if isinstance(piece, dict):
                self._add(cast("dict[str, Any]", piece))
        old = delta.get("function_call")
        if isinstance(old, dict) and not listed:
            self._add({"index": "function_call", "function": old})

    def entries(self) -> list[dict[str, Any]]:
        """Return the calls as a completion in one piece has them."""
        return [
            {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}, **call.kept}
            for call in self._calls
        ]

    def _add(self, piece: dict[str, Any]) -> None:
        function = cast("dict[str, Any]", piece["function"]) if isinstance(piece.get("function"), dict) else piece
        said_id, name = str(piece.get("id") or ""), str(function.get("name") or "")
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments is not None else ""
        call = self._call_of(piece.get("index"), said_id, name, begins=text.lstrip()[:1] in {"", "{"})
        if call is None:
            call = _Call()
            self._calls.append(call)
        if piece.get("index") is not None:
            self._by_index[piece["index"]] = call
        call.id = call.id or said_id
        call.ids.add(said_id)
        if name != call.name:
            call.name += name
        if text:
            call.parts.append(text)
        call.kept |= {field: piece[field] for field in CALL_KEPT if piece.get(field)}

    def _call_of(self, index: object, said_id: str, name: str, *, begins: bool) -> _Call | None:
        """Return the call that a piece goes on with, None where it begins another."""
        last = self._calls[-1] if self._calls else None
        at_index = self._by_index.get(index) if index is not None else None
        same_id = [call for call in self._calls if said_id and said_id in call.ids]
        if not name:
            return (same_id[0] if len(same_id) == 1 else at_index) or at_index or last
        named = at_index if index is not None else same_id[-1] if same_id else None if said_id else last
        if named is None or (begins and named.complete):
            return None
        if said_id and named.id and said_id not in named.ids:  # another call, though it has the same index
            return None
        if name == named.name:  # said once more, which without index and id happens only among the arguments
            return named if index is not None or said_id or named.parts else None
        return named if index is not None and not named.parts else None  # a name in pieces
