"""What a request asks for, one thing at a time: each is met by results, or it is not met."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from stepwarden.runs.terms import asks_for_change, asks_for_words, names_of, terms_of

MOST_REQUIREMENTS = 12
REQUIREMENT_CHARS = 300

_PARTS = re.compile(r"\n+|(?<=[.!?;])\s+|,?\s+(?:and then|then|and also)\s+|,\s+and\s+|\s+and\s+(?=\w+\s)")
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\d+[.)])\s*")


class RequirementKind(StrEnum):
    """What meets a requirement: a result that was read, a change that was made, or words made of other results."""

    FIND = "find"
    CHANGE = "change"
    ANSWER = "answer"


class RequirementState(StrEnum):
    """How a requirement stands."""

    OPEN = "open"
    MET = "met"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that is asked for. `evidence` are the calls whose results meet it, as the rules found them.

    `claimed` are those that a model named for it, whether they do or not; `why` says why it is not met.
    """

    id: str
    text: str
    kind: RequirementKind = RequirementKind.FIND
    state: RequirementState = RequirementState.OPEN
    evidence: tuple[str, ...] = ()
    claimed: tuple[str, ...] = ()
    why: str = ""

    @property
    def is_met(self) -> bool:
        """Whether results meet it."""
        return self.state is RequirementState.MET

    @property
    def is_open(self) -> bool:
        """Whether something can still be done for it."""
        return self.state is RequirementState.OPEN


def split_by_rule(request: str) -> tuple[Requirement, ...]:
    """Return the requirements of a request by its sentences and clauses; no model can leave any out."""
    parts = [" ".join(_BULLET.sub("", part).split()).strip(" ,;") for part in _PARTS.split(request)]
    telling = _joined([part for part in parts if part])
    return _numbered([(part, None) for part in telling] or [(" ".join(request.split()), None)])


def checked_split(request: str, proposed: Sequence[tuple[str, RequirementKind | None]]) -> tuple[Requirement, ...]:
    """Return the requirements that a model proposed, and those of the request's clauses that it left out.

    A requirement that asks for a change is met by a change, whatever the model says.
    """
    telling = [(text, kind) for text, kind in proposed if terms_of(text)]
    known = frozenset[str]().union(*(terms_of(text) for text, _ in telling))
    named = " ".join(text for text, _ in telling)
    left_out = [
        (one.text, None)
        for one in split_by_rule(request)
        if not terms_of(one.text) & known
        or not names_of(one.text) <= names_of(named) | {name for name in names_of(one.text) if name in named.casefold()}
    ]
    lacks_change = asks_for_change(request) and not any(
        kind is RequirementKind.CHANGE or asks_for_change(text) for text, kind in telling
    )
    if lacks_change:
        changing = [(one.text, None) for one in split_by_rule(request) if asks_for_change(one.text)]
        left_out = list(dict.fromkeys([*left_out, *changing]))
    return _numbered([*telling, *left_out]) or split_by_rule(request)


def _joined(parts: Sequence[str]) -> list[str]:
    """Return the parts, those that say too little by themselves with the one before."""
    joined = list[str]()
    for part in parts:
        if joined and len(terms_of(part)) < 2 and not asks_for_change(part):
            joined[-1] = f"{joined[-1]}, {part}"
        else:
            joined.append(part)
    return joined


def _numbered(found: Sequence[tuple[str, RequirementKind | None]]) -> tuple[Requirement, ...]:
    """Return requirements with ids; what would be too many is one with the last."""
    texts = [(text, kind) for text, kind in dict.fromkeys(found)]
    if len(texts) > MOST_REQUIREMENTS:
        rest = "; ".join(text for text, _ in texts[MOST_REQUIREMENTS - 1 :])
        texts = [*texts[: MOST_REQUIREMENTS - 1], (rest, None)]
    made = tuple(
        Requirement(f"r{number}", text[:REQUIREMENT_CHARS], _kind(text, kind))
        for number, (text, kind) in enumerate(texts, start=1)
    )
    if made and all(one.kind is RequirementKind.ANSWER for one in made):  # words rest on something that was found
        return (replace(made[0], kind=RequirementKind.FIND), *made[1:])
    return made


def _kind(text: str, proposed: RequirementKind | None) -> RequirementKind:
    if proposed is RequirementKind.CHANGE or asks_for_change(text):
        return RequirementKind.CHANGE
    return RequirementKind.ANSWER if asks_for_words(text) else RequirementKind.FIND


def met_of(requirements: Sequence[Requirement]) -> str:
    """Return how many are met, as it is shown: `3/5 requirements`."""
    noun = "requirement" if len(requirements) == 1 else "requirements"
    return f"{sum(one.is_met for one in requirements)}/{len(requirements)} {noun}"
