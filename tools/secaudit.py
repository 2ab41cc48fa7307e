"""`secaudit`: audit code for vulnerabilities."""

from typing import Annotated, Literal

from pydantic import Field

from stepwarden.inspections.secaudit import inspect_secaudit
from stepwarden.steps.gate import Policy
from stepwarden.steps.question_kind import QuestionKind
from tools.workflow.checklist import ChecklistItem, all_relevant_checked, checklist, read_at_least
from tools.workflow.lenient_values import Word
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted
from tools.workflow.workflow import Workflow


class SecauditRequest(BaseWorkflowRequest):
    """One step of a security audit."""

    audit_focus: (
        Annotated[Literal["owasp", "compliance", "infrastructure", "dependencies", "comprehensive"], Word] | None
    ) = Field(default=None)
    threat_level: Text | None = Unlisted
    security_scope: Text | None = Unlisted
    compliance_requirements: Text | list[Text] | None = Unlisted


WORKFLOW = Workflow(
    policy=Policy(
        tool="secaudit",
        low=4,
        likely=5,
        high=8,
        missing_act="follow an input to where it is used; report each step",
        sized_for=frozenset({QuestionKind.SECURITY, QuestionKind.REVIEW, QuestionKind.DEBUG}),
        checklist=checklist(
            ChecklistItem("files_checked: 2 files at least", read_at_least(2)),
            ChecklistItem("files_checked: the rest of relevant_files", all_relevant_checked),
        ),
    ),
    request=SecauditRequest,
    inspector=inspect_secaudit,
)
