"""What goes into the store and what comes out of it, as plain frozen data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from stepwarden.storage.kinds import THREAD, StreamKind

ConsultationState = Literal["claimed", "done", "failed", "given_up"]
"""How a consultation stands: being asked, answered, without an answer, or no longer wanted."""

TITLE_CHARS = 120
"""A longer title is cut to this many characters, so that a head row has a bounded size."""


LATEST_S = 253_402_300_800.0
"""The year 10,000 in unix seconds: nothing was written then or later."""


def possible_time(value: object) -> float:
    """Return what stands for a time in a row that others may have changed: 0 for what is none."""
    return value if isinstance(value, int | float) and 0 <= value < LATEST_S else 0.0


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
class PositionedEvent:
    """One event of any stream with its position in the whole store.

    It is greater than those of all events that were recorded before its append began. There may be gaps, and no
    position is given twice.
    """

    position: int
    event: StoredEvent


@dataclass(frozen=True, slots=True)
class HeadChange:
    """What one append says of its stream's head row.

    `principal`, `tool`, `kind` and `origin` are fixed by the first append and ignored later, except that another
    principal is refused. `state` is one of the kind's. `steps` counts what the kind counts; `total_steps` is how many
    are planned, 0 where nothing is. `completed` is true for the append that completes the stream: its time becomes
    the head's `finished`. Raises ValueError for a state that the kind does not have.
    """

    tool: str
    principal: str
    title: str
    state: str
    steps: int
    total_steps: int = 0
    directory: str | None = None
    origin: str | None = None
    completed: bool = False
    kind: StreamKind = THREAD

    def __post_init__(self) -> None:
        if self.state not in self.kind.states:
            raise ValueError(f"{self.state!r} is no state of a {self.kind.name}: {', '.join(self.kind.states)}")


@dataclass(frozen=True, slots=True)
class Append:
    """Events for one stream, all recorded or none.

    `expected` is the number of the last event that the caller knows of, 0 for a new stream. `keep` goes with the stream
    by name, where no such name is kept yet. `previous` is the hash that event `expected` has to have, where the caller
    knows it: its head is then moved on without being read. Raises ValueError without events, and for a hash before a
    new stream.
    """

    stream: str
    expected: int
    events: Sequence[NewEvent]
    head: HeadChange
    keep: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    previous: str | None = None

    def __post_init__(self) -> None:
        if not self.events:
            raise ValueError("append needs at least one event")
        if self.previous is not None and not self.expected:
            raise ValueError("a new stream has no event before")


@dataclass(frozen=True, slots=True)
class Head:
    """One stream as a listing shows it; `version` and `hash` are the number and the hash of its last event.

    `kind` is the name of a kind of streams and says what `state`, `steps` and `total_steps` mean; see `HeadChange`.
    `created`, `updated` and `finished` are unix seconds; `finished` is the last completion, kept when the stream
    is reopened, and None before the first. `damaged` names what the row holds no possible value of: it was changed
    outside, and "", 0 or None stands for it here.
    """

    stream: str
    kind: str
    tool: str
    principal: str
    directory: str | None
    title: str
    version: int
    state: str
    steps: int
    total_steps: int
    created: float
    updated: float
    finished: float | None
    origin: str | None
    hash: str
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AcknowledgedHead:
    """The last event of a stream as somebody was told that it is on disk; `origin` is a word of that store alone."""

    origin: str
    position: int
    seq: int
    hash: str
    stream: str
    principal: str


@dataclass(frozen=True, slots=True)
class LostHead:
    """An acknowledged head that the store no longer has; `left` is how many entries its stream has now, 0 for none."""

    head: AcknowledgedHead
    left: int


@dataclass(frozen=True, slots=True)
class EventText:
    """A text that an event of one of these kinds has in its payload, upper and lower case being the same."""

    text: str
    kinds: Sequence[str]


@dataclass(frozen=True, slots=True)
class StreamMoves:
    """What was recorded since an earlier look: the last number of each stream, and the position that it goes up to."""

    position: int
    last: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class QueuedCounts:
    """How many runs of the queue stand in one state, and how many of these have nothing to do until they are woken."""

    runs: int
    parked: int


@dataclass(frozen=True, slots=True)
class HeadQuery:
    """Which heads to list: by default everybody's, of every kind, the last updated first.

    `principal` None means everybody's: that is for the command line alone. `state` is meant within a kind, so it
    needs one (else ValueError). Heads whose directory is `directory_first` come before all others; `prefix` is the
    beginning of an id, `origin` the stream that they follow. `since` and `until` (unix seconds) are a time in which
    they were begun or changed; `having` are texts that their events have, which are looked for in the order of the
    list until there are enough. With `is_parked` they are in the queue of runs with nothing to do until they are woken.
    `after` is the time of the last change and the id of the head that the list goes on behind.
    """

    principal: str | None
    kind: StreamKind | None = None
    state: str | None = None
    tool: str | None = None
    directory_first: str | None = None
    prefix: str | None = None
    origin: str | None = None
    since: float | None = None
    until: float | None = None
    having: Sequence[EventText] = ()
    is_parked: bool = False
    after: tuple[float, str] | None = None
    limit: int = 50
    offset: int = 0

    def __post_init__(self) -> None:
        if self.state is not None and self.kind is None:
            raise ValueError("a state is asked for without the kind that it belongs to")


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Which streams of one kind retention deletes: those idle for more than `idle_s` seconds.

    `states` None means any. `most_steps` takes only streams that never had more steps than that at once.
    """

    kind: StreamKind
    idle_s: float
    states: Sequence[str] | None = None
    most_steps: int | None = None


@dataclass(frozen=True, slots=True)
class KeptSize:
    """What is kept with a stream beside its events: how much there is, and in how many bytes as it is stored."""

    head: Head
    count: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A request to claim a consultation for `lease_s` seconds; `owner` is a token that is used for one claim only."""

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
    """What a consultation cost: tokens, and US dollars. None means unknown, which is not 0."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Consultation:
    """One request to a model: `key` is unique in its stream, `attempt` counts from 1 how often it was claimed.

    `requested_at` (of this attempt), `finished_at` and `lease_until` are unix seconds. `payload` is the answer or
    the failure as JSON text, None before and where it was given up. `lapsed` is true for a claim whose lease was
    over when it was read: whoever claims it now gets it.
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

    @property
    def handle(self) -> ClaimHandle:
        """The claim as its holder names it."""
        return ClaimHandle(self.stream, self.key, self.owner, self.attempt)


RunState = Literal["offered", "driven", "parked"]
"""How a run stands with those who drive: it has something to do, somebody drives it, or it waits to be woken."""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """One run as the queue has it; what it is stands in its stream.

    `wake_at` and `lease_until` are in unix seconds. A run is due from `wake_at` on, None for not before somebody wakes
    it. `needs` is a fingerprint of what its driver has to have. `attempt` counts how often it was claimed.
    """

    stream: str
    state: RunState
    wake_at: float | None
    priority: int
    needs: str
    owner: str
    lease_until: float
    attempt: int

    def is_driven(self, now: float) -> bool:
        """Return whether somebody drives it at `now`, as far as its lease says."""
        return self.state == "driven" and self.lease_until > now

    def is_unserved(self, now: float) -> bool:
        """Return whether it has something to do at `now` and nobody drives it."""
        if self.state == "driven":
            return self.lease_until <= now
        return self.wake_at is not None and self.wake_at <= now


@dataclass(frozen=True, slots=True)
class RunClaim:
    """A run as the one who drives it names it."""

    stream: str
    owner: str
    attempt: int


@dataclass(frozen=True, slots=True)
class RunsWanted:
    """A request to claim runs for `lease_s` seconds: no more than `owner` then drives `most_at_once`, all in all.

    `needs` are the fingerprints that the owner can meet. `stream` asks for that run alone.
    """

    owner: str
    lease_s: float
    most_at_once: int
    needs: Collection[str]
    stream: str | None = None
