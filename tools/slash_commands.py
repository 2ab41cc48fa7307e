"""Slash commands: one prompt for each workflow tool, which tells the agent how to begin."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

import prompts
from tools.workflow.workflow import Workflow


class CommandPrompt(Prompt):
    """A prompt that answers a missing task with an invalid request, in our words."""

    async def render(self, arguments: dict[str, Any] | None, context: Context[Any, Any]) -> Any:
        """Return the messages of the command."""
        given = {name: value for name, value in (arguments or {}).items() if str(value).strip()}
        known = [argument.name for argument in self.arguments or []]
        if "task" not in given:
            raise MCPError(INVALID_PARAMS, f"{self.name} needs the argument 'task': say what to work on")
        if unknown := sorted(given.keys() - set(known)):
            raise MCPError(INVALID_PARAMS, f"{self.name} has no argument '{unknown[0]}'; it takes {', '.join(known)}")
        return await super().render(given, context)


def command(workflow: Workflow) -> CommandPrompt:
    """Return the slash command of a workflow."""
    prompt = prompts.load(workflow.name)

    async def begin(task: str, files: str = "", continuation_id: str = "") -> str:
        lines = [f"Use the {workflow.name} tool of stepwarden for this task:", "", task.strip(), ""]
        if files.strip():
            lines += [f"Begin with these files: {files.strip()}", ""]
        follow = f', continuation_id="{continuation_id.strip()}" (it follows that thread up)' if continuation_id else ""
        lines.append(
            f"Call {workflow.name} with step (the task), step_number=1, next_step_required=true, "
            f"working_directory (absolute path of the project){follow}. "
            "Then do the required_actions of each reply with your own tools before the next call."
        )
        return "\n".join(lines)

    return CommandPrompt(
        name=workflow.name,
        title=prompt.title,
        description=prompt.command,
        arguments=[
            PromptArgument(name="task", description="What to work on", required=True),
            PromptArgument(name="files", description="Files to begin with"),
            PromptArgument(name="continuation_id", description="A thread to follow up"),
        ],
        fn=begin,
        context_kwarg=None,
    )
