"""Slash commands: one prompt for each workflow tool, which tells the agent how to begin."""

import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

import prompts
from tools.shared.echo import echoed
from tools.workflow.workflow import Workflow

TASK = "task"
"""The one argument: hosts split what a user types at its blanks over all that there are."""
FORMER = {"files": "Begin with these files: {}", "continuation_id": "Follow up the thread {}"}
"""Arguments that commands once had: whoever still sends one is understood."""
_ASK = "Ask the user only where all of this leaves open what to work on."
_ID = re.compile(r"\b[a-z]+-[a-z2-7]{26}\b")


class CommandPrompt(Prompt):
    """A prompt that begins without a task too, and answers an unknown argument in our words."""

    async def render(self, arguments: dict[str, Any] | None, context: Context[Any, Any]) -> Any:
        """Return the messages of the command."""
        given = {name: str(value).strip() for name, value in (arguments or {}).items() if str(value).strip()}
        if unknown := sorted(given.keys() - {TASK, *FORMER}):
            raise MCPError(INVALID_PARAMS, f"{self.name} has no argument '{echoed(unknown[0])}'; it takes {TASK}")
        former = [words.format(given[name]) for name, words in FORMER.items() if name in given]
        return await super().render({TASK: "\n".join([*filter(None, [given.get(TASK)]), *former])}, context)


def known_commands(names: Collection[str]) -> Callable[..., Awaitable[HandlerResult]]:
    """Return the MCP middleware that answers commands other than `names` as invalid, which the SDK calls its crash."""

    async def refuse_unknown(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        name = (ctx.params or {}).get("name") if ctx.method == "prompts/get" else None
        if isinstance(name, str) and name not in names:
            raise MCPError(INVALID_PARAMS, f"there is no command '{echoed(name)}'; there are: {', '.join(names)}")
        return await call_next(ctx)

    return refuse_unknown


def command(workflow: Workflow) -> CommandPrompt:
    """Return the slash command of a workflow."""
    prompt = prompts.load(workflow.name)

    async def begin(task: str) -> str:
        words = _words(task) if task else f"for what the user asked for before ({prompt.command})"
        call = (
            f"Call {workflow.name} with step (the task), step_number=1, next_step_required=true and "
            f"working_directory (absolute path of the project){_follows(task)}. "
            "Then do the required_actions of each reply with your own tools before the next call."
        )
        use = f"Use the {workflow.name} tool of stepwarden {words}"
        return "\n".join([f"{use}:", "", task, "", call] if task else [f"{use}. {_ASK}", "", call])

    return CommandPrompt(
        name=workflow.name,
        title=prompt.title,
        description=prompt.command,
        arguments=[PromptArgument(name=TASK, description="What to work on, in your own words", required=False)],
        fn=begin,
        context_kwarg=None,
    )


def _words(task: str) -> str:
    """Return what a task is called, by how hosts hand it over."""
    if task.startswith("$"):  # opencode asks with a placeholder ("$1") that it fills in afterwards, maybe with nothing
        return "for this task, or if none stands here for what the user asked for before"
    if len(task.split()) == 1:  # all that Claude Code hands over; it shows its model the whole beside the prompt
        return "for all that the user typed after the command, which begins with"
    return "for this task"


def _follows(task: str) -> str:
    """Return the rest of the call for a task that names a thread, or may do so in words that were not handed over."""
    if found := _ID.search(task):
        return f', and continuation_id="{found.group()}", which follows that thread up'
    return "; where the task names a continuation_id, send it too: that follows its thread up"
