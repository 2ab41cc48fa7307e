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
            Item("set trace_mode: precision or dependencies", gave("trace_mode")),
            Item("name the files you traced through in files_checked", read_at_least(1)),
            Item("quote the entry point or a call site of the trace", quoted),
        ),
    ),
    request=TracerRequest,
)
