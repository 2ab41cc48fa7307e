"""A workflow tool as values, and the way of one call through it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp.types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import ValidationError

import prompts
from stepwarden.errors import UnknownStream
from stepwarden.inspections.context import Inspector
from stepwarden.steps.gate import Policy
from stepwarden.threads.calls import Caller, RunOrigin, StepCall, StepRefused, StepReply
from stepwarden.threads.submissions import Threads
from tools.shared.edge import EdgeTool, Progress, edge_tool, failure
from tools.shared.elicitation import UserQuestion, ask
from tools.shared.envelope import OUTPUT_SCHEMA
from tools.shared.progress import reporting_progress
from tools.shared.reply import refusal_result, reply_result
from tools.workflow.request import IGNORED_FIELDS, BaseWorkflowRequest
from tools.workflow.validation_errors import error_lines

# Every workflow writes its own thread and nothing else; a step sent twice is recorded once, but two first steps open
# two threads, so no tool here is idempotent as the protocol means it.
# Hints that are as the protocol's defaults (not read-only, not idempotent) are left out.
ANNOTATIONS = ToolAnnotations(destructive_hint=False, open_world_hint=False)


NO_DIRECTORY = "No code was read: give working_directory (absolute) with the next step, and its facts come with it."


def _no_step(_: Any) -> int | None:
    return None


@dataclass(frozen=True)
class Workflow:
    """What makes one workflow tool: its policy, its request model, and the prompt file of the same name.

    `fields` are those that the next call should fill, beside number and id. `replaces` reads from a request the number
    of the step that it revises, for tools that know revisions. `open_world` says that it asks others than the host.
    `question` is what the user is asked where a first step leaves it open. `inspector` reads the code itself before a
    step is decided; `keeps` says that it gives things to keep with the thread and needs them again.
    """

    policy: Policy
    request: type[BaseWorkflowRequest]
    fields: str = "step, findings, evidence, files_checked"
    replaces: Callable[[Any], int | None] = _no_step
    open_world: bool = False
    inspector: Inspector | None = None
    keeps: bool = False
    question: UserQuestion | None = None

    @property
    def name(self) -> str:
        """The tool's name, which is its prompt's as well."""
        return self.policy.tool


def workflow_tool(workflow: Workflow, threads: Threads) -> EdgeTool:
    """Make the tool that hands the steps of `workflow` to `threads`."""
    prompt = prompts.load(workflow.name)
    annotations = ANNOTATIONS.model_copy(update={"open_world_hint": workflow.open_world})
    return edge_tool(WorkflowSteps(workflow, threads).take, prompt, workflow.request, annotations, OUTPUT_SCHEMA)


@dataclass(frozen=True)
class WorkflowSteps:
    """Takes the steps of one workflow: of a host, or of the model of a run, `origin`."""

    workflow: Workflow
    threads: Threads
    origin: RunOrigin | None = None

    async def take(
        self, arguments: dict[str, Any], caller: Caller, progress: Progress
    ) -> CallToolResult | InputRequiredResult:
        """Take one step by its raw arguments, and return what is sent of it."""
        workflow, prompt = self.workflow, prompts.load(self.workflow.name)
        given = {name: value for name, value in arguments.items() if not _ignored(name, workflow)}
        try:
            request = workflow.request.model_validate(given)
        except ValidationError as error:
            return failure(error_lines(error, workflow.request))
        if workflow.question is not None and _leaves_open(request, workflow.question):
            answer = await ask(workflow.question)
            if isinstance(answer, InputRequiredResult):
                return answer
            if answer is not None:
                request = workflow.request.model_validate({**given, workflow.question.field: answer})
        said = request.submission(replaces=workflow.replaces(request))
        try:
            with reporting_progress(progress, lambda: f"{workflow.name}: waiting for a model"):
                reply = await self.threads.submit(
                    StepCall(
                        caller,
                        workflow.policy,
                        said,
                        request.continuation_id,
                        workflow.inspector,
                        keeps=workflow.keeps,
                        origin=self.origin,
                    )
                )
        except UnknownStream:
            return failure([_unknown_id(request.continuation_id or "")])
        if isinstance(reply, StepRefused):
            return refusal_result(prompt, reply, said.number)
        ignored = sorted(arguments.keys() - given.keys())
        notes = [*([f"Ignored: {', '.join(ignored)}."] if ignored else []), *request.notes()]
        if workflow.inspector is not None and _looks_at_nothing(reply):
            notes.append(NO_DIRECTORY)
        return reply_result(reply, prompt, fields=workflow.fields, request_bytes=_size(arguments), notes=notes)


def _looks_at_nothing(reply: StepReply) -> bool:
    """Whether a first step named neither a directory nor a file, so that nothing of the code could be told."""
    return reply.step.number == 1 and not reply.step.readable and not reply.step.paths


def _leaves_open(request: BaseWorkflowRequest, question: UserQuestion) -> bool:
    said = getattr(request, question.field)
    return request.step_number == 1 and (said is None or said in question.open_words)


def _ignored(name: str, workflow: Workflow) -> bool:
    return name in IGNORED_FIELDS and name not in workflow.request.model_fields


def _size(arguments: dict[str, Any]) -> int:
    """Return the bytes of a request; its id is left out, so that a retry is answered the same with it and without."""
    said = {name: value for name, value in arguments.items() if name != "continuation_id"}
    return len(json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str).encode(errors="replace"))


def _unknown_id(thread_id: str) -> str:
    shown = thread_id if thread_id.isprintable() and len(thread_id) <= 80 else "that id"
    return (
        f"continuation_id: no thread {shown}; send the id of a reply as it was, call status to find it, "
        "or start anew with step 1 and no id"
    )
