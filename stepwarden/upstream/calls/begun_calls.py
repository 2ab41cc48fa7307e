"""Calls that were begun and whose outcome nobody knows: the process was killed, the line broke, the time was over.

They are found by what was asked, in every process on the same store, until somebody looked and sent them again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from stepwarden.storage import NewEvent, StoredEvent

SETTLED = "upstream_settled"
"""The kind of the event that settles a begun call of the same stream: somebody looked what became of it."""

_IN_DOUBT = frozenset({"unknown", "cancelled"})


@dataclass(frozen=True, slots=True)
class BegunCall:
    """A call of `tool` that may have been carried out. `same` is the digest of what was asked, `at` unix seconds.

    `outcome` is "" where none was recorded: the call is under way, or its process ended. `answered`: its tool answered
    with an error that leaves open what was done. `key` is what its server could know it again by, `has_mark` whether
    that stands in what it makes; `summary` is the beginning of its answer.
    """

    id: str
    stream: str
    same: str
    at: float
    tool: str
    outcome: str = ""
    answered: bool = False
    key: str = ""
    has_mark: bool = False
    summary: str = ""

    @property
    def line(self) -> str:
        """How its outcome is unknown, in words that follow "its outcome is unknown: "."""
        if self.outcome == "ok":
            return "another process carried it out, and nobody knows whether its answer arrived"
        if self.outcome == "cancelled":
            return "it was cancelled while it was under way"
        if self.answered:
            return "its server answered with an error that leaves open what was done"
        if self.outcome:
            return "it was sent and no answer came"
        return "it is still under way, or the process that made it was ended"


def settling_word(calls: Sequence[BegunCall]) -> str:
    """Return the word by which somebody says that they looked what became of just these calls.

    It is the same in every process and after every restart, and nobody can guess it who was not told it.
    """
    return f"looked-{sha256(' '.join(sorted(call.id for call in calls)).encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class SessionCalls:
    """What the events of one session leave in doubt; `version` and `hash` are of the last of them.

    `known` are the calls that were begun, by id, also those that went well: their answer may never have arrived.
    """

    stream: str
    version: int = 0
    hash: str = ""
    known: Mapping[str, BegunCall] = field(default_factory=dict[str, BegunCall])

    @property
    def in_doubt(self) -> Mapping[str, BegunCall]:
        """The calls whose outcome is unknown, by id."""
        return doubtful(self.known)

    def after(self, events: Sequence[StoredEvent]) -> "SessionCalls":
        """Return what is in doubt after more events of the session."""
        if not events:
            return self
        begun = dict(self.known)
        for event in events:
            _take(begun, self.stream, NewEvent(event.kind, event.payload), event.at)
        return SessionCalls(self.stream, events[-1].seq, events[-1].hash, begun)

    def with_new(self, event: NewEvent) -> Mapping[str, BegunCall]:
        """Return what would be in doubt after an event that is not recorded yet."""
        begun = dict(self.known)
        _take(begun, self.stream, event, 0.0)
        return doubtful(begun)


def doubtful(begun: Mapping[str, BegunCall]) -> Mapping[str, BegunCall]:
    """Return those of some calls whose outcome is unknown."""
    return {name: call for name, call in begun.items() if call.outcome != "ok"}


def _take(begun: dict[str, BegunCall], stream: str, event: NewEvent, at: float) -> None:
    """Change what is known of the calls that were begun by one more event."""
    data = json.loads(event.payload)
    number, outcome = data["id"], data.get("outcome", "")
    if data.get("phase") == "intended":
        if data.get("same"):
            begun[number] = BegunCall(
                number,
                stream,
                data["same"],
                at,
                f"{data['upstream']}/{data['tool']}",
                key=data.get("key", ""),
                has_mark=bool(data.get("has_mark")),
            )
    elif number in begun and event.kind != SETTLED and outcome in {*_IN_DOUBT, "ok"}:
        answered = outcome in _IN_DOUBT and bool(data.get("answered") or data.get("answer_bytes"))
        summary = data.get("summary", "")
        begun[number] = replace(begun[number], outcome=outcome, answered=answered, summary=summary)
    else:
        begun.pop(number, None)
