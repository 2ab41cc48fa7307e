"""`refactor`: find where code should get a better shape, and how to get there safely."""

from typing import Annotated, Literal

from pydantic import Field

from stepwarden.inspections.refactor import inspect_refactor
from stepwarden.steps.gate import Policy
from tools.workflow.checklist import ChecklistItem, checklist, has_issue, read_at_least
from tools.workflow.lenient_values import Word
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted
from tools.workflow.workflow import Workflow


class RefactorRequest(BaseWorkflowRequest):
    """One step of a refactoring study."""

    refactor_type: Annotated[Literal["codesmells", "decompose", "modernize", "organization"], Word] | None = Field(
        default=None
    )
    focus_areas: Text | None = Unlisted


WORKFLOW = Workflow(
    policy=Policy(
        tool="refactor",
        low=3,
        likely=4,
        high=6,
        min_steps=3,
        missing_act="look who relies on the code as it is; report it",
        knows_removals=True,
        checklist=checklist(
            ChecklistItem("files_checked: what you read", read_at_least(1)),
            ChecklistItem("issues_found: each opportunity", has_issue),
        ),
    ),
    request=RefactorRequest,
    inspector=inspect_refactor,
)
