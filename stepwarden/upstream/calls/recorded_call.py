"""Makes a prepared call and records it: a write before it is sent, and every call once it is over."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from stepwarden.errors import (
    SignInFailed,
    SignInNeeded,
    StepwardenError,
    StoreError,
    UpstreamDown,
    UpstreamFailed,
    UpstreamRefused,
)
from stepwarden.upstream.approval import ApprovedBy
from stepwarden.upstream.call_request import CallProgress, CallReply, CallRequest, CallRound
from stepwarden.upstream.calls.call_doubt import CallDoubt
from stepwarden.upstream.calls.lost_answers import leaves_open
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.prepared_call import PreparedCall
from stepwarden.upstream.calls.records import SUMMARY_CHARS, CallRecord, Outcome, Recorder, new_id
from stepwarden.upstream.calls.result_text import text_of
from stepwarden.upstream.digest import digest_of
from stepwarden.upstream.doubts.marks import marked, new_key
from stepwarden.upstream.doubts.templates import names_in
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.tool_call import CallAnswer
from stepwarden.upstream.tool_result import ToolResult

FIRST_ROUND = CallRound()
MISFIT_CHARS = 300


@dataclass(frozen=True)
class RecordedCalls:
    """Makes calls for the principal `by`; `approved` says what allowed a write, "" for a read.

    `doubt` are the same calls that were begun before, and that somebody looked after; `thread` is what it is made for.
    `by_session`: nobody named it, it is the latest open one of the session. `key` is what a server could know a write
    again by; one that is sent again keeps the one that it had.
    """

    recorder: Recorder
    by: str
    approved: ApprovedBy | Literal[""] = ""
    doubt: CallDoubt | None = None
    thread: str = ""
    by_session: bool = False
    key: str = ""
    _own_key: str = field(default_factory=new_key, init=False)

    async def make(
        self, prepared: PreparedCall, round_: CallRound = FIRST_ROUND, on_progress: CallProgress | None = None
    ) -> CallOutcome:
        """Make one round of a call, and record it.

        Raises UpstreamDown (not sent), UpstreamSilent (sent, nobody knows), UpstreamRefused, SignInNeeded, and
        StoreError where it could not be recorded: a write is not sent then.
        """
        tool, server = prepared.tool, prepared.server
        key = "" if tool.effects.reads_only else self._key
        arguments, mark_at = _with_mark(prepared, key)
        record = CallRecord(
            id=new_id("call"),
            phase="ended",
            upstream=server.name,
            tool=tool.name,
            kind=tool.effects.kind,
            by=self.by,
            arguments=digest_of(prepared.arguments),
            approved=self.approved,
            same=prepared.sameness,
            thread=self.thread,
            by_session=self.by_session,
            key=key,
            has_mark=mark_at is not None,
            mark_at=json.dumps(mark_at) if mark_at else "",
        )
        request = CallRequest(tool.name, arguments, round_, on_progress, permit=prepared.ensure_trusted, key=key)
        ends = server.caller.end - (prepared.spent_s if round_ == FIRST_ROUND else 0.0)
        async with recorded(self.recorder, record) as note:
            if not tool.effects.reads_only:
                # no intent is recorded where nothing can be sent
                await server.caller.session(ends)
                await self._begin(prepared, record)
            answer = await server.caller.call(request, repeatable=prepared.repeatable, ends=ends)
            note.answered(answer)
            if note.outcome == "error" and record.same and leaves_open(note.text):
                note.outcome = "unknown"
        mismatch = _mismatch(prepared, answer.answer)
        return CallOutcome(answer.answer, note.seconds, answer.attempts, mismatch, in_doubt=note.outcome == "unknown")

    @property
    def _key(self) -> str:
        """The key of this call: that of the first time that it was sent, as far as it is known."""
        before = self.doubt.begun if self.doubt is not None else ()
        return self.key or next((call.key for call in before if call.key), self._own_key)

    async def _begin(self, prepared: PreparedCall, record: CallRecord) -> None:
        """Record that a call is about to be sent. Raises UpstreamRefused where another process began the same one.

        It is recorded first and looked for then: of two that begin at once, at least one sees the other.
        """
        await self.recorder.record(replace(record, phase="intended"))
        if not record.same:
            return
        looked = () if self.doubt is None else self.doubt.begun
        known = {record.id, *(call.id for call in looked)}
        others = [call for call in await self.recorder.in_doubt(self.by, record.same) if call.id not in known]
        if others:
            raise prepared.doubt(others).refusal
        await self.recorder.settle(looked, self.by, record.id)


def _with_mark(prepared: PreparedCall, key: str) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """Return the arguments as they are sent, and those by which the mark in them is found; None where there is none."""
    look = prepared.server.config.look_of(prepared.tool.name) if key else None
    arguments = None
    if look is not None and look.mark is not None:
        arguments = marked(prepared.tool, prepared.arguments, look.mark, key)
    if look is None or arguments is None:
        return prepared.arguments, None
    named = names_in([look.arguments, look.clean.arguments if look.clean is not None else {}])
    return arguments, {name: value for name, value in prepared.arguments.items() if name in named}


def _mismatch(prepared: PreparedCall, reply: CallReply) -> str:
    """Return how a structured result does not fit what the tool announces, "" where it does."""
    if not isinstance(reply, ToolResult) or reply.is_error:
        return ""
    checker = prepared.server.registry.checkers.result_of(prepared.tool)
    if checker is None:
        return ""
    if reply.structured_content is None:
        return "it announces a structured result and gave none"
    lines = checker.errors_in(reply.structured_content)
    words = f"its structured result does not fit its own schema: {'; '.join(lines)}"
    return quoted(words, MISFIT_CHARS) if lines else ""


@dataclass
class CallNote:
    """How a call ended, as far as it is known; for its record."""

    outcome: Outcome = "unknown"
    text: str = ""
    summary: str = ""
    answer_bytes: int = 0
    by_error: bool = False
    attempts: int = 1
    seconds: float = 0.0
    recordable: bool = True  # False where the store could not take the intent: it will not take the end

    def answered(self, answer: CallAnswer) -> None:
        """Note what came back."""
        self.attempts = answer.attempts
        result = answer.answer
        if not isinstance(result, ToolResult):
            self.outcome = "asked"
            return
        self.text, _ = text_of(result)
        self.outcome = "error" if result.is_error else "ok"
        self.summary = quoted(self.text, SUMMARY_CHARS)
        self.answer_bytes = len(self.text.encode(errors="replace"))

    def failed(self, outcome: Outcome, error: Exception) -> None:
        """Note that it failed, and how."""
        self.outcome, self.summary = outcome, quoted(str(error), SUMMARY_CHARS)
        self.by_error = isinstance(error, UpstreamFailed)


@asynccontextmanager
async def recorded(recorder: Recorder, record: CallRecord) -> AsyncGenerator[CallNote]:
    """Record how a call ended, whichever way it did; also when it is cancelled."""
    note = CallNote()
    began = time.monotonic()
    try:
        yield note
    except (UpstreamDown, SignInNeeded, SignInFailed) as error:
        note.failed("not_sent", error)
        raise
    except StoreError:
        note.recordable = False
        raise
    except StepwardenError as error:
        note.failed("refused" if isinstance(error, UpstreamRefused) else "unknown", error)
        raise
    except asyncio.CancelledError:
        note.outcome = "cancelled"
        raise
    finally:
        note.seconds = time.monotonic() - began
        ended = replace(
            record,
            outcome=note.outcome,
            summary=note.summary,
            answer_bytes=note.answer_bytes,
            answered=note.by_error,
            attempts=note.attempts,
            duration_ms=round(note.seconds * 1_000),
        )
        if note.recordable:  # in a task of its own: a call that is cancelled is recorded all the same
            await asyncio.shield(asyncio.ensure_future(recorder.record(ended)))
