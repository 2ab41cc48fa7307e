"""`testgen`: find what is untested and write the tests."""

from stepwarden.inspections.runner import inspector_of
from stepwarden.steps.gate import Policy
from tools.workflow.checklist import ChecklistItem, checklist, named_relevant, read_at_least
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
            ChecklistItem("files_checked: the code under test", read_at_least(1)),
            ChecklistItem("relevant_files: the tests you wrote", named_relevant),
        ),
    ),
    request=TestgenRequest,
    look=inspector_of("testgen"),
    keeps=True,
)
