"""What the pages show of runs, as plain values: made of a run and its history, and of nothing else."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar, cast

from stepwarden.agents.run_list import ListedRun
from stepwarden.agents.run_text import WaitingCall, extension_of, waiting_calls
from stepwarden.runs.run import AgentStep, Job, Run, RunStatus
from stepwarden.runs.run_calls import CallKind, CallState, RunCall

STEPS_SHOWN = 40
RESULT_CHARS = 400
VALUE_CHARS = 2_000
FACTS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a list. `since` is when what waits began to wait, or the last change."""

    id: str
    request: str
    word: str
    verdict: str
    steps: int
    most_steps: int
    created: float
    since: float
    waiting: Sequence[WaitingCall] = ()


def run_row(listed: ListedRun) -> RunRow:
    """Return how a list shows a run."""
    head = listed.head
    return RunRow(
        id=head.stream,
        request=head.title,
        word="waiting" if listed.waiting else {"completed": "done"}.get(head.state, head.state),
        verdict=listed.verdict.partition(": ")[2],
        steps=head.steps,
        most_steps=head.total_steps,
        created=head.created,
        since=head.updated,
        waiting=listed.waiting,
    )


def status_word(run: Run) -> str:
    """Return how a run stands in one word for people: one that waits does not run."""
    if run.status is RunStatus.RUNNING and not run.is_at_work and waiting_calls(run):
        return "waiting"
    return {RunStatus.COMPLETED: "done"}.get(run.status, run.status.value)


@dataclass(frozen=True, slots=True)
class Meter:
    """How much of one limit is used, in its unit; `most` is None where there is no limit."""

    name: str
    used: str
    most: str | None
    share: float

    @property
    def is_near(self) -> bool:
        """Whether four fifths are used, from where the model is told."""
        return self.share >= 0.8


def meters(run: Run, now: float) -> list[Meter]:
    """Return the meters of a run's limits."""
    limits = run.limits
    work = run.working_seconds(now)
    return [
        _meter("Steps", run.steps, limits.steps, str),
        _meter("Work", work, limits.seconds, duration),
        _meter("Tokens", run.spent.tokens, limits.tokens, with_commas),
        _meter("Dollars", run.spent.dollars, limits.dollars, _money),
    ]


def with_commas(number: int) -> str:
    """Return a number as people read it."""
    return f"{number:,}"


def _money(dollars: Decimal) -> str:
    return f"{dollars:.4f}".rstrip("0").rstrip(".")


_Number = TypeVar("_Number", int, float, Decimal)


def _meter(name: str, used: _Number, most: _Number | None, show: Callable[[_Number], str]) -> Meter:
    share = float(Decimal(str(used)) / Decimal(str(most))) if most else 0.0
    return Meter(name, show(used), None if most is None else show(most), min(1.0, share))


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


@dataclass(frozen=True, slots=True)
class CallDecision:
    """A call that a person has to say something to. `typed` is what has to be typed to allow it, "" for a click."""

    call: WaitingCall
    fields: Sequence[tuple[str, str]]
    reason: str
    typed: str


def decisions(run: Run) -> list[CallDecision]:
    """Return what waits for a person in a run, in its order."""
    if run.status.is_end:
        return []
    reasons = {call.key: step.text.text for step in _last_steps(run) for call in step.calls}
    return [_decision(call, reasons.get(call.key, "")) for call in waiting_calls(run)]


def _last_steps(run: Run) -> Iterator[AgentStep]:
    return (job.current for job in run.jobs.values() if job.current is not None)


def _decision(call: WaitingCall, reason: str) -> CallDecision:
    typed = call.tool.rpartition("/")[2] if call.kind == CallKind.DESTRUCTIVE and not call.in_doubt else ""
    return CallDecision(call, argument_fields(call.arguments), reason, typed)


def argument_fields(arguments: str) -> list[tuple[str, str]]:
    """Return the arguments of a call by name, each value as text; nothing where they are no object."""
    try:
        found = json.loads(arguments)
    except ValueError:
        return []
    if not isinstance(found, dict):
        return []
    return [(name, shown_value(value)) for name, value in cast("dict[str, Any]", found).items()]


def shown_value(value: Any) -> str:
    """Return a value as people read it: text as it is, the rest as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str, indent=2)
    return text if len(text) <= VALUE_CHARS else f"{text[:VALUE_CHARS]}…"


@dataclass(frozen=True, slots=True)
class CallView:
    """One call in the story of a run."""

    key: str
    tool: str
    kind: str
    word: str
    arguments: str
    result: str
    size: int
    seconds: float
    summary: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class StepView:
    """One answer of a model with its calls. `begun` and `whole` are seconds of work: before it, and of it."""

    job: str
    number: int
    text: str
    calls: Sequence[CallView]
    tokens: int
    answered: float
    begun: float
    whole: float
    is_last_turn: bool


def step_views(run: Run) -> list[StepView]:
    """Return every step of a run, job by job, in their order."""
    return [view for job in run.jobs.values() for view in _step_views(job)]


def _step_views(job: Job) -> Iterator[StepView]:
    begun = 0.0
    for step in job.steps:
        calls = [call_view(call) for call in step.calls]
        yield StepView(
            job.id,
            step.number,
            step.text.text,
            calls,
            step.spent.tokens,
            step.seconds,
            begun,
            step.duration,
            step.is_last_turn,
        )
        begun += step.duration


def call_view(call: RunCall) -> CallView:
    """Return how the story shows a call."""
    words = {CallState.IN_DOUBT: "in doubt", CallState.WAITING: "waits for you", CallState.SENT: "sent"}
    return CallView(
        call.key,
        call.tool,
        call.kind.value,
        words.get(call.state, call.state.value),
        call.proposed.arguments,
        call.result.text,
        call.result.size,
        call.seconds,
        summary_of(call.result.text, call.result.size),
        call.state in {CallState.FAILED, CallState.REFUSED, CallState.IN_DOUBT},
    )


def summary_of(text: str, size: int) -> str:
    """Return what a result is: its kind, how many, its first keys, and how big."""
    try:
        value = json.loads(text)
    except ValueError:
        lines = text.rstrip("\n").count("\n") + 1
        counted = f"{lines} lines, " if lines > 1 else ""
        return f"{counted}{size_text(size)}" if text else ""
    if isinstance(value, list):
        items = cast("list[Any]", value)
        keys = f" of {{{_keys(cast('dict[str, Any]', items[0]))}}}" if items and isinstance(items[0], dict) else ""
        return f"list of {len(items)}{keys}, {size_text(size)}"
    if isinstance(value, dict):
        return f"object {{{_keys(cast('dict[str, Any]', value))}}}, {size_text(size)}"
    return f"{type(value).__name__}, {size_text(size)}"


def _keys(value: Mapping[str, Any]) -> str:
    more = ", …" if len(value) > 6 else ""
    return ", ".join(name[:40] for name in list(value)[:6]) + more


def size_text(size: int) -> str:
    """Return a size in bytes as people read it."""
    return f"{size:,} B" if size < 10_000 else f"{size / 1_000:,.0f} kB"


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that a person can say to a whole run, and why not where it cannot be said now."""

    kind: str
    label: str
    field: str = ""
    value: str = ""


def controls(run: Run) -> list[Control]:
    """Return what can be said to a run as it stands."""
    match run.status:
        case RunStatus.RUNNING if run.stop_asked:
            return []
        case RunStatus.RUNNING:
            return [Control("pause", "Pause"), Control("stop", "Stop")]
        case RunStatus.PAUSED:
            return [Control("resume", "Resume"), Control("stop", "Stop")]
        case RunStatus.STOPPED:
            limit, added = extension_of(run)
            return [Control("extend", f"Go on with {added} more {limit}", limit, str(added))]
        case _:
            return []


def facts_of(run: Run) -> list[tuple[str, str]]:
    """Return what the work wrote down: its data and its numbers."""
    state = run.state
    pairs = [*state.data.items(), *((name, f"{number:g}") for name, number in state.metrics.items())]
    return [(name, shown_value(value)) for name, value in pairs[:FACTS_SHOWN]]
