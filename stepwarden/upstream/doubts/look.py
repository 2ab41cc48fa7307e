"""One look whether a write was carried out: a read of the same upstream, recorded as such, and judged by a rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwarden.errors import StepwardenError, UpstreamRefused
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.calls.records import Recorder
from stepwarden.upstream.doubts.templates import NotFilled, filled, holds, value_of, values_at
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.look_config import LookConfig
from stepwarden.upstream.tool_index import ToolIndex
from stepwarden.upstream.tool_result import ToolResult

SHOWN_CHARS = 200  # of what was found


@dataclass(frozen=True, slots=True)
class LookFinding:
    """What a look saw: the things that it looked for; None where it could not tell, `why` says so."""

    things: tuple[Any, ...] | None
    words: str
    may_pass: bool = False  # whether the same look may tell a little later


@dataclass(frozen=True)
class WriteLook:
    """Looks for what `written` made, for the principal `by`; `thread` is what it was made for."""

    index: ToolIndex
    recorder: Recorder
    by: str
    thread: str = ""

    async def find(self, upstream: str, written: Mapping[str, Any], look: LookConfig, key: str) -> LookFinding:
        """Return what is there of a write with these arguments, by its declared look; `key` is its mark."""
        values: Mapping[str, Any] = {**written, "mark": key}
        try:
            arguments = filled(look.arguments, values)
            wanted = str(filled(look.holds, values))
        except NotFilled as missing:
            return LookFinding(None, f"its look needs {missing}, which the call does not have")
        name = f"{upstream}/{look.tool}"
        try:
            read = await prepare_call(self.index, name, arguments)
            if not read.tool.effects.reads_only:
                raise UpstreamRefused(f"{name} is not marked as reading, so it is not used to look")
            outcome = await RecordedCalls(self.recorder, self.by, thread=self.thread).make(read)
        except UpstreamRefused as error:
            return LookFinding(None, f"the look with {name} could not be made: {error}")
        except StepwardenError as error:
            return LookFinding(None, f"the look with {name} failed: {error}", may_pass=True)
        if not isinstance(outcome.answer, ToolResult) or outcome.answer.is_error:
            return LookFinding(None, f"the look with {name} gave an error", may_pass=True)
        there = list(values_at(value_of(outcome.answer), look.path))
        things = tuple(one for one in there if not wanted or holds(one, wanted))
        if not things and look.most and len(there) >= look.most:
            return LookFinding(None, f"{name} gave {len(there)} and has perhaps more: not found among those")
        found = f"{name} has it: {quoted(str(things[0]), SHOWN_CHARS)}" if things else f"{name} does not have it"
        return LookFinding(things, found)
