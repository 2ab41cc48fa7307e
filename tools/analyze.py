"""`analyze`: understand a codebase, its structure, data flow and trade-offs."""

from typing import Annotated, Literal

from pydantic import Field

from stepwarden.inspections.analyze import inspect_analyze
from stepwarden.steps.gate import Policy
from tools.workflow.checklist import ChecklistItem, checklist, or_named_by_look, quoted, read_at_least
from tools.workflow.lenient_values import Word
from tools.workflow.request import BaseWorkflowRequest
from tools.workflow.workflow import Workflow


class AnalyzeRequest(BaseWorkflowRequest):
    """One step of an analysis."""

    analysis_type: Annotated[Literal["architecture", "performance", "security", "quality", "general"], Word] | None = (
        Field(default=None)
    )


WORKFLOW = Workflow(
    policy=Policy(
        tool="analyze",
        low=3,
        likely=5,
        high=7,
        min_steps=3,
        missing_act="look for what speaks against your picture; report it",
        checklist=checklist(
            ChecklistItem("files_checked: 2 files at least", or_named_by_look(read_at_least(2))),
            ChecklistItem("evidence: quote what it rests on", quoted),
        ),
    ),
    request=AnalyzeRequest,
    inspector=inspect_analyze,
)
