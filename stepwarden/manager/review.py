"""The rules' answer to every later step: does the plan still hold, is the work stuck, may it end now?

The numbers are those of "Review" in docs/manager.md. The rules read the last step and the claims, and the steps before
it only where something just changed.
"""

from dataclasses import dataclass

from stepwarden.manager.convergence import is_ripe, reason_to_end
from stepwarden.manager.facts import ReviewInput
from stepwarden.manager.reasons import clipped, counted
from stepwarden.steps.convergence import conclusion_changed
from stepwarden.steps.evidence import Verdict
from stepwarden.steps.fold import first_steps
from stepwarden.steps.gate import steps_to_close
from stepwarden.steps.machine import Advice
from stepwarden.steps.plan_changes import MORE_TO_DO
from stepwarden.steps.stall import gets_nowhere, is_stalled
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Assurance, DecidedBy, Plan, Signal, Thread

WIDER_FILES = 3  # new files in one step from which the scope has grown ...
WIDER_FROM_STEP = 3  # ... from this step on; before it, finding the files is the work
SPLIT_AGAIN_STEPS = 5  # how often the advice to split is repeated


@dataclass(frozen=True, slots=True)
class _Move:
    """Where `likely` should go, and why."""

    likely: int
    reason: str


def review(case: ReviewInput) -> Advice:
    """Return the advice on `case`: an early end, or a signal and a changed plan, or neither.

    A changed plan's `likely` is at least one more than the steps done, and at most `longest`.
    """
    why = reason_to_end(case)
    if why and (not case.expert or case.step.submission.confidence is Confidence.CERTAIN):
        return Advice(end=True, reason=clipped(why))  # the plan stays, so that the steps saved are counted from it
    if case.policy.novelty_required and gets_nowhere(case.thread):
        return Advice(end=True, inconclusive=True, reason=clipped(_tried(case.thread)))
    plan = _moved_plan(case)
    signal, reason = _signal(case, converged=bool(why))
    return Advice(plan=plan, signal=signal, reason=clipped(reason) or (plan.reason if plan else ""))


def asked_for_more(thread: Thread) -> bool:
    """Whether the agent asked for more steps with the last step, and got them."""
    last = thread.decisions[-1] if thread.decisions else None
    return (
        last is not None
        and thread.last > 1
        and (last.kind, last.step, last.by) == ("planned", thread.last, DecidedBy.AGENT)
    )


def longest(case: ReviewInput) -> int:
    """Return the most steps that may be planned: twice the range's end, or the next step where that is past."""
    return max(2 * case.policy.high, case.thread.last + 1)


def _signal(case: ReviewInput, *, converged: bool) -> tuple[Signal | None, str]:
    """Return what the agent should hear and why, the most urgent first."""
    if _is_too_long(case):  # stalled or not: who goes on past all measure has to hear how to end
        return Signal.SPLIT, f"{case.thread.last} steps, past twice {case.policy.high}"
    if not converged and is_ripe(case) and not case.thread.disproof_asked:
        return Signal.DISPROVE, _unsettled(case.thread)
    if is_stalled(case.thread, case.policy):
        return Signal.STALLED, _tried(case.thread)
    return None, ""


def _unsettled(thread: Thread) -> str:
    """Return what keeps a verified conclusion from having converged."""
    why = "still changed it" if conclusion_changed(thread) else "quoted nothing new about it"
    return f"all is verified, but step {thread.last} {why}"


def _tried(thread: Thread) -> str:
    """Return how long nothing was found, and what was tried where something was."""
    idle = f"{counted(thread.totals.idle, 'step')} without new evidence"
    return f"{idle}; tried: {clipped(thread.claims.hypothesis)}" if thread.claims.hypothesis else idle


def _is_too_long(case: ReviewInput) -> bool:
    plan = case.thread.plan
    if plan is None or plan.low == plan.high:  # a counted total is a point: its length was known from the start
        return False
    past = case.thread.last - 2 * case.policy.high
    return past > 0 and (past - 1) % SPLIT_AGAIN_STEPS == 0


def _moved_plan(case: ReviewInput) -> Plan | None:
    """Return the plan that the last step asks for, None where the present one holds."""
    plan, last = case.thread.plan, case.thread.last
    if plan is None:
        return None
    if (why := _fruitless(case)) and plan.low < plan.high and not asked_for_more(case.thread):
        return _held_down(case, plan, why)
    grown = _growth(case, plan)
    likely = min(grown.likely, longest(case))
    if likely > plan.likely:
        return _around(plan, likely, max(plan.high, likely + 1), grown.reason, last)
    shrunk = _shrinkage(case)
    if shrunk is not None and shrunk.likely < plan.likely:
        return _around(plan, shrunk.likely, min(plan.high, shrunk.likely + 2), shrunk.reason, last)
    return None


def _held_down(case: ReviewInput, plan: Plan, why: str) -> Plan | None:
    """Return the plan capped at the steps the open clauses need, the next one at least; None where it is that short."""
    last = case.thread.last
    likely = last + max(1, steps_to_close(len(case.assessment.open)))
    return _around(plan, likely, min(plan.high, likely + 2), why, last) if likely < plan.likely else None


def _fruitless(case: ReviewInput) -> str:
    """Return why the plan is capped at the steps the open clauses need, "" where the thread may go on as planned."""
    if is_stalled(case.thread, case.policy):
        return f"nothing new at step {case.thread.last}"
    return "every quote was refuted, twice in a row" if _refuted_again(case.thread) else ""


def _refuted_again(thread: Thread) -> bool:
    """Whether the last two steps both quoted, and the server found nothing of it."""
    last_two = [step.evidence for step in thread.trail[-2:]]
    refuted = all(item.verdict is Verdict.REFUTED for items in last_two for item in items)
    return len(last_two) > 1 and all(last_two) and refuted


def _around(plan: Plan, likely: int, high: int, reason: str, last: int) -> Plan:
    low = max(min(plan.low, likely), last + 1)
    return Plan(low, likely, max(high, low + 1), clipped(reason), was=plan.likely)


def _growth(case: ReviewInput, plan: Plan) -> _Move:
    """Return the `likely` that the last step's surprises and the open clauses call for; no reason where nothing does.

    A surprise is counted in the step that brings it, so that one left standing does not grow the plan for ever.
    """
    last = case.thread.last
    surprises = [why for why in (_refuted_now(case), _theory_dropped(case.thread), _scope_grown(case.thread)) if why]
    likely = plan.likely + len(surprises)
    needed = steps_to_close(len(case.assessment.open))
    if last + needed > likely:
        likely = last + needed
        if needed > 1:
            left = counted(max(0, plan.likely - last), "step")
            surprises.append(f"{counted(len(case.assessment.open), 'clause')} open, {left} left")
    return _Move(likely, ", ".join(surprises) or MORE_TO_DO) if likely > last else _Move(last + 1, MORE_TO_DO)


def _refuted_now(case: ReviewInput) -> str:
    standing = case.thread.claims.refuted
    items = [item for item in case.step.evidence if item.verdict is Verdict.REFUTED and item.path in standing]
    return f"a quote of {clipped(items[0].path.rsplit('/')[-1], 32)} was refuted" if items else ""


def _theory_dropped(thread: Thread) -> str:
    """Return a reason where the last step replaced a hypothesis refuted by a quote or by an attempt at it."""
    if thread.claims.hypothesis is None or thread.claims.hypothesis_since != thread.last:
        return ""
    if thread.totals.first_hypothesis == thread.last:
        return ""
    disproved = 0 < thread.disproof_asked == thread.last - 1
    refuted = 0 < thread.totals.first_against < thread.last
    return "a refuted hypothesis replaced" if disproved or refuted else ""


def _scope_grown(thread: Thread) -> str:
    new = thread.totals.files_new
    return f"{new} new files" if thread.last >= WIDER_FROM_STEP and new >= WIDER_FILES else ""


def _shrinkage(case: ReviewInput) -> _Move | None:
    """Return the earlier end that the facts allow: the next step, or one more to look again where only words say so."""
    thread, policy = case.thread, case.policy
    if not case.assessment.sufficient or asked_for_more(thread):
        return None
    word = case.step.submission.confidence
    confident = word is not None and word.rank >= Confidence.HIGH.rank
    floor = max(thread.last + 1, policy.low)
    if confident and case.assessment.assurance is Assurance.VERIFIED:
        return _Move(floor, f"verified at step {thread.last}")
    if _checklist_closed(case):
        return _Move(floor, f"checklist closed at step {thread.last}")
    if confident:
        return _Move(max(floor, thread.last + 2), f"nothing open at step {thread.last}")
    return None


def _checklist_closed(case: ReviewInput) -> bool:
    """Whether the tool's own clauses, now all closed, had open ones after the first step."""
    return case.thread.last > 1 and bool(case.policy.checklist(first_steps(case.thread, 1)))
