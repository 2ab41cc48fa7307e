"""The tools: a row each, and which of them a setting serves."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from stepwarden.agents.deferred import DeferredRuns
from stepwarden.errors import SettingsError
from stepwarden.models import Models
from stepwarden.threads.chats import Chats
from stepwarden.threads.queries import ThreadQueries
from tools import (
    analyze,
    codereview,
    consensus,
    debug,
    docgen,
    planner,
    precommit,
    refactor,
    secaudit,
    testgen,
    thinkdeep,
    tracer,
)
from tools.challenge import challenge_tool
from tools.chat import chat_tool
from tools.execute import execute_tool
from tools.listmodels import listmodels_tool
from tools.run import run_tool
from tools.shared.edge import EdgeTool
from tools.status import ServerFacts, status_tool
from tools.workflow.workflow import Workflow

WORKFLOWS: tuple[Workflow, ...] = (
    debug.WORKFLOW,
    analyze.WORKFLOW,
    codereview.WORKFLOW,
    precommit.WORKFLOW,
    refactor.WORKFLOW,
    secaudit.WORKFLOW,
    testgen.WORKFLOW,
    tracer.WORKFLOW,
    planner.WORKFLOW,
    thinkdeep.WORKFLOW,
    docgen.WORKFLOW,
    consensus.WORKFLOW,
)


@dataclass(frozen=True)
class Parts:
    """What the tools that are not workflows are made from."""

    queries: ThreadQueries
    models: Models
    chats: Chats
    runs: DeferredRuns
    facts: ServerFacts


OTHERS: tuple[tuple[str, Callable[[Parts], EdgeTool]], ...] = (
    ("execute", lambda parts: execute_tool(parts.runs)),
    ("run", lambda parts: run_tool(parts.runs)),
    ("chat", lambda parts: chat_tool(parts.chats)),
    ("challenge", lambda _: challenge_tool()),
    ("listmodels", lambda parts: listmodels_tool(parts.models)),
    ("status", lambda parts: status_tool(parts.queries, parts.facts)),
)
NAMES: tuple[str, ...] = (*(workflow.name for workflow in WORKFLOWS), *(name for name, _ in OTHERS))
SETS = {"all": NAMES, "lean": ("debug", "analyze", "codereview", "consensus", "status")}


def chosen(setting: str) -> tuple[str, ...]:
    """Return the names of the tools that `STEPWARDEN_TOOLS` stands for, in the order of the catalogue.

    Raises SettingsError for a name that is no tool's.
    """
    words = [word.strip().lower() for word in setting.split(",") if word.strip()] or ["all"]
    names: set[str] = set()
    for word in words:
        if word not in SETS and word not in NAMES:
            near = difflib.get_close_matches(word, [*SETS, *NAMES], n=1)
            meant = f"; did you mean {near[0]}" if near else ""
            raise SettingsError(f"STEPWARDEN_TOOLS: no tool '{word}'{meant}. There are: {', '.join([*SETS, *NAMES])}")
        names.update(SETS.get(word, (word,)))
    return tuple(name for name in NAMES if name in names)
