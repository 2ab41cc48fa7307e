"""`tracer`: trace how execution flows, or who depends on whom."""

from typing import Annotated, Literal

from pydantic import Field

from stepwarden.inspections.tracer import inspect_tracer
from stepwarden.steps.gate import Policy
from stepwarden.steps.thread import Thread
from tools.shared.elicitation import UserQuestion
from tools.workflow.checklist import ChecklistItem, checklist, quoted, read_at_least
from tools.workflow.lenient_values import Word
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted
from tools.workflow.workflow import Workflow


class TracerRequest(BaseWorkflowRequest):
    """One step of a trace."""

    trace_mode: Annotated[Literal["precision", "dependencies", "ask"], Word] | None = Field(
        default=None, description="precision: execution flow; dependencies: who uses whom"
    )
    target: Text | None = Field(default=None, description="Symbol: Class.method, path:Class.method")
    target_description: Text | None = Unlisted


def _knows_mode(thread: Thread) -> bool:
    """Test that some step says which of the two traces it is."""
    return any(step.submission.fields.get("trace_mode") in {"precision", "dependencies"} for step in thread.live)


WORKFLOW = Workflow(
    policy=Policy(
        tool="tracer",
        low=2,
        likely=3,
        high=5,
        missing_act="look for a way that the trace does not show; report it",
        checklist=checklist(
            ChecklistItem("trace_mode: precision or dependencies", _knows_mode),
            ChecklistItem("files_checked: what you traced", read_at_least(1)),
            ChecklistItem("evidence: quote a call site", quoted),
        ),
    ),
    request=TracerRequest,
    inspector=inspect_tracer,
    question=UserQuestion(
        "trace_mode",
        "Which trace do you want?",
        {"precision": "Precision: how execution runs on from it", "dependencies": "Dependencies: who uses whom"},
        open_words=("ask",),
    ),
)
