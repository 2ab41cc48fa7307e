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
_ID = re.compile(r"\b[a-z]+-[a-z2-7]{26}\b")


class CommandPrompt(Prompt):
    """A prompt that answers a missing task with an invalid request, in our words."""

    async def render(self, arguments: dict[str, Any] | None, context: Context[Any, Any]) -> Any:
        """Return the messages of the command."""
        given = {name: str(value).strip() for name, value in (arguments or {}).items() if str(value).strip()}
        if unknown := sorted(given.keys() - {TASK, *FORMER}):
            raise MCPError(INVALID_PARAMS, f"{self.name} has no argument '{echoed(unknown[0])}'; it takes {TASK}")
        if TASK not in given:
            raise MCPError(INVALID_PARAMS, f"{self.name} needs the argument '{TASK}': say what to work on")
        former = [words.format(given[name]) for name, words in FORMER.items() if name in given]
        return await super().render({TASK: "\n".join([given[TASK], *former])}, context)


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
        words = _ONE_WORD if _is_one_word(task) else "for this task"
        call = (
            f"Call {workflow.name} with step (the task), step_number=1, next_step_required=true and "
            f"working_directory (absolute path of the project){_follows(task)}. "
            "Then do the required_actions of each reply with your own tools before the next call."
        )
        return "\n".join([f"Use the {workflow.name} tool of stepwarden {words}:", "", task, "", call])

    return CommandPrompt(
        name=workflow.name,
        title=prompt.title,
        description=prompt.command,
        arguments=[PromptArgument(name=TASK, description="What to work on, in your own words", required=True)],
        fn=begin,
        context_kwarg=None,
    )


# Claude Code gives an argument one word of what was typed, and shows its model all of it beside the prompt. opencode
# asks for the prompt with a placeholder ("$1") that it fills in afterwards.
_ONE_WORD = "for all that the user typed after the command, which begins with"


def _is_one_word(task: str) -> bool:
    return len(task.split()) == 1 and not task.startswith("$")


def _follows(task: str) -> str:
    """Return the rest of the call for a task that names a thread, or may do so in words that were not handed over."""
    if found := _ID.search(task):
        return f', and continuation_id="{found.group()}", which follows that thread up'
    return "; where the task names a continuation_id, send it too: that follows its thread up"
