"""What one model of a consensus said, or the agent itself, as the synthesis counts it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Vote(StrEnum):
    """What a panelist says to the proposal."""

    SUPPORT = "support"
    OPPOSE = "oppose"
    CONDITIONAL = "conditional"


class Stance(StrEnum):
    """From which side a model was asked to look."""

    FOR = "for"
    AGAINST = "against"
    NEUTRAL = "neutral"


def panelist_name(model: str, stance: Stance) -> str:
    """Return the name of a panelist: the model's, with its stance where it has one."""
    return model if stance is Stance.NEUTRAL else f"{model} ({stance.value})"


@dataclass(frozen=True, slots=True)
class PanelAnswer:
    """The answer of one panelist, whose number is `seat`; the agent's own is 0.

    `vote` None: it was heard and is not tallied, such as an answer in prose. `confidence` is 0 to 1. `settles` is the
    evidence that would decide the question, `alternatives` what it would rather have. `cost` is in US dollars, None
    where the price is not known. `failed` says why there is no answer. The `revised` fields are of
    the exchange round, where it voted again.
    """

    seat: int
    model: str
    family: str = ""
    stance: Stance = Stance.NEUTRAL
    vote: Vote | None = None
    confidence: float | None = None
    summary: str = ""
    reasons: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    cost: Decimal | None = None
    failed: str = ""
    revised: Vote | None = None
    revision: str = ""
    alternatives: tuple[str, ...] = ()
    revised_reasons: tuple[str, ...] = ()
    revised_conditions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name it is shown by."""
        return panelist_name(self.model, self.stance)

    @property
    def counted(self) -> Vote | None:
        """The vote that counts: the last one given, None where it has none."""
        return None if self.failed else self.revised or self.vote

    @property
    def final_reasons(self) -> tuple[str, ...]:
        """The reasons for the vote that counts: those of an earlier, other vote speak against it."""
        return self.revised_reasons if self.revised not in {None, self.vote} else self.reasons

    @property
    def final_conditions(self) -> tuple[str, ...]:
        """The conditions of the vote that counts."""
        return self.revised_conditions if self.revised not in {None, self.vote} else self.conditions

    @property
    def argues(self) -> Stance:
        """The side that its vote speaks for; a conditional one speaks for the side that it was told to argue."""
        sides = {Vote.SUPPORT: Stance.FOR, Vote.OPPOSE: Stance.AGAINST}
        return self.stance if self.counted is None else sides.get(self.counted, self.stance)

    @property
    def price(self) -> str:
        """The cost as it is shown."""
        return "unpriced" if self.cost is None else f"${self.cost:.4f}"


def price_of(answers: Iterable[PanelAnswer]) -> str:
    """Return what the answers cost together; those without a price are counted beside the sum."""
    heard = [answer for answer in answers if not answer.failed]
    priced = [answer.cost for answer in heard if answer.cost is not None]
    unpriced = len(heard) - len(priced)
    if not priced:
        return "unpriced" if unpriced else "$0.0000"
    return f"${sum(priced, Decimal()):.4f}" + (f" and {unpriced} unpriced" if unpriced else "")
