"""`tracer`: trace how execution flows, or who depends on whom."""

from typing import Annotated, Literal

from pydantic import Field

from stepwarden.steps.gate import Policy
from tools.workflow.checklist import Item, checklist, gave, quoted, read_at_least
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted, Word
from tools.workflow.workflow import Workflow


class TracerRequest(BaseWorkflowRequest):
    """One step of a trace."""

    trace_mode: Annotated[Literal["precision", "dependencies", "ask"], Word] | None = Field(
        default=None, description="precision: execution flow; dependencies: who uses whom"
    )
    target_description: Text | None = Unlisted


WORKFLOW = Workflow(
    policy=Policy(
        tool="tracer",
        low=2,
        likely=3,
        high=5,
        facts=checklist(
            Item("trace_mode: precision or dependencies", gave("trace_mode")),
            Item("files_checked: what you traced", read_at_least(1)),
            Item("evidence: quote a call site", quoted),
        ),
    ),
    request=TracerRequest,
)
