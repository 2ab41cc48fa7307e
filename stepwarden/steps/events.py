"""What a thread's history records: facts and decisions, each a frozen value with its form on disk.

An event says what was decided, never what to decide: the fold of old events gives the same thread under newer rules.
One call appends `StepRecorded` (with `Opened` before it on a new thread) and then what was decided about it.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from stepwarden.steps.clause import Clause
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.thread import Assurance, DecidedBy, Origin, Outcome, Plan, Signal, Step


@dataclass(frozen=True, slots=True)
class Opened:
    """A thread begins; `run` is the run whose model began it, "" where a host's did."""

    tool: str
    origin: Origin | None = None
    run: str = ""


@dataclass(frozen=True, slots=True)
class StepRecorded:
    """A step is acknowledged.

    `backtracked` says that it superseded all steps from its number on, `reopened` that the thread had ended before.
    """

    step: Step
    backtracked: bool = False
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The number of steps was set or changed."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Signalled:
    """The manager told the agent something beside the plan."""

    signal: Signal
    reason: str
    by: DecidedBy = DecidedBy.RULE


@dataclass(frozen=True, slots=True)
class Held:
    """The agent asked to finish and was held once; `open` are the clauses that barred it."""

    open: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The thread completed. `open` were passed over, `saved` steps of the plan were not needed."""

    by: DecidedBy
    outcome: Outcome
    assurance: Assurance
    reason: str = ""
    open: tuple[Clause, ...] = ()
    saved: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """A call on this thread was refused and not recorded as a step."""

    number: int
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A person gave the thread up; `via` names where the command came in, "" where that was not recorded."""

    by: DecidedBy = DecidedBy.USER
    via: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model is asked about step `number`; `key` names the consultation in the store.

    In a consensus it stands for every model whose answer this step hears; `left_out` are files that none of them is
    sent, `files` counts those that they are. `source` is as in `Preparation`.
    """

    key: str
    number: int
    model: str
    left_out: tuple[str, ...] = ()
    source: str = ""
    files: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of asking, or why nothing did: an expert's review (`opinion`), or a panelist's answer (`voice`)."""

    key: str
    opinion: ExpertReview = field(default_factory=ExpertReview)
    voice: PanelAnswer | None = None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The agent went on without waiting for an answer, which is dropped when it comes."""

    key: str


Event = Opened | StepRecorded | Planned | Signalled | Held | Finished | Refused | Abandoned | Asked | Answered | GivenUp

_KINDS: dict[str, type[Any]] = {
    "opened": Opened,
    "step": StepRecorded,
    "planned": Planned,
    "signalled": Signalled,
    "held": Held,
    "finished": Finished,
    "refused": Refused,
    "abandoned": Abandoned,
    "asked": Asked,
    "answered": Answered,
    "given_up": GivenUp,
}
_NAMES = {cls: kind for kind, cls in _KINDS.items()}


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[kind])


def encode(event: Event) -> tuple[str, str]:
    """Return (kind, payload) of an event; the payload is JSON without the fields that have their default."""
    kind = _NAMES[type(event)]
    return kind, _adapter(kind).dump_json(event, exclude_defaults=True).decode()


def decode(kind: str, payload: str) -> Event:
    """Return the event that `encode` wrote; unknown fields of newer versions are passed over.

    Raises KeyError for an unknown kind and pydantic.ValidationError for a payload that is not of it.
    """
    return _adapter(kind).validate_json(payload)
