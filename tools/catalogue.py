"""Which tools there are, and which of them a setting serves."""

import difflib

from stepwarden.errors import SettingsError
from tools import analyze, codereview, debug, planner, precommit, refactor, secaudit, testgen, thinkdeep, tracer
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
)
STATUS = "status"
NAMES: tuple[str, ...] = (*(workflow.name for workflow in WORKFLOWS), STATUS)
SETS = {"all": NAMES, "lean": ("debug", "analyze", "codereview", STATUS)}


def chosen(setting: str) -> tuple[str, ...]:
    """Give the names of the tools that `STEPWARDEN_TOOLS` stands for, in the order of the catalogue.

    Raises SettingsError for a name that no tool has.
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
