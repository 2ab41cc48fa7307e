"""The simulated world: tasks that need a number of steps, and files in which a quote is true or not.

How much work a task needs, and what its text and files show of it, are assumptions. They are stated here as numbers
and were written down before the rules were measured against them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from stepwarden.files.quote_context import SourceLines, context_of
from stepwarden.files.quotes import look_up_quote
from stepwarden.files.text import FoldedText
from stepwarden.steps.evidence import HOLDS, Evidence, Quote, Verdict
from stepwarden.steps.gate import Policy
from tools.catalogue import WORKFLOWS

POLICIES: dict[str, Policy] = {workflow.name: workflow.policy for workflow in WORKFLOWS}
TOOLS = {  # how often each tool is called
    "debug": 0.25,
    "codereview": 0.18,
    "analyze": 0.15,
    "planner": 0.08,
    "precommit": 0.08,
    "thinkdeep": 0.07,
    "refactor": 0.06,
    "testgen": 0.05,
    "tracer": 0.04,
    "secaudit": 0.04,
}
ISSUE_TOOLS = frozenset({"codereview", "precommit", "secaudit", "refactor"})  # conclusions are issues, not a hypothesis


@dataclass(frozen=True, slots=True)
class Level:
    """How hard a task is: its share, the work beyond the least in steps, and what shows of it at step 1.

    `files` is the range of the number of files named; `located` and the rest are chances.
    """

    share: float
    work: float
    files: tuple[int, int]
    located: float
    exception: float
    symbol: float
    broad: float  # the question is one of architecture or security


# `hardness` multiplies the work: seeds.py has the one that is reported, and why.
LEVELS = {
    "trivial": Level(0.15, 0.0, (1, 2), 0.70, 0.60, 0.80, 0.05),
    "easy": Level(0.30, 0.6, (1, 4), 0.45, 0.50, 0.70, 0.10),
    "medium": Level(0.30, 1.2, (2, 8), 0.25, 0.40, 0.60, 0.20),
    "hard": Level(0.18, 2.4, (3, 15), 0.10, 0.30, 0.50, 0.35),
    "very hard": Level(0.07, 4.2, (5, 30), 0.05, 0.20, 0.40, 0.45),
}
# Per tool: the least steps, and the part of a level's work that reaches it (a diff bounds the work).
SCOPE = {
    "debug": (2, 1.0),
    "codereview": (2, 0.5),
    "precommit": (2, 0.5),
    "testgen": (2, 0.5),
    "tracer": (2, 0.5),
    "refactor": (3, 0.6),
    "analyze": (3, 0.7),
    "secaudit": (3, 0.7),
    "thinkdeep": (3, 0.7),
    "planner": (3, 0.7),
}
NEED_SPREAD = 0.2  # sigma of the lognormal noise on the need
NO_FILES_NAMED = 0.25
CAUSE_AMONG_NAMED = 0.6
NAMES_ITS_PLACE = 0.92  # a conclusion names the function or the variable it is about
LINES = 40  # of a file: imports and a comment, then definitions of seven lines each
FIRST_DEFINITION = 6
DEFINITION_LINES = 7


@dataclass(frozen=True)
class Task:
    """A piece of work: what the agent is told, and what is so. `need` counts an honest agent's steps to the truth."""

    tool: str
    level: str
    text: str
    named: tuple[str, ...]
    need: int
    cause: Quote
    truth: str
    repository: "Repository"

    @property
    def policy(self) -> Policy:
        """The real policy of the task's tool."""
        return POLICIES[self.tool]

    @property
    def by_issues(self) -> bool:
        """Whether the tool's conclusion is an issue rather than a hypothesis."""
        return self.tool in ISSUE_TOOLS


@dataclass(frozen=True)
class Repository:
    """Files made up from a seed; the server's own look-up says whether a quote is in them."""

    paths: tuple[str, ...]
    cause: Quote
    _pages: dict[str, tuple[FoldedText, SourceLines]] = field(default_factory=dict[str, tuple[FoldedText, SourceLines]])

    def line(self, path: str, number: int) -> str:
        """Return line `number` of a file, from 1, as a program has them: imports, definitions, blanks, brackets."""
        if (path, number) == (self.cause.file, self.cause.line):
            return f"    {self.cause.quote}"
        part = path.removesuffix(".py").rpartition("/")[2]
        if number < FIRST_DEFINITION:
            return ("import json", "from pathlib import Path", f"import shop.{part}_types", "", "# helpers below")[
                number - 1
            ]
        inside = (number - FIRST_DEFINITION) % DEFINITION_LINES
        name = self.definition(path, number)
        return (
            f"def {name}(state):",
            f"    value_{number} = step_{number}(state)",
            f"    if value_{number} is None:",
            f"        raise KeyError('{part} {number}')",
            f"    return call_{number}(value_{number - 2},",
            "    )",
            "",
        )[inside]

    def definition(self, path: str, number: int) -> str:
        """Return the name of the definition that line `number` stands in, "" above the first."""
        if number < FIRST_DEFINITION:
            return ""
        part = path.removesuffix(".py").rpartition("/")[2]
        return f"work_{part}_{(number - FIRST_DEFINITION) // DEFINITION_LINES}"

    def check(self, quotes: Iterable[Quote]) -> tuple[Evidence, ...]:
        """Return the verdict on each quote, as the server would."""
        return tuple(self._verdict(quote) for quote in quotes if not quote.withdrawn)

    def existing(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return those of `paths` that are files here."""
        return tuple(path for path in paths if path in self.paths)

    def _verdict(self, quote: Quote) -> Evidence:
        if quote.file not in self.paths:
            return Evidence(quote.file, quote.quote, Verdict.REFUTED, supports=quote.supports)
        folded, source = self._page(quote.file)
        found = look_up_quote(folded, quote.quote, quote.line)
        holds = found.line is not None and found.verdict in HOLDS
        context = context_of(source, found.line or 1, quote.quote) if holds else None
        return Evidence(quote.file, quote.quote, found.verdict, found.line, quote.supports, found.note, context=context)

    def _page(self, path: str) -> tuple[FoldedText, SourceLines]:
        if path not in self._pages:
            text = "\n".join(self.line(path, number) for number in range(1, LINES + 1))
            self._pages[path] = FoldedText.of(text), SourceLines.of(text, path)
        return self._pages[path]


def draw_task(random: Random, name: str, hardness: float = 1.0) -> Task:
    """Draw a task; `name` makes its words unlike any other's."""
    tool = random.choices(list(TOOLS), list(TOOLS.values()))[0]
    level = random.choices(list(LEVELS), [level.share for level in LEVELS.values()])[0]
    shown = LEVELS[level]
    least, reach = SCOPE[tool]
    need = max(2, round((least + reach * shown.work * hardness) * random.lognormvariate(0, NEED_SPREAD)))
    count = random.randint(*shown.files)
    named = () if random.random() < NO_FILES_NAMED else tuple(f"src/part{number}.py" for number in range(count))
    paths = tuple(f"src/part{number}.py" for number in range(max(count, 6) + math.ceil(need / 2)))
    among = named if named and random.random() < CAUSE_AMONG_NAMED else paths
    place = random.randrange(LINES // DEFINITION_LINES - 1) * DEFINITION_LINES + FIRST_DEFINITION + random.randint(1, 4)
    cause = Quote(random.choice(among), f"cause_{name} = forgotten_check(state)", place)
    text = _worded(random, tool, shown, cause.file)
    repository = Repository(paths, cause)
    where = repository.definition(cause.file, place)
    truth = (
        f"{where} forgets to look at cause_{name}"
        if random.random() < NAMES_ITS_PLACE
        else f"a check is missing, {name}"
    )
    return Task(tool, level, text, named, need, cause, truth, repository)


def _worded(random: Random, tool: str, shown: Level, path: str) -> str:
    """Return a task's text; the rules read what it shows from these words alone."""
    parts = [f"Please do this {tool} work"]
    if random.random() < shown.broad:
        parts.append(random.choice(["mind the architecture of it", "mind the security of it"]))
    elif random.random() < 0.2:
        parts.append("and review what is there")
    if random.random() < shown.located:
        parts.append(random.choice([f"it shows at {path}:{random.randint(1, LINES)}", "Traceback (most recent call)"]))
    if random.random() < shown.exception:
        parts.append("it ends with a KeyError")
    if random.random() < shown.symbol:
        parts.append("look at load_state()")
    return ", ".join(parts)
