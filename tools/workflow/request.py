"""The one request model of all workflow tools, and what it becomes for the core."""

import hashlib
import json
import re
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from stepwarden.files.secret_values import hide_in_values
from stepwarden.steps.evidence import Quote
from stepwarden.steps.reported_run import ReportedRun
from stepwarden.steps.submission import Confidence, IssueClaim, Severity, Submission
from tools.workflow.lenient_values import Many, Word, without_empty

TEXT_BYTES = 256 * 1024  # per text field (protocol, section 1)
LIST_ITEMS = 500  # per list (same place)
MOST_STEPS = 1_000_000  # a number above is a mistake
IGNORED_FIELDS = frozenset({"problem_context", "compare_to", "use_websearch", "output_format"})
"""Fields of the zen family that the tools here do without: passed over with a note instead of refused."""

_FACT_ID = re.compile(r"\s*[\[(#]?[Ff]0*([1-9]\d{0,2})[\])]?[:.]?\s*\Z")
"""The id of a fact of the server's own, as models write it."""

Unlisted = Field(default=None, json_schema_extra={"unlisted": True})
"""A field that is accepted but not in the schema that hosts load, whose size is their cost."""


def _encodable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("has broken characters (half of a surrogate pair); send plain text") from None
    return value


def _quoted_text(value: str) -> str:
    size = len(_encodable(value).encode())
    if size > TEXT_BYTES:
        raise ValueError(f"{size // 1024} KB is over the limit of {TEXT_BYTES // 1024} KB; send the gist of it")
    if "\x00" in value:
        raise ValueError("holds NUL bytes; send plain text")
    return value


def _plain_text(value: str) -> str:
    if "\ufffd" in _quoted_text(value):
        raise ValueError("has broken characters (bytes that were not UTF-8); send plain text")
    return value


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("send a whole number")
    return value


def _some_text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; send text")
    return value


def _without_blanks(value: list[str]) -> list[str]:
    return [item.strip() for item in value if item.strip()]


Key = Annotated[str, AfterValidator(_encodable)]
"""Text that is only looked up: whatever it says, it is found or not."""
Text = Annotated[str, AfterValidator(_plain_text)]
QuotedText = Annotated[str, AfterValidator(_quoted_text)]
"""Text as a host read it in a file, U+FFFD for bytes that it could not decode."""
NonEmptyText = Annotated[Text, AfterValidator(_some_text)]
Paths = Annotated[
    list[Text],
    Many,
    AfterValidator(_without_blanks),
    Field(max_length=LIST_ITEMS, default_factory=list),
]


def said_in(request: BaseModel) -> dict[str, Any]:
    """Return what a request says, as JSON values: all but defaults and the id of its thread."""
    return request.model_dump(mode="json", exclude={"continuation_id"}, exclude_defaults=True)


def digest_of(said: dict[str, Any]) -> str:
    """Return what tells a request from another, by what is said in it but for secrets, which a digest could betray."""
    canonical = json.dumps(hide_in_values(said), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


class RequestItem(BaseModel):
    """Base of the items of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return without_empty(cls.model_fields, value)


class IssueItem(RequestItem):
    """One item of `issues_found`."""

    severity: Annotated[Severity, Word] | None = None
    description: Text = ""
    file: Text | None = None
    line: int | None = Field(default=None, ge=1)
    id: Annotated[str, Field(pattern=r"^I[1-9]\d{0,8}$")] | None = None
    withdrawn: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> "IssueItem":
        if self.withdrawn and self.id is None:
            raise ValueError("send the issue's id with withdrawn")
        if self.id is None and not self.description.strip():
            raise ValueError("send a severity and a description")
        return self

    def claim(self) -> IssueClaim:
        """Return the item as the core takes it."""
        return IssueClaim(self.description, self.severity, self.file, self.line, self.id, self.withdrawn)


class EvidenceItem(RequestItem):
    """One item of `evidence`: a quote of a file, or a run that the agent reports."""

    file: Text | None = None
    quote: QuotedText = ""
    line: int | None = Field(default=None, ge=1)
    command: Text | None = None
    output: QuotedText = Field(default="", json_schema_extra={"unlisted": True})
    exit: int | None = Field(
        default=None, validation_alias=AliasChoices("exit", "exit_code"), json_schema_extra={"unlisted": True}
    )
    supports: Annotated[str, Field(pattern=r"^(hypothesis|[IE][1-9]\d{0,8})$")] | None = Field(
        default=None, description="hypothesis, I1 or E1"
    )
    withdrawn: bool = Field(default=False, json_schema_extra={"unlisted": True})
    fact: Text | None = Field(
        default=None, validation_alias=AliasChoices("finding", "fact", "id"), json_schema_extra={"unlisted": True}
    )

    @model_validator(mode="before")
    @classmethod
    def _from_id(cls, value: Any) -> Any:
        return {"fact": value} if isinstance(value, str) and _FACT_ID.match(value) else value

    @model_validator(mode="after")
    def _quotes_something(self) -> "EvidenceItem":
        if self.command is None and not self.withdrawn and not self.quote.strip() and not self.cited:
            is_run = self.exit is not None or bool(self.output)
            raise ValueError("name the command that was run" if is_run else "send the quote, word for word")
        if self.command is None and self.withdrawn and not (self.file or "").strip():
            raise ValueError("name the file whose quotes are withdrawn")
        return self

    @property
    def kind(self) -> str:
        """What the item is: a `run`, a `quote`, or `nowhere`, a quote that no file is named for."""
        if self.command is not None and not self.quote.strip():
            return "run"
        return "quote" if self.cited or (self.file and self.file.strip()) else "nowhere"

    @property
    def cited(self) -> str:
        """The id of the fact that it cites, wherever it stands; "" where it cites none."""
        for said in (self.fact, self.quote, None if self.quote.strip() else self.file):
            if said and not self.withdrawn and (found := _FACT_ID.match(said)):
                return f"F{found[1]}"
        return "" if self.withdrawn or self.quote.strip() else (self.fact or "").strip()

    def as_quote(self) -> Quote:
        """Return a quote as the core takes it."""
        cited = self.cited
        file, quote = ("" if cited and _FACT_ID.match(said) else said for said in (self.file or "", self.quote))
        return Quote(file, quote, self.line, self.supports, self.withdrawn, cited)

    def as_run(self) -> ReportedRun:
        """Return a run as the core takes it."""
        return ReportedRun(self.command or "", self.output, self.exit, self.supports)


class BaseWorkflowRequest(BaseModel):
    """One step of any workflow tool. The descriptions are what the host's model reads in the schema."""

    unlisted: ClassVar[frozenset[str]] = frozenset()
    """Fields of this model that a tool accepts without listing them, because its calls are not about them."""

    # Built when the first step of a tool comes: ten of them at every start would be felt.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    step: NonEmptyText = Field(description="Step 1: the task. Later: what you did")
    step_number: Annotated[int, BeforeValidator(_no_truth)] = Field(ge=1, le=MOST_STEPS)
    next_step_required: bool = Field(description="false asks to finish")
    findings: Text | None = None
    confidence: Annotated[Confidence, Word] | None = None
    hypothesis: Text | None = None
    files_checked: Paths
    relevant_files: Paths
    issues_found: Annotated[list[IssueItem], Many] = Field(default_factory=list[IssueItem], max_length=LIST_ITEMS)
    evidence: Annotated[list[EvidenceItem], Many] = Field(default_factory=list[EvidenceItem], max_length=LIST_ITEMS)
    backtrack_from_step: int | None = Field(
        default=None, ge=1, le=MOST_STEPS, description="This call replaces that step"
    )
    continuation_id: Text | None = Field(default=None, description="From step 2")
    working_directory: Text | None = Field(default=None, description="Absolute; step 1")
    total_steps: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    relevant_context: JsonValue = Unlisted
    images: JsonValue = Unlisted
    model: Text | None = Unlisted
    use_assistant_model: bool = Field(default=True, json_schema_extra={"unlisted": True})
    temperature: float | None = Unlisted
    thinking_mode: Text | None = Unlisted

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return without_empty(cls.model_fields, value)

    def notes(self) -> list[str]:
        """Return what was passed over of a request that is taken all the same."""
        nowhere = [str(place) for place, item in enumerate(self.evidence, 1) if item.kind == "nowhere"]
        if not nowhere:
            return []
        return [f"Evidence {', '.join(nowhere)}: no file named, passed over; send file, line and quote."]

    def submission(self, *, replaces: int | None = None) -> Submission:
        """Return the step as the core takes it; `replaces` is the step that a revision supersedes."""
        said = said_in(self)
        return Submission(
            number=self.step_number,
            step=self.step,
            digest=digest_of(said),
            more=self.next_step_required,
            findings=self.findings,
            confidence=self.confidence,
            hypothesis=self.hypothesis if self.hypothesis and self.hypothesis.strip() else None,
            checked=tuple(self.files_checked),
            relevant=tuple(self.relevant_files),
            issues=tuple(item.claim() for item in self.issues_found),
            quotes=tuple(item.as_quote() for item in self.evidence if item.kind == "quote"),
            runs=tuple(item.as_run() for item in self.evidence if item.kind == "run"),
            backtrack=self.backtrack_from_step,
            directory=self.working_directory,
            total=self.total_steps,
            replaces=replaces,
            fields={name: value for name, value in said.items() if name not in _CORE_FIELDS},
        )


_CORE_FIELDS = set(BaseWorkflowRequest.model_fields) - {
    "relevant_context",
    "images",
    "model",
    "use_assistant_model",
    "temperature",
    "thinking_mode",
}
