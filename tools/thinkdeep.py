"""`thinkdeep`: think a hard question through, with alternatives and counter-examples."""

from stepwarden.steps.gate import Policy
from tools.workflow.checklist import ChecklistItem, checklist, gave_confidence
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted
from tools.workflow.workflow import Workflow


class ThinkdeepRequest(BaseWorkflowRequest):
    """One step of thinking."""

    problem_context: Text | None = Unlisted
    focus_areas: Text | list[Text] | None = Unlisted


WORKFLOW = Workflow(
    policy=Policy(
        tool="thinkdeep",
        low=3,
        likely=4,
        high=7,
        missing_act="look for the fact that would change the answer; report it",
        checklist=checklist(ChecklistItem("confidence: how sure you are", gave_confidence)),
    ),
    request=ThinkdeepRequest,
)
