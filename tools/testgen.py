"""`testgen`: find what is untested and write the tests."""

from stepwarden.measures.looking import look_of
from stepwarden.steps.gate import Policy
from tools.workflow.checklist import Item, checklist, named_relevant, read_at_least
from tools.workflow.request import BaseWorkflowRequest
from tools.workflow.workflow import Workflow


class TestgenRequest(BaseWorkflowRequest):
    """One step on the way to tests."""

    __test__ = False  # the name is not meant for test collectors


WORKFLOW = Workflow(
    policy=Policy(
        tool="testgen",
        low=2,
        likely=3,
        high=5,
        facts=checklist(
            Item("files_checked: the code under test", read_at_least(1)),
            Item("relevant_files: the tests you wrote", named_relevant),
        ),
    ),
    request=TestgenRequest,
    look=look_of("testgen"),
)
