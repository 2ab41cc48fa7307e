"""A scripted stand-in for the manager's model: it sees the task's real need through noise, and fails now and then.

It is not a measurement of any real model. It shows what the frame round the model does with advice that is better
than chance: the bounds, the number of questions, the fallback.
"""

from random import Random

from bench.manager.agents import Thread
from stepwarden.manager.adviser import AdviserError, Proposal
from stepwarden.manager.facts import ReviewInput, TaskFacts
from stepwarden.steps.gate import Policy
from stepwarden.steps.machine import Advice

NOISE = 0.3  # sigma of the lognormal noise on the need
FAILS = 0.05
SEES_HOPELESS = 0.7  # a thread that gets nowhere is recognised
CLOSING_STEPS = 1  # beside the need, to conclude


class NoisyAdviser:
    """An Adviser for one thread; `asked` counts its questions."""

    def __init__(self, thread: Thread) -> None:
        self.asked = 0
        self._thread = thread
        self._random = Random(f"{thread.name} adviser")

    async def prepare(self) -> None:
        """Do nothing: a script is ready."""

    async def size(self, work: TaskFacts, policy: Policy, rules: Advice) -> Proposal:
        """Propose the need, seen through noise."""
        return self._answer(self._seen_need() + CLOSING_STEPS)

    async def review(self, case: ReviewInput, rules: Advice) -> Proposal:
        """Propose the next step as the last one of a thread that looks hopeless, else the need."""
        hopeless = not self._thread.character.solves and self._random.random() < SEES_HOPELESS
        return self._answer(case.thread.last + 1 if hopeless else self._seen_need() + CLOSING_STEPS)

    def _seen_need(self) -> int:
        return max(1, round(self._thread.task.need * self._random.lognormvariate(0, NOISE)))

    def _answer(self, likely: int) -> Proposal:
        self.asked += 1
        if self._random.random() < FAILS:
            raise AdviserError("scripted failure")
        return Proposal(likely, "seen through noise")
