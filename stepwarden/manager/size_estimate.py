"""How many steps a task deserves, by the rules.

The numbers are those of "Sizing" in docs/manager.md; a policy brings its tool's starting point and range.
"""

import math
from dataclasses import replace

from stepwarden.manager.facts import TaskFacts
from stepwarden.manager.question import Clue, clues, question_kind
from stepwarden.manager.reasons import clipped, counted
from stepwarden.steps.gate import Policy
from stepwarden.steps.machine import Advice
from stepwarden.steps.question_kind import QuestionKind
from stepwarden.steps.thread import DecidedBy, Plan

CALIBRATED_FROM = 20  # finished threads of a tool from which its own history replaces the starting point
NEWEST = 500  # finished threads that count; older ones were made by other agents and other rules

_KIND_MOVES = {QuestionKind.REVIEW: 1, QuestionKind.ARCHITECTURE: 2, QuestionKind.SECURITY: 2, QuestionKind.HOW: 0}
_DEBUG_MOVES = ((3, "nothing known"), (1, "one clue"), (0, "two clues"))  # by the number of clues to the place


def size(facts: TaskFacts, policy: Policy) -> Advice:
    """Return the plan that a task deserves: an interval of steps, inside the range of `policy`, with its reason.

    A computed total stands as it is, as a point, outside the range too.
    """
    if facts.computed is not None:
        total = max(1, facts.computed)
        return _advice(Plan(total, total, total, f"{counted(total, 'step')}, counted"))
    calibrated = len(facts.finished) >= CALIBRATED_FROM
    plan = _from_history(facts.finished[:NEWEST], policy) if calibrated else _from_task(facts, policy)
    return _advice(plan if facts.hint is None else _hinted(plan, facts.hint, policy))


def _advice(plan: Plan) -> Advice:
    plan = replace(plan, reason=clipped(plan.reason))
    return Advice(plan=plan, reason=plan.reason, by=plan.by)


def _from_task(facts: TaskFacts, policy: Policy) -> Plan:
    move, asked = _question_move(facts.task, policy)
    likely = _within(policy.likely + _files_move(facts.files) + move, policy)
    named = [counted(facts.files, "file")] if facts.files else []
    reason = ", ".join([*named, *asked]) or f"the usual for {policy.tool}"
    # Tasks outgrow a guess more often, and by more, than they fall short of it (coverage: bench/manager).
    return _interval(likely - math.ceil(likely / 3), likely, likely + max(1, math.ceil(likely / 2)), reason, policy)


def _from_history(finished: tuple[int, ...], policy: Policy) -> Plan:
    import statistics  # needed by few threads, and it loads fractions and decimals

    tenths = statistics.quantiles(finished, n=10, method="inclusive")
    low, middle, high = math.floor(tenths[0]), math.floor(tenths[4] + 0.5), math.ceil(tenths[8])
    reason = f"median {middle}, {low}-{high}, of {len(finished)} finished"
    return _interval(low, _within(middle, policy), high, reason, policy)


def _hinted(plan: Plan, hint: int, policy: Policy) -> Plan:
    """Return the plan with the agent's number, inside the range; its reason says what the rules would say."""
    likely = _within(hint, policy)
    asked = f"{hint}" if hint == likely else f"{'more' if hint > likely else 'fewer'} than {likely}"
    rules = plan.reason if likely == plan.likely else f"the rules say {plan.likely}"
    reason = f"you asked for {asked}; {rules}"
    return Plan(min(plan.low, likely), likely, max(plan.high, likely), reason, DecidedBy.AGENT)


def _interval(low: int, likely: int, high: int, reason: str, policy: Policy) -> Plan:
    """Return the plan inside the tool's range, never a bare point where the range has room."""
    low, high = min(_within(low, policy), likely), max(_within(high, policy), likely)
    if low == high:
        low, high = (low, high + 1) if high < policy.high else (max(policy.low, low - 1), high)
    return Plan(low, likely, high, reason)


def _within(steps: int, policy: Policy) -> int:
    return max(policy.low, min(steps, policy.high))


def _files_move(files: int) -> int:
    if files == 0:
        return 0
    return next((move for most, move in ((2, -1), (5, 0), (10, 1), (20, 2)) if files <= most), 3)


def _question_move(task: str, policy: Policy) -> tuple[int, list[str]]:
    """Return how far the question moves the starting point, and the words for it (none where it does not)."""
    # How much is known of a fault differs from task to task, so no starting point holds it: `asks`, not `sized_for`.
    kind = policy.asks or question_kind(task, policy.sized_for)
    if kind is QuestionKind.DEBUG:
        move, known = _debug_move(clues(task))
        return move, [kind.value, known]
    move = _KIND_MOVES[kind]
    return move, [kind.value] if move else []


def _debug_move(known: frozenset[Clue]) -> tuple[int, str]:
    """Return the steps that a defect adds, 0 (its place is known) to 3 (nothing is), and what is known in words."""
    return (0, "place known") if known & {Clue.TRACE, Clue.PLACE} else _DEBUG_MOVES[len(known)]
