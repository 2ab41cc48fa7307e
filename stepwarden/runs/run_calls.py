"""Calls of tools in a run: what each does, who has to allow it, how it stands, and what came of it."""

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from stepwarden.runs.data_summary import DataSummary
from stepwarden.runs.limits import NOTHING, Amount


class CallKind(StrEnum):
    """What a call of a tool does: what can be done about it when its outcome is unknown, and who has to allow it."""

    LOCAL = "local"
    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"

    @property
    def may_be_repeated(self) -> bool:
        """Whether sending it again does no harm."""
        return self in {CallKind.LOCAL, CallKind.READ}


class Approval(StrEnum):
    """Which calls wait for a person. What destroys something always does."""

    ALL = "all"
    WRITES = "writes"
    DESTRUCTIVE = "destructive"

    def is_needed(self, kind: CallKind) -> bool:
        """Return whether a call of this kind waits for a person."""
        if kind is CallKind.LOCAL:
            return False
        return (
            kind is CallKind.DESTRUCTIVE or self is Approval.ALL or (self is Approval.WRITES and kind is CallKind.WRITE)
        )


class CallState(StrEnum):
    """How one call of a tool stands."""

    PROPOSED = "proposed"
    WAITING = "waiting"  # for a person's word
    ALLOWED = "allowed"  # by a person
    SENT = "sent"  # a write, and no answer yet
    IN_DOUBT = "in_doubt"  # it was sent, whoever sent it is gone, and nobody knows whether it was carried out
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"

    @property
    def is_settled(self) -> bool:
        """Whether there is a result for the model to read."""
        return self in {CallState.DONE, CallState.FAILED, CallState.REFUSED}


@dataclass(frozen=True, slots=True)
class Body:
    """A text, or where it is long its beginning: all of it, `size` bytes, is then kept with the run under `digest`."""

    text: str = ""
    digest: str = ""
    size: int = 0


NO_TEXT = Body()


def body_of(text: str) -> Body:
    """Return a short text of our own as a body."""
    return Body(text, size=len(text.encode(errors="replace")))


@dataclass(frozen=True, slots=True)
class ToolGrant:
    """A tool that a job may use. `may_cost` is what is set aside for the models that a call of it asks."""

    name: str
    kind: CallKind
    fingerprint: str = ""  # of its description, as it was when the run began
    asks: bool = False  # whether the settings of its upstream want a person to allow each call
    may_cost: Amount = NOTHING


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """A call as the model asked for it. `arguments` is JSON; `error` says why it cannot be made, "" where it can.

    `kept` is what the model's endpoint wants to have back with it.
    """

    id: str
    tool: str
    arguments: str = "{}"
    error: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class RunCall:
    """One call of a tool; `key` is unique in the run. `about` is the digest of what exactly was allowed.

    `reserved` is set aside for the models that it asks while it is under way, `spent` is what they cost then. `thread`
    is the thread that it took a step of, "" for none. Of one in doubt, `look_at` is when it
    can be found out what became of it (unix seconds), None where only a person can tell; `looks` were made so far, and
    `doubt` says what is known. `sends` counts how often it was sent.
    """

    key: str
    proposed: ProposedCall
    kind: CallKind
    state: CallState = CallState.PROPOSED
    about: str = ""
    result: Body = NO_TEXT
    seconds: float = 0.0
    matched: tuple[str, ...] = ()
    until: float | None = None  # a person's word is waited for; then it is refused
    summary: DataSummary | None = None  # of the result
    was_doubted: bool = False  # somebody looked since: it was not carried out
    reserved: Amount = NOTHING
    spent: Amount = NOTHING
    thread: str = ""
    grown_mb: float = 0.0  # by how much the process grew while it was made
    look_at: float | None = None
    looks: int = 0
    doubt: str = ""
    sends: int = 0

    @property
    def is_unknown(self) -> bool:
        """Whether nobody knows what became of it, or did when its job was ended."""
        return self.state is CallState.IN_DOUBT or (self.state is CallState.FAILED and bool(self.doubt))

    @property
    def is_looked_after(self) -> bool:
        """Whether it is in doubt, and a look may tell what became of it."""
        return self.state is CallState.IN_DOUBT and self.look_at is not None

    @property
    def tool(self) -> str:
        """The name of the tool."""
        return self.proposed.tool


_NAMING = ("key", "id", "name", "title", "path", "url", "number")


def object_of(call: RunCall) -> str:
    """Return what a call is about, in a word: the argument that names something, else the tool."""
    try:
        given = json.loads(call.proposed.arguments)
    except ValueError:
        return call.tool
    values = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    named = [
        value
        for part in _NAMING
        for name, value in values.items()
        if part in name.casefold() and isinstance(value, str | int) and str(value).strip()
    ]
    others = [value for value in values.values() if isinstance(value, str) and value.strip()]
    first = next(iter([*named, *others]), call.tool)
    return " ".join(str(first).split())[:60]


def unknown_tool(name: str, grants: Iterable[ToolGrant]) -> str:
    """Return what a model is told that calls a tool there is not, with the one that it most likely means."""
    known = [grant.name for grant in grants]
    near = [one for one in known if one.rpartition("/")[2] == name] or difflib.get_close_matches(name[:200], known, n=1)
    meant = f"; did you mean {near[0]}?" if near else "."
    return f"There is no tool {name!r:.80}{meant}"
