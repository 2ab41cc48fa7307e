"""The requests of `/api/runs` beside the one of `execute`: what to list, where to go on, and what is said to a run."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from stepwarden.agents.run_list import RunFilter
from tools.workflow.lenient_values import Word, as_object
from tools.workflow.request import Key, Text

MOST_LISTED = 100
MOST_EVENTS = 500

_CURSOR = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)_([\w-]{1,120})\Z")

Status = Literal["running", "waiting", "paused", "completed", "failed", "stopped"]


def _as_cursor(text: str) -> str:
    if not _CURSOR.match(text):
        raise ValueError("send the cursor that a list gave, or none")
    return text


class ListQuery(BaseModel):
    """Which runs are listed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Annotated[Status | None, Word] = None
    tool: Annotated[Key, StringConstraints(max_length=200)] | None = None
    text: Annotated[Text, StringConstraints(max_length=200)] | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = Field(default=20, ge=1, le=MOST_LISTED)
    cursor: Annotated[str, AfterValidator(_as_cursor)] | None = None

    def as_filter(self) -> RunFilter:
        """Return it as a value of the core."""
        found = _CURSOR.match(self.cursor or "")
        return RunFilter(
            status=self.status,
            tool=self.tool,
            text=self.text,
            since=_seconds(self.since),
            until=_seconds(self.until),
            after=None if found is None else (float(found[1]), found[2]),
            limit=self.limit,
        )


def _seconds(at: datetime | None) -> float | None:
    """Return a time in unix seconds; one without a zone is UTC."""
    if at is None:
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def cursor_of(after: tuple[float, str]) -> str:
    """Return where a list goes on, as `ListQuery` reads it."""
    return f"{after[0]!r}_{after[1]}"


class EventsQuery(BaseModel):
    """Which events of a run are given: those above `after`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: int = Field(default=0, ge=0, le=2**31)
    limit: int = Field(default=100, ge=1, le=MOST_EVENTS)


class StreamQuery(BaseModel):
    """Where a stream of events begins; the header `Last-Event-ID` of one that goes on counts more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: int = Field(default=0, ge=0, le=2**31)


class ExportQuery(BaseModel):
    """The form of an export."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Annotated[Literal["json", "csv", "markdown", "html"], Word] = "json"


class ReportQuery(BaseModel):
    """The form of a report."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Annotated[Literal["markdown", "html"], Word] = "markdown"


class CommandRequest(BaseModel):
    """What is said to a run: the fields of the tool `run`.

    `id` is the sender's own: the same command sent again counts once. `seen` is the cursor that they saw.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Annotated[Literal["approve", "refuse", "resolve", "pause", "resume", "stop", "extend"], Word]
    id: Annotated[Key, StringConstraints(min_length=1, max_length=120)] | None = None
    seen: int | None = Field(default=None, ge=0, le=2**31)
    call: Annotated[Key, StringConstraints(max_length=200)] | None = None
    confirm: Annotated[Key, StringConstraints(max_length=200)] | None = None
    verdict: Annotated[Literal["done", "not_done"] | None, Word] = None
    reason: Text | None = None
    limits: Annotated[dict[str, Any] | None, BeforeValidator(as_object)] = None
