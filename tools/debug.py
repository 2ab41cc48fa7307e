"""`debug`: find the cause of a fault."""

from stepwarden.inspections.runner import inspector_of
from stepwarden.steps.gate import Policy
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
        hypothesis_required=True,
        facts=checklist(ChecklistItem("files_checked: what you read", read_at_least(1))),
    ),
    request=DebugRequest,
    look=inspector_of("debug"),
)
