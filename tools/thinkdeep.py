"""`thinkdeep`: think a hard question through, with alternatives and counter-examples."""

from stepwarden.steps.assumptions import open_assumptions
from stepwarden.steps.clause import Clause
from stepwarden.steps.gate import Policy
from stepwarden.steps.thread import Thread
from tools.workflow.checklist import ChecklistItem, checklist, gave_confidence
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted
from tools.workflow.workflow import Workflow


class ThinkdeepRequest(BaseWorkflowRequest):
    """One step of thinking."""

    problem_context: Text | None = Unlisted
    focus_areas: Text | list[Text] | None = Unlisted


_SURE = checklist(ChecklistItem("confidence: how sure you are", gave_confidence))


def _left_open(thread: Thread) -> tuple[Clause, ...]:
    """Return what is missing at the end: the confidence, and what came of assumptions that nobody had checked."""
    assumed = [Clause("checklist", words, f"not checked: {words}") for words in open_assumptions(thread)]
    return (*_SURE(thread), *assumed)


WORKFLOW = Workflow(
    policy=Policy(
        tool="thinkdeep",
        low=3,
        likely=4,
        high=7,
        missing_act="look for the fact that would change the answer; report it",
        checklist=_left_open,
    ),
    request=ThinkdeepRequest,
)
