"""What goes into the store and what comes out of it, as plain frozen data."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Outcome = Literal["open", "done", "inconclusive", "abandoned"]
"""How a stream stands; retention and the user set `abandoned`, the machine the others."""

FINISHED: tuple[Outcome, ...] = ("done", "inconclusive", "abandoned")
"""Every outcome but `open`."""

ConsultationState = Literal["claimed", "done", "failed", "given_up"]
"""How a consultation stands: being asked, answered, without an answer, or no longer wanted."""

TITLE_CHARS = 120
"""A longer title is cut to this many characters, so that a head row has a bounded size."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event to append: its `kind` (a short word) and its `payload` (canonical JSON text, stored as it is)."""

    kind: str
    payload: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One recorded event: `seq` counts from 1 without gaps, `at` is in unix seconds, `hash` 64 hex digits."""

    stream: str
    seq: int
    at: float
    kind: str
    payload: str
    hash: str


@dataclass(frozen=True, slots=True)
class HeadChange:
    """What one append says of its stream's head row.

    `principal`, `tool`, `kind` and `origin` are fixed by the first append and ignored later, except that another
    principal is refused. `steps` counts live steps, `total_steps` planned ones. `completed` is true for the append
    that completes the stream: its time becomes the head's `finished`.
    """

    tool: str
    principal: str
    title: str
    outcome: Outcome
    steps: int
    total_steps: int
    directory: str | None = None
    origin: str | None = None
    completed: bool = False
    kind: str = "thread"


@dataclass(frozen=True, slots=True)
class Head:
    """One stream as a listing shows it; `version` is the number of its last event.

    `created`, `updated` and `finished` are unix seconds; `finished` is the last completion, kept when the stream
    is reopened, and None before the first.
    """

    stream: str
    kind: str
    tool: str
    principal: str
    directory: str | None
    title: str
    version: int
    outcome: Outcome
    steps: int
    total_steps: int
    created: float
    updated: float
    finished: float | None
    origin: str | None


@dataclass(frozen=True, slots=True)
class HeadQuery:
    """Which heads a listing asks for; see `Store.heads`."""

    principal: str | None
    tool: str | None
    outcome: Outcome | None
    directory_first: str | None
    prefix: str | None
    limit: int
    offset: int


@dataclass(frozen=True, slots=True)
class Staleness:
    """Which streams retention takes: idle since before these unix seconds (None: not at all)."""

    orphans_before: float
    finished_before: float | None
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to ask what: `owner` is a token that nobody else uses, the lease ends `lease_s` seconds from now."""

    stream: str
    key: str
    owner: str
    lease_s: float
    model: str
    request_digest: str


@dataclass(frozen=True, slots=True)
class ClaimHandle:
    """A claim as its holder names it."""

    stream: str
    key: str
    owner: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What calls of models cost together. Unpriced ones are counted, and only their tokens."""

    tokens: int = 0
    dollars: Decimal = Decimal()
    unpriced_calls: int = 0


@dataclass(frozen=True, slots=True)
class Spending:
    """What a consultation cost: tokens, and US dollars. None means that nobody told, which is not 0."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Consultation:
    """One request to a model: `key` is unique in its stream, `attempt` counts from 1 how often it was claimed.

    `requested_at` (of this attempt), `finished_at` and `lease_until` are unix seconds. `payload` is the answer or
    the failure as JSON text, None before and where it was given up. `lapsed` says that it was claimed and that its
    lease was over when it was read: whoever claims it now gets it.
    """

    stream: str
    key: str
    state: ConsultationState
    attempt: int
    owner: str
    lease_until: float
    requested_at: float
    finished_at: float | None
    model: str
    request_digest: str
    payload: str | None
    spending: Spending
    lapsed: bool

    @property
    def settled(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state != "claimed"
