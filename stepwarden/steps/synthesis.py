"""The synthesis of a consensus: computed from typed votes, the same whatever order they came in."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from stepwarden.steps.panel_answer import PanelAnswer, Vote, price_of
from stepwarden.steps.text import fold

LEAST_QUORUM = 2  # votes, however few were asked (protocol, section 6)
WEIGHTS_REASON = "n models of one family weigh (n+1)/2n each: they share data and makers, so they err together"


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What the answers come to.

    `majority` is the vote with more than half of the weight, None for a split. `tally` is the weight of each vote and
    `weights` that of each panelist that has one, by name. `agreement` has a row and a column for each of `names`: 1 the
    same vote, 0.5 one of both conditional, 0 opposite. `dissent` are the answers beside the majority, all of them on a
    split. `failed` gave no answer, `silent` one without a vote, `unheard` were not waited for; none of them counts.
    """

    asked: int
    voted: int
    needed: int
    majority: Vote | None
    tally: Mapping[Vote, float]
    weights: Mapping[str, float]
    names: tuple[str, ...]
    agreement: tuple[tuple[float, ...], ...]
    dissent: tuple[PanelAnswer, ...]
    settles: tuple[str, ...]
    failed: tuple[PanelAnswer, ...]
    silent: tuple[PanelAnswer, ...]
    unheard: tuple[str, ...]
    agent: PanelAnswer | None
    price: str

    @property
    def quorum(self) -> bool:
        """Whether enough of the asked models voted."""
        return self.voted >= self.needed

    @property
    def split(self) -> bool:
        """Whether votes were given and none has more than half of the weight."""
        return bool(self.names) and self.majority is None

    @property
    def missing(self) -> tuple[str, ...]:
        """Name the models that were asked and did not vote, each with the reason in a word."""
        return (
            *(f"{answer.name} (failed)" for answer in self.failed),
            *(f"{answer.name} (no vote)" for answer in self.silent),
            *(f"{name} (not heard)" for name in self.unheard),
        )

    @property
    def title(self) -> str:
        """The outcome in a line; below the quorum it says so first, and names who is missing."""
        tally = ", ".join(f"{vote.value} {weight:g}" for vote, weight in self.tally.items()) or "no votes"
        if not self.quorum:
            head = f"No quorum: {self.voted} of {self.asked} asked models voted, {self.needed} needed"
            return f"{head}; missing: {', '.join(self.missing)}. By weight: {tally}."
        outcome = f"Majority: {self.majority.value}" if self.majority else "Split"
        tally += ", yours among them" if self.agent is not None and self.agent.counted is not None else ""
        without = f"; without {', '.join(self.missing)}" if self.missing else ""
        return f"{outcome}. By weight: {tally}; {self.voted} of {self.asked} asked models voted{without}."


def quorum_of(asked: int) -> int:
    """Return how many votes it takes: more than half of the asked, and at least two."""
    return max(LEAST_QUORUM, asked // 2 + 1)


def synthesis(answers: Iterable[PanelAnswer], asked: Sequence[str], agent: PanelAnswer | None = None) -> Synthesis:
    """Return what `answers` of the models come to; `asked` names all panelists, `agent` is the agent's own answer.

    The agent weighs as one model of a family of its own where it has a vote; for the quorum it does not count.
    """
    models = sorted(answers, key=lambda answer: answer.seat)
    heard = [answer for answer in models if not answer.failed]
    votes = {answer: answer.counted for answer in heard}
    electors = {answer: vote for answer, vote in votes.items() if vote is not None}
    voted = len(electors)
    if agent is not None and agent.counted is not None:
        electors[agent] = agent.counted
    weights = _weights(list(electors))
    majority = _majority(electors, weights)
    known = {answer.name for answer in models}
    return Synthesis(
        asked=len(asked),
        voted=voted,
        needed=quorum_of(len(asked)),
        majority=majority,
        tally=_tally(electors, weights),
        weights={answer.name: _shown(weight) for answer, weight in weights.items()},
        names=tuple(answer.name for answer in electors),
        agreement=tuple(tuple(_agreement(one, other) for other in electors.values()) for one in electors.values()),
        dissent=tuple(answer for answer, vote in electors.items() if vote is not majority),
        settles=_merged(answer.settles for answer in heard),
        failed=tuple(answer for answer in models if answer.failed),
        silent=tuple(answer for answer, vote in votes.items() if vote is None),
        unheard=tuple(name for name in asked if name not in known),
        agent=agent,
        price=price_of(models),
    )


def _weights(electors: Sequence[PanelAnswer]) -> dict[PanelAnswer, Fraction]:
    """Return each answer its weight; see WEIGHTS_REASON. A model of unknown family is one of its own."""
    families = [(answer.seat == 0, answer.family or answer.model) for answer in electors]
    sizes = Counter(families)
    return {
        answer: Fraction(sizes[family] + 1, 2 * sizes[family])
        for answer, family in zip(electors, families, strict=True)
    }


def _tally(electors: Mapping[PanelAnswer, Vote], weights: Mapping[PanelAnswer, Fraction]) -> dict[Vote, float]:
    sums = {vote: sum(weights[answer] for answer in electors if electors[answer] is vote) for vote in Vote}
    return {vote: _shown(weight) for vote, weight in sums.items() if weight}


def _majority(electors: Mapping[PanelAnswer, Vote], weights: Mapping[PanelAnswer, Fraction]) -> Vote | None:
    whole = sum(weights.values())
    for vote in Vote:
        if 2 * sum(weights[answer] for answer in electors if electors[answer] is vote) > whole:
            return vote
    return None


def _agreement(one: Vote, other: Vote) -> float:
    if one is other:
        return 1.0
    return 0.5 if Vote.CONDITIONAL in {one, other} else 0.0


def _shown(weight: Fraction | int) -> float:
    return round(float(weight), 2)


def _merged(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    merged: dict[str, str] = {}
    for item in (item for items in lists for item in items):
        merged.setdefault(fold(item).rstrip(" ."), item)
    return tuple(merged.values())
