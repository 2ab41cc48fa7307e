"""`codereview`: review code for defects, contracts, error paths and tests."""

from typing import Annotated, Literal

from pydantic import Field

from stepwarden.inspections.codereview import inspect_codereview
from stepwarden.steps.gate import Policy
from stepwarden.steps.question_kind import QuestionKind
from tools.workflow.checklist import ChecklistItem, all_relevant_checked, checklist, or_named_by_look, read_at_least
from tools.workflow.lenient_values import Word
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted
from tools.workflow.workflow import Workflow


class CodereviewRequest(BaseWorkflowRequest):
    """One step of a review."""

    review_type: Annotated[Literal["full", "security", "performance", "quick"], Word] | None = Field(default=None)
    focus_on: Text | None = Unlisted
    standards: Text | None = Unlisted
    severity_filter: Text | None = Unlisted


WORKFLOW = Workflow(
    policy=Policy(
        tool="codereview",
        low=2,
        likely=3,
        high=5,
        missing_act="try to break your worst finding; report what you looked at",
        knows_removals=True,
        sized_for=frozenset({QuestionKind.REVIEW, QuestionKind.DEBUG}),
        checklist=checklist(
            ChecklistItem("files_checked: what you reviewed", or_named_by_look(read_at_least(1))),
            ChecklistItem("files_checked: the rest of relevant_files", or_named_by_look(all_relevant_checked)),
        ),
    ),
    request=CodereviewRequest,
    inspector=inspect_codereview,
)
