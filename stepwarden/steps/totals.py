"""Running totals over the trail of a thread: what its later steps are judged by, without a look at the earlier ones."""

from typing import NamedTuple

from stepwarden.steps.step import Phase, Step

_PLACES = {phase: place for place, phase in enumerate(Phase)}


class Totals(NamedTuple):
    """What the steps of a trail come to; a number of a step is 0 where there is none.

    `asked` is the largest `total_steps` that the agent sent, `asked_before` the same without the last step. `idle`
    counts the steps without a fact that the trail ends with, `idle_weight` twice those that were refused as empty
    first. `files_new` counts the existing files that the last step was the first to name.
    """

    phases: tuple[int, ...] = (0,) * len(Phase)  # how many steps of each, in the order of `Phase`
    asked: int = 0
    asked_before: int = 0
    first_hypothesis: int = 0  # the first step that stated one
    first_against: int = 0  # the first step whose quotes spoke against one
    first_quoted: int = 0  # the first step with evidence
    idle: int = 0
    idle_weight: int = 0
    files_new: int = 0

    def with_step(self, step: Step, *, refused_first: bool, files_new: int) -> "Totals":
        """Return the totals with one more step, the last; `refused_first` says that its number was, as empty."""
        number, place = step.number, _PLACES[step.phase]
        idle = step.is_idle
        return Totals(
            (*self.phases[:place], self.phases[place] + 1, *self.phases[place + 1 :]),
            max(self.asked, step.submission.total or 0),
            self.asked,
            self.first_hypothesis or (number if step.submission.hypothesis else 0),
            self.first_against or (number if step.evidence and step.speaks_against_hypothesis else 0),
            self.first_quoted or (number if step.evidence else 0),
            self.idle + 1 if idle else 0,
            self.idle_weight + 1 + refused_first if idle else 0,
            files_new,
        )

    def in_phase(self, phase: Phase) -> int:
        """Return how many steps were of a phase."""
        return self.phases[_PLACES[phase]]
