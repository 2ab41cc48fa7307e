"""The synthesis of a consensus: computed from typed votes, the same whatever order they came in.

Only free votes are counted: those of models that were told to look from all sides. A model that was told to argue a
side has argued it, whatever it votes, and the agent has its own interest in the outcome; both are shown beside.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from stepwarden.steps.panel_answer import PanelAnswer, Stance, Vote, price_of
from stepwarden.steps.text import fold

LEAST_QUORUM = 2  # voices, however few were asked (protocol, section 6)
WEIGHTS_REASON = "n models of one family weigh (n+1)/2n each: they share data and makers, so they err together"


@dataclass(frozen=True, slots=True)
class Seats:
    """Who was asked, by the names that they are shown by: `free` without a side, `argued` for one.

    `models` are the models behind all of them, each once: one under three stances is one voice.
    """

    free: tuple[str, ...]
    argued: tuple[str, ...] = ()
    models: frozenset[str] = frozenset()

    @property
    def can_decide(self) -> bool:
        """Whether there can be a majority at all: it takes two free votes."""
        return len(self.free) >= LEAST_QUORUM


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What the answers come to.

    `majority` is the free vote with more than half of the weight, None where no vote has. `counts` are the free votes
    as they were given, `tally` is their weight and `weights` that of each free voter, by name. `agreement` has a row
    and a column for each of `voters`, who voted freely: 1 the same vote, 0.5 one of both conditional, 0 opposite.
    `dissent` are the free answers beside the majority, all of them on a split; `argued` the answers of models that were
    told to argue a side. `failed` gave no answer, `silent` one without a vote, `unheard` were not waited for. `voted`
    voices of at least `needed` make the quorum: free votes, or different models where no majority is possible.
    """

    seats: Seats
    voted: int
    needed: int
    majority: Vote | None
    counts: Mapping[Vote, int]
    tally: Mapping[Vote, float]
    weights: Mapping[str, float]
    voters: tuple[PanelAnswer, ...]
    agreement: tuple[tuple[float, ...], ...]
    dissent: tuple[PanelAnswer, ...]
    argued: tuple[PanelAnswer, ...]
    settles: tuple[str, ...]
    alternatives: tuple[str, ...]
    failed: tuple[PanelAnswer, ...]
    silent: tuple[PanelAnswer, ...]
    unheard: tuple[str, ...]
    agent: PanelAnswer | None
    price: str

    @property
    def quorum(self) -> bool:
        """Whether enough voices were heard."""
        return self.voted >= self.needed

    @property
    def split(self) -> bool:
        """Whether free votes differ and none has more than half of the weight."""
        return len(self.voters) > 1 and self.majority is None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the free voters."""
        return tuple(answer.name for answer in self.voters)

    @property
    def weights_differ(self) -> bool:
        """Whether some voters weigh more than others; else the counts say it all."""
        return len(set(self.weights.values())) > 1

    @property
    def exchanged(self) -> bool:
        """Whether somebody voted again after an exchange."""
        return any(answer.revised is not None for answer in self.voters)

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
        parts = [self._outcome()]
        if self.voters:
            parts.append(f"Free votes: {_listed(self.counts)}.")
        if self.weights_differ:
            parts.append(f"By weight: {_listed(self.tally)}.")
        if self.argued:
            names = ", ".join(answer.name for answer in self.argued)
            parts.append(f"Told to argue a side, so not counted: {names}.")
        if self.missing:
            parts.append(f"Without {', '.join(self.missing)}.")
        if self.agent is not None and self.agent.counted is not None:
            parts.append(f"Your own vote, {self.agent.counted.value}, is not counted.")
        return " ".join(parts)

    def _outcome(self) -> str:
        if not self.seats.can_decide:
            why = "no vote is free" if not self.seats.free else "one free vote decides nothing"
            alone = ", and one model is one voice, whatever its stances" if len(self.seats.models) == 1 else ""
            return f"No majority: {why}{alone}."
        asked = len(self.seats.free)
        if not self.quorum:
            return f"No quorum: {self.voted} of {asked} free votes, {self.needed} needed."
        after = " after an exchange" if self.exchanged else ""
        return f"Majority{after}: {self.majority.value}." if self.majority else f"Split{after}: no majority."


def quorum_of(asked: int) -> int:
    """Return how many voices it takes: more than half of the asked, and at least two."""
    return max(LEAST_QUORUM, asked // 2 + 1)


def synthesis(answers: Iterable[PanelAnswer], seats: Seats, agent: PanelAnswer | None = None) -> Synthesis:
    """Return what `answers` of the models come to; `agent` is the agent's own answer, shown and not counted."""
    models = sorted(answers, key=lambda answer: answer.seat)
    heard = [answer for answer in models if not answer.failed]
    votes = {answer: vote for answer in heard if (vote := answer.counted) is not None}
    free = {answer: vote for answer, vote in votes.items() if answer.stance is Stance.NEUTRAL}
    weights = _weights(list(free))
    majority = _majority(free, weights)
    known = {answer.name for answer in models}
    voices = len(free) if seats.can_decide else len({answer.model for answer in votes})
    return Synthesis(
        seats=seats,
        voted=voices,
        needed=quorum_of(len(seats.free) if seats.can_decide else len(seats.models)),
        majority=majority,
        counts={vote: count for vote in Vote if (count := list(free.values()).count(vote))},
        tally=_tally(free, weights),
        weights={answer.name: _shown(weight) for answer, weight in weights.items()},
        voters=tuple(free),
        agreement=tuple(tuple(_agreement(one, other) for other in free.values()) for one in free.values()),
        dissent=tuple(answer for answer, vote in free.items() if vote is not majority),
        argued=tuple(answer for answer in votes if answer not in free),
        settles=_merged(answer.settles for answer in heard),
        alternatives=_merged(answer.alternatives for answer in heard),
        failed=tuple(answer for answer in models if answer.failed),
        silent=tuple(answer for answer in heard if answer not in votes),
        unheard=tuple(name for name in (*seats.free, *seats.argued) if name not in known),
        agent=agent,
        price=price_of(models),
    )


def _listed(votes: Mapping[Vote, float]) -> str:
    return ", ".join(f"{vote.value} {number:g}" for vote, number in votes.items())


def _weights(electors: Sequence[PanelAnswer]) -> dict[PanelAnswer, Fraction]:
    """Return each answer its weight; see WEIGHTS_REASON. A model of unknown family is one of its own."""
    families = [answer.family or answer.model for answer in electors]
    sizes = Counter(families)
    return {
        answer: Fraction(sizes[family] + 1, 2 * sizes[family])
        for answer, family in zip(electors, families, strict=True)
    }


def _tally(electors: Mapping[PanelAnswer, Vote], weights: Mapping[PanelAnswer, Fraction]) -> dict[Vote, float]:
    sums = {vote: sum(weights[answer] for answer in electors if electors[answer] is vote) for vote in Vote}
    return {vote: _shown(weight) for vote, weight in sums.items() if weight}


def _majority(electors: Mapping[PanelAnswer, Vote], weights: Mapping[PanelAnswer, Fraction]) -> Vote | None:
    if len(electors) < LEAST_QUORUM:
        return None
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
