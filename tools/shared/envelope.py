"""The one reply of every workflow tool, as `structuredContent`; `docs/protocol.md` tells what each field means."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "status": {"type": "string"},
        "continuation_id": {"type": "string"},
        "next_step_number": {"type": "integer"},
    },
}
"""What tools advertise: the fields a host needs to go on. The rest is in the text as well."""


class _Part(BaseModel):
    # Built when the first reply is: every start would feel it.
    model_config = ConfigDict(defer_build=True)


class PlanPart(_Part):
    """The manager's decision on the number of steps."""

    low: int
    likely: int
    high: int
    was: int | None = None
    reason: str
    by: str | None = Field(default=None, description="Who decided it, where that is no rule.")


class ProgressPart(_Part):
    """The live steps where some were replaced, and how many steps an end saved; else the numbers say it."""

    breadcrumb: str
    saved: int | None = None


class AssessmentPart(_Part):
    """How the thread stands by its evidence; see `stepwarden.steps.gate.Assessment`."""

    sufficient: bool
    open: list[str]
    outcome: str | None = None
    assurance: str | None = None
    stalled: bool | None = None
    evidence: dict[str, int] | None = None
    quotes: list[str] | None = Field(default=None, description="What was found of this step's quotes, but plain hits.")
    issues: list[str] | None = Field(default=None, description="Ids given to this step's issues, in their order.")


class ExpertPart(_Part):
    """What the second model said, or why there was none."""

    verdict: str
    model: str | None = None
    cost: str | None = None
    points: list[str] | None = Field(default=None, description="Remarks of one that agrees.")
    advice: list[str] | None = Field(default=None, description="For whoever acts on the result, at its end.")
    misquoted: int | None = Field(default=None, description="Points dropped because the file says otherwise.")
    files_left_out: int | None = None


class Envelope(_Part):
    """One reply. None, empty and unchanged parts are left out of what is sent."""

    status: str
    required: str = Field(default="", exclude=True, description="The tool that has to be called again, if one has.")
    verdict: str = ""
    continuation_id: str | None = None
    step_number: int | None = None
    total_steps: int | None = None
    next_step_number: int | None = None
    next_step_required: bool | None = None
    facts: list[str] = Field(default_factory=list[str], description="What the server found in the code itself.")
    required_actions: list[str] = Field(default_factory=list[str])
    next_steps: str = ""
    plan: PlanPart | None = None
    progress: ProgressPart | None = None
    assessment: AssessmentPart | None = None
    result: dict[str, Any] | None = None
    expert: ExpertPart | None = None
    answer: dict[str, Any] | None = Field(default=None, description="Of the model that this step hears.")
    answers: list[dict[str, Any]] | None = Field(default=None, description="The same, where it hears several.")
    signals: dict[str, str] = Field(default_factory=dict[str, str], description="What the manager says, and why.")
    follows: str | None = None
    notes: list[str] = Field(default_factory=list[str])

    def as_sent(self) -> dict[str, Any]:
        """Return the JSON object that is sent."""
        sent = self.model_dump(mode="json", exclude_none=True)
        if self.required:
            sent[f"{self.required}_required"] = True
        for name in ("verdict", "facts", "required_actions", "next_steps", "signals", "notes"):
            if not sent[name]:
                del sent[name]
        return sent
