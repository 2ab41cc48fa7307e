"""`debug`: find the cause of a fault."""

from stepwarden.inspections.debug import inspect_debug
from stepwarden.steps.gate import Policy
from stepwarden.steps.question_kind import QuestionKind
from tools.workflow.checklist import ChecklistItem, checklist, read_at_least
from tools.workflow.request import BaseWorkflowRequest
from tools.workflow.workflow import Workflow


class DebugRequest(BaseWorkflowRequest):
    """One step of the hunt for a cause."""


WORKFLOW = Workflow(
    policy=Policy(
        tool="debug",
        low=2,
        likely=4,
        high=8,
        missing_act="run the failing test with the fix; report its output",
        knows_removals=True,
        asks=QuestionKind.DEBUG,
        hypothesis_required=True,
        checklist=checklist(ChecklistItem("files_checked: what you read", read_at_least(1))),
    ),
    request=DebugRequest,
    inspector=inspect_debug,
)
