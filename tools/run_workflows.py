"""The workflow tools as a run's model has them: one step a call, within the run's directory and its limits."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcp.types import InputRequiredResult, TextContent

import prompts
from stepwarden.agents.toolbox import CallContext, CallOutput, RunTool
from stepwarden.consultation.call_allowance import ANSWER_TOKENS
from stepwarden.models import ModelError, Models, ModelTier
from stepwarden.runs.limits import NOTHING, Amount, TokenPrice, cost_of
from stepwarden.runs.run_calls import CallKind, ToolGrant
from stepwarden.steps.consensus_rules import CONSENSUS
from stepwarden.steps.expert_rules import EXPERT
from stepwarden.threads.calls import Caller, RunOrigin
from stepwarden.threads.submissions import ID_CHARACTERS, Threads
from stepwarden.tool_calls import OfferedTool
from tools.catalogue import WORKFLOWS
from tools.shared.schema import listed_schema
from tools.workflow.workflow import Workflow, WorkflowSteps

PROMPT_TOKENS = 40_000
"""Of the requests to one expert, or to two of a panel, that are set aside for a step before it is taken."""

AWAITING = "awaiting_expert"


@dataclass(frozen=True)
class WorkflowRunTool:
    """One workflow as a tool of a run; `directory` is the run's, and no call reads another."""

    workflow: Workflow
    threads: Threads
    directory: str | None
    may_cost: Amount

    @property
    def grant(self) -> ToolGrant:
        """See `RunTool`."""
        return ToolGrant(f"stepwarden/{self.workflow.name}", CallKind.LOCAL, may_cost=self.may_cost)

    @property
    def offered(self) -> OfferedTool:
        """See `RunTool`."""
        prompt, schema = prompts.load(self.workflow.name), listed_schema(self.workflow.name, self.workflow.request)
        properties = {name: one for name, one in schema["properties"].items() if name != "working_directory"}
        return OfferedTool(self.grant.name, prompt.description, {**schema, "properties": properties})

    async def call(self, context: CallContext) -> CallOutput:
        """See `RunTool`; takes one step, and waits for the models that it asks as long as the call may take."""
        origin = RunOrigin(context.run.id, _thread_id(self.workflow.name, context))
        workflow = replace(self.workflow, question=None)  # nobody can be asked in a run
        steps = WorkflowSteps(workflow, self.threads, origin)
        arguments = self._arguments(context)
        if not arguments.get("continuation_id") and await self.threads.journal.store.head(origin.new_id) is not None:
            arguments["continuation_id"] = origin.new_id  # it was taken, and whoever took it is gone
        caller = Caller(context.principal, local=context.run.is_local)
        until = asyncio.get_running_loop().time() + context.seconds - self.threads.call_seconds
        while True:
            result = await steps.take(arguments, caller, _tell_nobody)
            assert not isinstance(result, InputRequiredResult)
            data: Mapping[str, Any] = result.structured_content or {}
            thread = str(data.get("continuation_id") or "")
            if data.get("status") != AWAITING or asyncio.get_running_loop().time() > until:
                break
            arguments["continuation_id"] = thread
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        return CallOutput(text, failed=bool(result.is_error), thread=thread)

    def _arguments(self, context: CallContext) -> dict[str, Any]:
        arguments = {name: value for name, value in context.arguments.items() if name != "working_directory"}
        return {**arguments, "working_directory": self.directory} if self.directory else arguments


async def _tell_nobody(_: float, __: float | None, ___: str) -> None:
    """Tell nobody how a call goes on."""


def _thread_id(tool: str, context: CallContext) -> str:
    """Return the id under which a call opens its thread: the same where it is made again after a crash."""
    digest = hashlib.sha256(f"{context.run.id}\0{context.key}".encode()).digest()
    return f"{tool}-{base64.b32encode(digest).decode().lower()[:ID_CHARACTERS]}"


def workflow_run_tools(threads: Threads, models: Models) -> Callable[[str | None], Awaitable[Sequence[RunTool]]]:
    """Return what gives a run with a directory its workflow tools."""

    async def tools_for(directory: str | None) -> Sequence[RunTool]:
        expert = await _cost_of_expert(models)
        return [WorkflowRunTool(workflow, threads, directory, _may_cost(workflow, expert)) for workflow in WORKFLOWS]

    return tools_for


async def _cost_of_expert(models: Models) -> Amount:
    """Return what is set aside for one expert; nothing where there is no model for one."""
    try:
        name = models.choose(None, ModelTier.DEEP).info.name
    except ModelError:
        return NOTHING
    price = next((one.price for one in await models.priced() if one.name == name), None)
    known = TokenPrice(price.input, price.output) if price is not None else None
    return cost_of(known, PROMPT_TOKENS, ANSWER_TOKENS)


def _may_cost(workflow: Workflow, expert: Amount) -> Amount:
    """Return what is set aside for the models that a step of a workflow may ask."""
    kind = workflow.policy.consultation.kind
    return {EXPERT.kind: expert, CONSENSUS.kind: expert + expert}.get(kind, NOTHING)
