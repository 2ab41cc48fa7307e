"""What a run's history records: facts and decisions, each a frozen value with its form on disk.

As with threads, an event says what was decided or what came, never what to do about it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from stepwarden.runs.data_summary import DataSummary
from stepwarden.runs.limits import NOTHING, STORED_LIMITS, Amount, RunLimits
from stepwarden.runs.run import JobPlan, RunStatus, Stopping, ToolLevel
from stepwarden.runs.run_calls import Approval, Body, ProposedCall
from stepwarden.runs.steered_events import STEERED_KINDS, SteeredEvent
from stepwarden.runs.workflow_state import StateChange


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins. `by` asked for it, `via` names where; `thread` is the one that it was asked for in.

    `is_local` says that they are on this machine: files of their directory may be read then.
    """

    request: str
    by: str
    via: str
    limits: RunLimits = STORED_LIMITS
    approval: Approval = Approval.WRITES
    pauses_at_limits: bool = False
    directory: str | None = None
    is_local: bool = False
    thread: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class JobsPlanned:
    """Jobs are added."""

    jobs: tuple[JobPlan, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunAttached:
    """A driver takes the run over; the time since the event before was nobody's work."""

    driver: str


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """A model is asked. `notice` is what it is told of limits that come near."""

    key: str
    job: str
    model: str
    reserved: Amount
    prompt_tokens: int
    attempt: int = 1
    level: ToolLevel = ToolLevel.FULL
    is_last_turn: bool = False
    notice: str = ""
    ability: str = ""


@dataclass(frozen=True, slots=True)
class FailedAnswer:
    """Why there is no answer. `fatal` is what no other try can mend; a cancelled question failed for nobody.

    `passing` is what time may mend, and nothing else: a rate limit, a network that is gone. `retry_after` are the
    seconds that the vendor named.
    """

    kind: str
    text: str
    fatal: bool = False
    passing: bool = False
    retry_after: float = 0.0

    @property
    def was_cancelled(self) -> bool:
        """Whether we ended it ourselves."""
        return self.kind == CANCELLED


CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """What came of asking. `matched` are the stop conditions whose pattern is in the text.

    `kept` is what the model's endpoint wants to have back with the answer.
    """

    key: str
    text: Body = field(default_factory=Body)
    calls: tuple[ProposedCall, ...] = ()
    spent: Amount = NOTHING
    is_priced: bool = True
    seconds: float = 0.0
    matched: tuple[str, ...] = ()
    failure: FailedAnswer | None = None
    kept: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """A call waits for a person. `about` is the digest of the tool as it was described, and of the arguments."""

    call: str
    about: str = ""
    until: float | None = None  # then it is refused


@dataclass(frozen=True, slots=True)
class CallSent:
    """A call that may change something is about to be sent."""

    call: str


@dataclass(frozen=True, slots=True)
class CallReserved:
    """Something is set aside for the models that a call asks; what was set aside before for it counts as spent."""

    call: str
    reserved: Amount = NOTHING


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call has its result, or its error. `refused` says that it was not sent; `summary` is of what its tool gave.

    `spent` is what the models cost that it asked, `thread` the thread that it took a step of. `grown_mb` is by how much
    the process grew meanwhile, where the run has a limit for that.
    """

    call: str
    result: Body = field(default_factory=Body)
    failed: bool = False
    refused: bool = False
    seconds: float = 0.0
    matched: tuple[str, ...] = ()
    spent: Amount = NOTHING
    is_priced: bool = True
    thread: str = ""
    summary: DataSummary | None = None
    grown_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class CallDoubted:
    """Nobody knows whether a call that was sent was carried out; `look_at` is when a look can tell, if one can."""

    call: str
    why: str = ""
    look_at: float | None = None


@dataclass(frozen=True, slots=True)
class DoubtSettled:
    """It was found out what became of a call: it was carried out, or it was not and is sent again.

    `given_up`: it was sent so often, and never carried out, that it is not sent again.
    `by` is what told it: record, idempotent, look or read; `evidence` says how.
    """

    call: str
    verdict: Literal["done", "not_done", "given_up"]
    by: str
    evidence: Body = field(default_factory=Body)


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A tool wrote the workflow state."""

    change: StateChange


@dataclass(frozen=True, slots=True)
class RunCommanded:
    """A person's word, and what became of it. `id` is the sender's, so that the same word counts once."""

    id: str
    kind: str
    by: str
    via: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    accepted: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class JobStopping:
    """A condition or a limit fired: the job asks for nothing more, one last answer perhaps."""

    job: str
    stopping: Stopping


RESTS_AT_LIMIT = "limit: "
"""How `RunPaused.why` begins where a run rests at a limit, which then follows: `steps 3 of 3`."""


@dataclass(frozen=True, slots=True)
class RunPaused:
    """The run rests until somebody resumes it."""

    why: str


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job is over."""

    job: str
    status: RunStatus
    why: str = ""
    answer: Body = field(default_factory=Body)


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over."""

    status: RunStatus
    why: str = ""
    answer: Body = field(default_factory=Body)


@dataclass(frozen=True, slots=True)
class RunCrashed:
    """Whoever drove it broke off by a fault of ours; `error` is its type and place."""

    error: str


RunEvent = (
    RunStarted
    | JobsPlanned
    | RunAttached
    | QuestionAsked
    | QuestionAnswered
    | ApprovalAsked
    | CallSent
    | CallReserved
    | CallEnded
    | CallDoubted
    | DoubtSettled
    | StateChanged
    | RunCommanded
    | JobStopping
    | RunPaused
    | JobEnded
    | RunEnded
    | RunCrashed
    | SteeredEvent
)

_KINDS: dict[str, type[Any]] = {
    "started": RunStarted,
    "planned": JobsPlanned,
    "attached": RunAttached,
    "asked": QuestionAsked,
    "answered": QuestionAnswered,
    "approval_asked": ApprovalAsked,
    "sent": CallSent,
    "call_reserved": CallReserved,
    "call_ended": CallEnded,
    "in_doubt": CallDoubted,
    "resolved": DoubtSettled,
    "state": StateChanged,
    "commanded": RunCommanded,
    "stopping": JobStopping,
    "paused": RunPaused,
    "job_ended": JobEnded,
    "ended": RunEnded,
    "crashed": RunCrashed,
    **STEERED_KINDS,
}
_NAMES = {cls: kind for kind, cls in _KINDS.items()}


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[kind])


def encode_run_event(event: RunEvent) -> tuple[str, str]:
    """Return (kind, payload) of an event; the payload is JSON without the fields that have their default.

    The limits of a run are written whole, so that the defaults of a newer version do not change them. Where one is
    missing, in older streams, it has the default of `RunLimits`, which is a format.
    """
    kind = _NAMES[type(event)]
    payload = _adapter(kind).dump_json(event, exclude_defaults=True).decode()
    if not isinstance(event, RunStarted):
        return kind, payload
    limits = TypeAdapter(RunLimits).dump_python(event.limits, mode="json")
    return kind, json.dumps({**json.loads(payload), "limits": limits}, ensure_ascii=False, separators=(",", ":"))


def decode_run_event(kind: str, payload: str) -> RunEvent:
    """Return the event of (kind, payload). Raises KeyError and pydantic's ValidationError for what is not known."""
    return _adapter(kind).validate_json(payload)
