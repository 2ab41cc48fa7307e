"""The manager: the rules always, and a model where there is one and the rules are undecided."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import groupby

import anyio

from stepwarden.manager.adviser import Adviser, AdviserError, Proposal
from stepwarden.manager.facts import ReviewInput, TaskFacts
from stepwarden.manager.reasons import clipped
from stepwarden.manager.review import asked_for_more, longest, review
from stepwarden.manager.size_estimate import size
from stepwarden.steps.gate import Policy
from stepwarden.steps.machine import Advice
from stepwarden.steps.thread import DecidedBy, Plan, Signal, Thread

CONSULTATIONS = 3  # times a model is asked in one thread (docs/manager.md)
PREPARATION_SECONDS = 15.0  # before the first question of a process is sent
_FALLBACK = "; rules: "


@dataclass(frozen=True, slots=True)
class Manager:
    """Gives advice on threads. It holds its collaborators and nothing of any thread.

    `limit_seconds` is how long a model may take from the moment it is asked, inside the call's own deadline.
    """

    adviser: Adviser | None = None
    limit_seconds: float = 3.0

    async def size(self, facts: TaskFacts, policy: Policy, thread: Thread | None = None) -> Advice:
        """Return the plan that the task deserves; `thread` is the one that goes back to step 1, if one does."""
        rules = size(facts, policy)
        adviser = self.adviser
        if adviser is None or rules.plan is None or facts.computed is not None or not _may_ask(thread):
            return rules
        answer = await self._asked(adviser, lambda: adviser.size(facts, policy, rules))
        if isinstance(answer, str):
            return _fallen_back(rules, answer)
        return _sized(rules.plan, answer, policy)

    async def review(self, case: ReviewInput) -> Advice:
        """Return the advice on a thread that its last recorded step left open."""
        rules = review(case)
        undecided = rules.signal is Signal.STALLED or (asked_for_more(case.thread) and not rules.end)
        adviser = self.adviser
        if adviser is None or not undecided or not _may_ask(case.thread):
            return rules
        answer = await self._asked(adviser, lambda: adviser.review(case, rules))
        if isinstance(answer, str):
            return _fallen_back(rules, answer)
        return _reviewed(rules, answer, case)

    async def _asked(self, adviser: Adviser, question: Callable[[], Awaitable[Proposal]]) -> Proposal | str:
        """Return the model's answer, or what was wrong with it.

        In a fresh process a client has to be imported first; that takes longer than many an answer.
        """
        answer = None
        with anyio.move_on_after(PREPARATION_SECONDS):
            await adviser.prepare()
        with anyio.move_on_after(self.limit_seconds):
            try:
                answer = await question()
            except AdviserError:
                return "model failed"
        if answer is None:
            return f"no answer of the model in {self.limit_seconds:g} s"
        return answer if answer.likely >= 1 and answer.reason.strip() else "model made no sense"


def _may_ask(thread: Thread | None) -> bool:
    """Whether the thread has consultations left; one that failed has cost its time and counts.

    A consultation is recorded as a plan, a signal or both, one right after the other.
    """
    records = thread.decisions if thread else ()
    runs = groupby(records, lambda record: (record.step, record.by is DecidedBy.MODEL or _FALLBACK in record.reason))
    return sum(by_model for (_, by_model), _ in runs) < CONSULTATIONS


def _sized(plan: Plan, answer: Proposal, policy: Policy) -> Advice:
    likely = max(policy.low, min(answer.likely, policy.high))
    reason = clipped(answer.reason)
    plan = Plan(min(plan.low, likely), likely, max(plan.high, likely), reason, DecidedBy.MODEL)
    return Advice(plan=plan, reason=reason, by=DecidedBy.MODEL)


def _reviewed(rules: Advice, answer: Proposal, case: ReviewInput) -> Advice:
    """Return the model's advice within the rules' bounds, with the rules' signal."""
    last, before = case.thread.last, rules.plan or case.thread.plan
    likely = max(last + 1, min(answer.likely, longest(case)))
    low, high = (before.low, before.high) if before else (likely, likely)
    reason = clipped(answer.reason)
    low = max(last + 1, min(low, likely))
    plan = Plan(low, likely, max(high, likely, low + 1), reason, DecidedBy.MODEL)
    return Advice(plan=plan, signal=rules.signal, reason=reason, by=DecidedBy.MODEL)


def _fallen_back(rules: Advice, why: str) -> Advice:
    """Return the rules' advice, with the reason why it is not the model's."""
    plan = rules.plan and replace(rules.plan, reason=f"{why}{_FALLBACK}{rules.plan.reason}")
    return replace(rules, plan=plan, reason=f"{why}{_FALLBACK}{rules.reason or 'no change'}")
