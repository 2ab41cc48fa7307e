"""`testgen`: find what is untested and write the tests."""

from stepwarden.inspections.testgen import inspect_testgen
from stepwarden.steps.gate import Policy
from stepwarden.steps.question_kind import QuestionKind
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
        missing_act="run the new tests; report their output",
        sized_for=frozenset({QuestionKind.DEBUG}),
        checklist=checklist(
            ChecklistItem("files_checked: the code under test", read_at_least(1)),
            ChecklistItem("relevant_files: the tests you wrote", named_relevant),
        ),
    ),
    request=TestgenRequest,
    inspector=inspect_testgen,
    keeps=True,
)
