"""Takes the marks of writes out of what they made, by the cleaning that their look declares."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwarden.errors import StepwardenError
from stepwarden.storage import HeadQuery, Store, kinds
from stepwarden.upstream.calls.begun_calls import SETTLED, BegunCall
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.records import Recorder
from stepwarden.upstream.doubts.look import WriteLook
from stepwarden.upstream.doubts.marks import unmarked
from stepwarden.upstream.doubts.templates import NotFilled, filled, values_at
from stepwarden.upstream.look_config import CleaningConfig
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.tool_index import ToolIndex
from stepwarden.upstream.tool_result import ToolResult

CLEANED = "its mark was taken out"
MOST_SESSIONS = 10_000
_NOTHING_MADE = frozenset({"error", "refused", "not_sent"})


@dataclass(frozen=True, slots=True)
class LeftMark:
    """The mark of one write of `tool` at `upstream`; `where` are the arguments by which it is found again."""

    call: BegunCall
    upstream: str
    tool: str
    by: str
    where: Mapping[str, Any]

    @property
    def line(self) -> str:
        """The mark, in a line: itself, what left it, and when."""
        at = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(self.call.at))
        about = "".join(f", {name} {value}" for name, value in self.where.items())
        return f"{self.call.key}: {self.upstream}/{self.tool} at {at}{about}"


@dataclass(frozen=True, slots=True)
class MarkCleaning:
    """What came of taking out a mark."""

    is_gone: bool
    words: str


async def left_marks(store: Store) -> list[LeftMark]:
    """Return the marks that writes left and nobody took out yet, the oldest first."""
    found: dict[str, LeftMark] = {}
    for head in await store.heads(HeadQuery(None, kind=kinds.SESSION, limit=MOST_SESSIONS)):
        for event in await store.read(head.stream):
            data = json.loads(event.payload)
            if event.kind == SETTLED and data.get("found") == CLEANED:
                found.pop(data["id"], None)
            elif data.get("phase") == "intended" and data.get("has_mark"):
                call = BegunCall(data["id"], head.stream, data.get("same", ""), event.at, data["tool"], key=data["key"])
                where = json.loads(data.get("mark_at", "{}"))
                found[data["id"]] = LeftMark(call, data["upstream"], data["tool"], data["by"], where)
            elif data.get("outcome") in _NOTHING_MADE:
                found.pop(data["id"], None)
    return sorted(found.values(), key=lambda mark: mark.call.at)


async def clean_mark(upstreams: Upstreams, recorder: Recorder, mark: LeftMark) -> MarkCleaning:
    """Take a mark out of whatever has it, and record that."""
    try:
        cleaned = await _cleaned(upstreams, recorder, mark)
    except NotFilled as missing:
        return MarkCleaning(False, f"its cleaning needs {missing}, which is not known of it")
    except StepwardenError as error:
        return MarkCleaning(False, str(error))
    if cleaned.is_gone:
        await recorder.settle([mark.call], mark.by, found=CLEANED)
    return cleaned


async def _cleaned(upstreams: Upstreams, recorder: Recorder, mark: LeftMark) -> MarkCleaning:
    look = upstreams.server(mark.upstream).config.looks.get(mark.tool)
    if look is None or look.clean is None:
        return MarkCleaning(False, "how it is taken out is not declared (clean)")
    index = ToolIndex(upstreams)
    seen = await WriteLook(index, recorder, mark.by).find(mark.upstream, mark.where, look, mark.call.key)
    if seen.things is None:
        return MarkCleaning(False, seen.words)
    for thing in seen.things:
        name, arguments = f"{mark.upstream}/{look.clean.tool}", _arguments(look.clean, mark, thing)
        made = await RecordedCalls(recorder, mark.by, "user").make(await prepare_call(index, name, arguments))
        if not isinstance(made.answer, ToolResult) or made.answer.is_error:
            return MarkCleaning(False, f"{name} gave an error")
    return MarkCleaning(True, f"taken out of {len(seen.things)}" if seen.things else "it is nowhere any more")


def _arguments(clean: CleaningConfig, mark: LeftMark, thing: Any) -> dict[str, Any]:
    has = next(iter(values_at(thing, clean.field)), None)
    if has is None:
        raise NotFilled(clean.field)
    return filled(clean.arguments, {**mark.where, "found": thing, "left": unmarked(has, mark.call.key)})
