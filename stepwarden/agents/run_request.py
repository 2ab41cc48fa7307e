"""A request for a run, checked: what cannot work is told before anything starts."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from stepwarden.agents.toolbox import RunTool, Toolbox
from stepwarden.errors import RunRefused
from stepwarden.models import ModelInfo, Models, ModelTier, estimated_tokens
from stepwarden.runs.budget import RunBudget, last_turn_of, prompt_tokens_of
from stepwarden.runs.limits import DEFAULT_LIMITS, RunLimits, TokenPrice, cost_of
from stepwarden.runs.never_fires import why_never
from stepwarden.runs.run import Job, JobPlan, Run
from stepwarden.runs.run_calls import Approval
from stepwarden.runs.steered import Depth, SteeredWork
from stepwarden.runs.stop_conditions import FactExpression, leaves
from stepwarden.runs.stop_expressions import expression_error
from stepwarden.runs.stop_notation import ConditionError, parse_condition

DEFAULT_DOLLARS = Decimal(1)
DEFAULT_TOKENS = 200_000  # where the model has no known price

QUESTION_S = 86_400.0
"""So long a steered run waits for a person's answer, where nothing else is said: a day."""

Mode = Literal["auto", "steered", "agent"]
WORKFLOW_PREFIX = "stepwarden/"

READING_TOOLS = frozenset(
    {"list_files", "read_file", "search_files", "outline_file", "find_definition", "find_calls", "read_git"}
    | {"check_files", "check_change"}
)

STARTERS = frozenset({"execute", "run"})

_MOST_NAMED = 40

MAIN = "main"
"""The id of the job of a run with one agent."""


@dataclass(frozen=True)
class RunRequest:
    """What is asked for. `tools` None means all that fit; `stop` is a condition as `stop_notation` reads it.

    `essential` are the tools that are kept where the model fails with all of them. With `heeds_settings` a call also
    waits for a person where the settings of its upstream want one: only a person's own word may be below them.
    """

    request: str
    model: str | None = None
    directory: str | None = None
    tools: Sequence[str] | None = None
    essential: Sequence[str] = ()
    approval: Approval = Approval.WRITES
    limits: RunLimits = DEFAULT_LIMITS
    stop: Mapping[str, Any] | None = None
    pauses_at_limits: bool = False
    heeds_settings: bool = True
    thread: str = ""
    mode: Mode = "agent"
    depth: Depth = Depth.LEAN
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class PlannedRun:
    """A request as it will be carried out, with the limits that count."""

    limits: RunLimits
    job: JobPlan


async def plan_run(wanted: RunRequest, models: Models, toolbox: Toolbox, instructions: str) -> PlannedRun:
    """Return how a request is carried out with a toolbox of what it names, or of all that fits.

    Raises RunRefused with every problem, and ModelError without a model.
    """
    info = models.choose(wanted.model, ModelTier.BALANCED).info
    priced = next((one for one in await models.priced() if one.name == info.name), info)
    price = TokenPrice(priced.price.input, priced.price.output) if priced.price is not None else None
    limits = _limited(wanted.limits, is_priced=price is not None)
    problems = [*wanted.limits.problems(), *_tool_problems(wanted, toolbox)]
    problems += _stop_problems(wanted, toolbox, limits, is_priced=price is not None)
    if not wanted.request.strip():
        problems.append("There is no request: say in words what is to be done.")
    if wanted.limits.dollars is not None and price is None:
        problems.append(f"The price of {info.name} is not known, so dollars cannot limit it: set the limit tokens.")
    if problems:
        raise RunRefused(" ".join(problems))
    grants = toolbox.grants(wanted.tools)
    if not wanted.heeds_settings:
        grants = tuple(replace(grant, asks=False) for grant in grants)
    offered = toolbox.offered([grant.name for grant in grants])
    job = JobPlan(
        id=MAIN,
        instructions=instructions,
        model=info.name,
        tools=grants,
        essential=tuple(wanted.essential),
        stop=wanted.stop,
        price=price,
        prompt_tokens=estimated_tokens(instructions) + sum(estimated_tokens(tool.text) for tool in offered),
        most_prompt_tokens=_most_prompt_tokens(info, wanted.limits),
        depth=wanted.depth if wanted.mode == "steered" else None,
    )
    if lacking := _lacking(wanted.request, limits, job):
        raise RunRefused(lacking)
    return PlannedRun(limits, job)


def _limited(limits: RunLimits, *, is_priced: bool) -> RunLimits:
    """Return the limits with one of money, or of tokens where prices are unknown: every run has one."""
    if limits.dollars is not None or limits.tokens is not None:
        return limits
    return replace(limits, dollars=DEFAULT_DOLLARS) if is_priced else replace(limits, tokens=DEFAULT_TOKENS)


def _lacking(request: str, limits: RunLimits, job: JobPlan) -> str:
    """Return why the limits are too low for one question beside the last answer, "" where they are not."""
    work = SteeredWork(job.depth) if job.depth is not None else None
    planned = Run("", request=request, limits=limits, jobs={job.id: Job(job, work=work)})
    first = cost_of(job.price, prompt_tokens_of(planned, planned.jobs[job.id]), limits.answer_tokens)
    first = first + first if work is not None else first  # an answer of a wrong form is asked for once more
    lacking = RunBudget(planned).lacks(first)
    if lacking is None:
        return ""
    least = first + last_turn_of(planned.jobs[job.id])
    needed = least.tokens if lacking.name == "tokens" else f"{least.dollars:.4f}"
    return f"The limit {lacking.name} is {lacking.limit}: the first question and the last answer may take {needed}."


def _most_prompt_tokens(info: ModelInfo, limits: RunLimits) -> int | None:
    return None if info.context_tokens is None else max(1, info.context_tokens - limits.answer_tokens)


def named_tools(names: Sequence[str] | None, own: Sequence[RunTool]) -> Sequence[str] | None:
    """Return the names of tools in full: a workflow may be named alone, and `stepwarden/*` means all of them.

    A workflow brings the tools that read files and code with it: it is about what they read.
    """
    if names is None:
        return None
    known = [tool.grant.name for tool in own]
    workflows = [name for name in known if name.startswith(WORKFLOW_PREFIX)]
    full = list[str]()
    for name in names:
        if name == f"{WORKFLOW_PREFIX}*":
            full += workflows
        else:
            full.append(f"{WORKFLOW_PREFIX}{name}" if f"{WORKFLOW_PREFIX}{name}" in workflows else name)
    reading = [name for name in known if name in READING_TOOLS] if {*full} & {*workflows} else []
    return tuple(dict.fromkeys([*full, *reading]))


def _tool_problems(wanted: RunRequest, toolbox: Toolbox) -> list[str]:
    names = list(toolbox.tools)
    known = [*names, *dict.fromkeys(f"{name.partition('/')[0]}/*" for name in names if "/" in name)]
    asked = [name for name in (*(wanted.tools or ()), *wanted.essential) if name not in known]
    return [
        f"A run cannot start runs: leave out {name}."
        if name.removeprefix(WORKFLOW_PREFIX) in STARTERS
        else f"There is no tool {name!r:.80}{_nearest(name, known)}"
        for name in asked
    ]


def _nearest(name: str, known: Sequence[str]) -> str:
    workflows = {one.removeprefix(WORKFLOW_PREFIX): one for one in known if one.startswith(WORKFLOW_PREFIX)}
    near = difflib.get_close_matches(name, [*known, *workflows], n=1)
    if near:
        return f"; did you mean {near[0]}?"
    known = [one for one in known if one not in workflows.values() or one.endswith("*")]
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return f". There are: {', '.join(known[:_MOST_NAMED]) or 'none'}{more}."


def _stop_problems(wanted: RunRequest, toolbox: Toolbox, limits: RunLimits, *, is_priced: bool) -> list[str]:
    if wanted.stop is None:
        return []
    from stepwarden.agents.text_matches import pattern_errors

    try:
        condition = parse_condition(wanted.stop)
    except ConditionError as error:
        return [str(error)]
    given = [grant.name for grant in toolbox.grants(wanted.tools)]
    texts = [leaf.text for leaf in leaves(condition) if isinstance(leaf, FactExpression)]
    unread = [f"expression {text!r:.120}: {error}" for text in texts if (error := expression_error(text))]
    never = why_never(condition, limits=limits, tools=given, is_priced=is_priced)
    return [*pattern_errors(condition), *unread, *never]
