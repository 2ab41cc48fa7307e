"""`precommit`: check a change before it is committed."""

from pydantic import Field

from stepwarden.inspections.precommit import inspect_precommit
from stepwarden.steps.gate import Policy
from stepwarden.steps.question_kind import QuestionKind
from tools.workflow.checklist import ChecklistItem, all_relevant_checked, checklist, read_at_least
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted
from tools.workflow.workflow import Workflow


class PrecommitRequest(BaseWorkflowRequest):
    """One step of the check of a change."""

    path: Text | None = Unlisted
    compare_to: Text | None = Field(default=None, description="Git ref; default: uncommitted changes")
    include_staged: bool = Field(default=True, json_schema_extra={"unlisted": True})
    include_unstaged: bool = Field(default=True, json_schema_extra={"unlisted": True})


WORKFLOW = Workflow(
    policy=Policy(
        tool="precommit",
        low=2,
        likely=3,
        high=4,
        missing_act="run the tests of the changed files; report their output",
        knows_removals=True,
        sized_for=frozenset({QuestionKind.REVIEW, QuestionKind.DEBUG}),
        checklist=checklist(
            ChecklistItem("files_checked: the changed files", read_at_least(1)),
            ChecklistItem("files_checked: the rest of relevant_files", all_relevant_checked),
        ),
    ),
    request=PrecommitRequest,
    inspector=inspect_precommit,
)
