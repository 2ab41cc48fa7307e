"""`docgen`: document code, file by file, checked on disk."""

from pydantic import Field, JsonValue

from stepwarden.inspections.docgen import inspect_docgen
from stepwarden.steps.clause import Clause
from stepwarden.steps.gate import Policy
from stepwarden.steps.thread import Thread
from tools.workflow.request import BaseWorkflowRequest, Text, Unlisted
from tools.workflow.workflow import Workflow


class DocgenRequest(BaseWorkflowRequest):
    """One step of documenting; the counters of the zen family are answered with the server's own count."""

    unlisted = frozenset({"issues_found", "evidence"})
    include_private: bool = Field(default=False, description="Step 1: private definitions too")
    update_existing: bool = Field(default=False, description="Step 1: review existing docs too")
    style: Text | None = Field(default=None, description="google, numpy ...")
    document_flow: bool = Field(default=False, json_schema_extra={"unlisted": True})
    document_complexity: bool = Field(default=False, json_schema_extra={"unlisted": True})
    comments_on_complex_logic: bool = Field(default=False, json_schema_extra={"unlisted": True})
    num_files_documented: int | None = Field(default=None, json_schema_extra={"unlisted": True})
    total_files_to_document: JsonValue = Unlisted


def _can_look(thread: Thread) -> tuple[Clause, ...]:
    if thread.readable:
        return ()
    return (Clause("checklist", "0", "working_directory: absolute; nothing can be checked without it"),)


WORKFLOW = Workflow(
    # The range is only for a thread that can look at nothing: else its steps are counted.
    policy=Policy(
        tool="docgen",
        low=2,
        likely=4,
        high=10,
        missing_act="document the files that are left",
        novelty_required=False,
        checklist=_can_look,
    ),
    request=DocgenRequest,
    fields="step",
    inspector=inspect_docgen,
    keeps=True,
)
