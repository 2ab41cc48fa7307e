"""`consensus`: several models judge a decision, blind to each other; one answer a step, and a synthesis at the end."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from stepwarden.steps.consensus_rules import CONSENSUS
from stepwarden.steps.gate import Policy
from stepwarden.steps.panel import MOST_PANELISTS
from stepwarden.steps.panel_answer import Stance, Vote
from tools.workflow.lenient_values import Many, Word
from tools.workflow.request import BaseWorkflowRequest, NonEmptyText, RequestItem, Text
from tools.workflow.workflow import Workflow

NAME_CHARS = 200  # of a model

_STANCES = {
    "support": "for",
    "favor": "for",
    "pro": "for",
    "oppose": "against",
    "critical": "against",
    "con": "against",
}


def _apart(value: object) -> object:
    """Take names with commas between them for a list of them."""
    if not isinstance(value, str) or value.lstrip()[:1] in {"[", "{"}:
        return value
    return [name.strip() for name in value.split(",") if name.strip()]


def _named(value: object) -> object:
    """Take the bare name of a model for an item."""
    return {"model": value} if isinstance(value, str) else value


def _on_one_line(name: str) -> str:
    if len(name) > NAME_CHARS or not name.isprintable():
        raise ValueError(f"send a name of at most {NAME_CHARS} characters on one line")
    return name


def _stance(value: object) -> object:
    word = value.strip().lower() if isinstance(value, str) else value
    return _STANCES.get(word, word) if isinstance(word, str) else word


class PanelistItem(RequestItem):
    """One item of `models`."""

    model: Annotated[NonEmptyText, AfterValidator(_on_one_line)]
    stance: Annotated[Stance, BeforeValidator(_stance)] = Field(
        default=Stance.NEUTRAL, description="for, against, neutral"
    )
    stance_prompt: Text = ""


class ConsensusRequest(BaseWorkflowRequest):
    """One step of a consensus."""

    unlisted = frozenset({"issues_found", "evidence"})
    models: Annotated[list[Annotated[PanelistItem, BeforeValidator(_named)]], Many, BeforeValidator(_apart)] = Field(
        default_factory=list[PanelistItem],
        max_length=MOST_PANELISTS,
        description="Step 1: 2 to 10",
    )
    handover: Annotated[Literal["step", "all"], Word] = Field(
        default="step", description="all: every answer in one call"
    )
    exchange: bool = Field(default=False, description="On a split, one more vote")
    own_vote: Annotated[Vote, Word] | None = Field(default=None, description="Yours")

    @model_validator(mode="after")
    def _asks_several(self) -> "ConsensusRequest":
        begins = self.step_number == 1 or self.backtrack_from_step == 1
        if begins and len(self.models) == 1:
            raise ValueError("models: one model is no consensus; name 2 to 10, or call chat to ask a single one")
        return self


WORKFLOW = Workflow(
    policy=Policy(
        tool="consensus",
        low=1,
        likely=3,
        high=MOST_PANELISTS,
        min_steps=1,
        novelty_required=False,
        consultation=CONSENSUS,
    ),
    request=ConsensusRequest,
    fields="step, findings, own_vote",
    open_world=True,
)
