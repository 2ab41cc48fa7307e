"""What a hypothesis that was just replaced rested on: told once, because it proves nothing of the one that follows."""

from dataclasses import dataclass

from stepwarden.steps.evidence import Evidence
from stepwarden.steps.relevance import is_relevant, restates
from stepwarden.steps.text import fold
from stepwarden.steps.thread import Thread


@dataclass(frozen=True, slots=True)
class FormerProofs:
    """The quotes that supported the hypothesis before; `reworded`: the new one says the same in other words."""

    proofs: tuple[Evidence, ...]
    reworded: bool


def former_proofs(thread: Thread) -> FormerProofs | None:
    """Return what the hypothesis before the last step rested on, None where that step changed none, or it had none."""
    step = thread.trail[-1]
    stated = [(each.number, each.submission.hypothesis) for each in thread.live if each.submission.hypothesis]
    before = [(number, words) for number, words in stated if number < step.number]
    hypothesis = step.submission.hypothesis
    if not hypothesis or not before or fold(before[-1][1] or "") == fold(hypothesis):
        return None
    former = before[-1][1] or ""
    steps = {number for number, words in before if fold(words or "") == fold(former)}
    proofs = tuple(
        item
        for number, item in thread.claims.evidence
        if min(steps) <= number < step.number
        and item.holds
        and (item.supports == "hypothesis" or (item.supports is None and number in steps))
        and is_relevant(item, (former,), thread.task)
    )
    return FormerProofs(proofs, restates(hypothesis, former)) if proofs else None
