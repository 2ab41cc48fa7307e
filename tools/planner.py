"""`planner`: plan work in steps, with revisions and branches."""

import re
from collections.abc import Callable

from pydantic import Field, model_validator

from stepwarden.steps.gate import Policy
from stepwarden.steps.question_kind import QuestionKind
from stepwarden.steps.thread import Thread
from tools.workflow.checklist import ChecklistItem, checklist
from tools.workflow.request import MOST_STEPS, BaseWorkflowRequest, Text
from tools.workflow.workflow import Workflow


class PlannerRequest(BaseWorkflowRequest):
    """One step of a plan. Numbers stay linear; the labels say what a step revises or which branch it belongs to."""

    unlisted = frozenset({"issues_found", "evidence"})
    is_step_revision: bool = Field(default=False, json_schema_extra={"unlisted": True})
    revises_step_number: int | None = Field(default=None, ge=1, le=MOST_STEPS, description="This step replaces it")
    is_branch_point: bool = Field(default=False, json_schema_extra={"unlisted": True})
    branch_from_step: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    branch_id: Text | None = Field(default=None, description="Name of an alternative")
    more_steps_needed: bool = Field(default=False, json_schema_extra={"unlisted": True})

    @model_validator(mode="after")
    def _labels_agree(self) -> "PlannerRequest":
        if self.is_step_revision and self.revises_step_number is None:
            raise ValueError("is_step_revision needs revises_step_number")
        if self.is_branch_point and (self.branch_from_step is None or not self.branch_id):
            raise ValueError("is_branch_point needs branch_from_step and branch_id")
        for name, number in (("revises", self.revises_step_number), ("branches from", self.branch_from_step)):
            if number is not None and number >= self.step_number:
                raise ValueError(f"a step {name} an earlier one: send a number below {self.step_number}")
        return self


def _revised(request: PlannerRequest) -> int | None:
    return request.revises_step_number


def _chose_branch(thread: Thread) -> bool:
    """Test that the plan has no branch, or that its last step names the one to take."""
    named = (step.submission.fields.get("branch_id") for step in thread.live)
    branches = {str(name) for name in named if name}
    last = thread.trail[-1].submission
    said = f"{last.step}\n{last.learned}".casefold()
    return not branches or any(branch.casefold() in said for branch in branches)


def _says(pattern: str) -> Callable[[Thread], bool]:
    """Test that some live step has words of a kind."""
    words = re.compile(pattern, re.IGNORECASE)
    return lambda thread: any(
        words.search(text) for step in thread.live for text in (step.submission.step, step.submission.learned)
    )


_GOAL = _says(r"goal|done when|success|accept|criteri|measur|verif|test|must|works?\b|ends? with|result|until|so that")
_CONSTRAINT = _says(
    r"constrain|limit|budget|dead ?line|downtime|within|compatib|without|cannot|can't|must|only|keep|stay|time|team"
    r"|people|hours?|days?|weeks?|before|depend|none"
)


WORKFLOW = Workflow(
    policy=Policy(
        tool="planner",
        low=3,
        likely=5,
        high=10,
        checklist=checklist(
            ChecklistItem("findings: which branch you chose, and why", _chose_branch),
            ChecklistItem("findings: the goal, as something that can be checked when done", _GOAL),
            ChecklistItem(
                "findings: the constraints (time, people, compatibility), or that there are none", _CONSTRAINT
            ),
        ),
        missing_act="write the plan, one call for each step of it",
        sized_for=frozenset({QuestionKind.DEBUG}),  # to plan a fix is not to look for the fault
        novelty_required=False,
    ),
    request=PlannerRequest,
    fields="step, findings, branch_id",
    replaces=_revised,
)
