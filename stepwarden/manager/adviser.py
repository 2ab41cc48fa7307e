"""The port of a model beside the rules: what it is asked, what it answers, how it fails."""

from dataclasses import dataclass
from typing import Protocol

from stepwarden.errors import StepwardenError
from stepwarden.manager.facts import ReviewInput, TaskFacts
from stepwarden.steps.gate import Policy
from stepwarden.steps.machine import Advice


class AdviserError(StepwardenError):
    """A model gave no usable advice: the manager follows the rules and says so."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a model proposes: how many steps in all, and why in a few words."""

    likely: int
    reason: str


class Adviser(Protocol):
    """May change the rules' number within their bounds.

    Both questions carry the rules' own answer. An adviser raises nothing but AdviserError, and may be cancelled at any
    await.
    """

    async def prepare(self) -> None:
        """Do what has to be done before the first question is sent; the time for an answer begins after it."""
        ...

    async def size(self, facts: TaskFacts, policy: Policy, rules: Advice) -> Proposal:
        """Propose how many steps the task deserves, inside the range of `policy`."""
        ...

    async def review(self, case: ReviewInput, rules: Advice) -> Proposal:
        """Propose how many steps the thread deserves now that the rules are undecided."""
        ...
