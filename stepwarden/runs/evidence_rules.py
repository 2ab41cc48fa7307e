"""Whether results meet requirements: judged by rules from what was called and what came back, never by words alone.

A claim holds where its results exist, succeeded, were not found invalid and were not superseded, where one of them has
the words that the claim quotes, and where together they have to do with the requirement: they have every name in it,
and a third of its terms. What was to be changed is met by the change itself, or by a read that came after it; one
change meets one requirement, or as many as its arguments list. An answer rests on what the others found.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, cast

from stepwarden.runs.requirements import Requirement, RequirementKind, RequirementState
from stepwarden.runs.run_calls import CallKind, CallState, RunCall
from stepwarden.runs.steered import ResultClaim
from stepwarden.runs.terms import has_name, has_quote, names_of, shared_terms

_FENCES = re.compile(r"^\[(?:end \w+|[^\n]*, not instructions)\]$", re.MULTILINE)
"""The marks round foreign text are ours: nothing is shown by quoting them."""

LEAST_QUOTE = 2
SHARE_OF_TERMS = 3  # one in so many


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """What rules look at: the calls that count, in their order, and those whose results hold for nothing."""

    calls: Sequence[RunCall]
    invalid: frozenset[str] = frozenset()
    superseded: frozenset[str] = frozenset()

    def find(self, key: str) -> RunCall | None:
        """Return the call with this key, None where none counts."""
        return next((call for call in self.calls if call.key == key), None)


def why_no_result(facts: ResultFacts, key: str) -> str:
    """Return why a call gives no result to rest anything on, "" where it does."""
    call = facts.find(key)
    if call is None:
        return f"{key:.60} is superseded" if key in facts.superseded else f"there is no result {key:.60}"
    if call.state is not CallState.DONE:
        return f"{key} failed" if call.state is CallState.FAILED else f"{key} is {call.state.replace('_', ' ')}"
    return f"{key} was found invalid" if key in facts.invalid else ""


def why_not_met(facts: ResultFacts, requirement: Requirement, claim: ResultClaim) -> str:
    """Return why the results of a claim do not meet a requirement, "" where they do."""
    if not claim.results:
        return "no result is named for it"
    for key in claim.results:
        if why := why_no_result(facts, key):
            return why
    calls = [call for call in facts.calls if call.key in claim.results]
    if requirement.kind is RequirementKind.CHANGE and (why := _why_no_change(facts, calls)):
        return why
    if why := _why_not_quoted(calls, claim):
        return why
    return _why_unrelated(requirement, calls, claim.passage)


def _why_no_change(facts: ResultFacts, calls: Sequence[RunCall]) -> str:
    if any(_changes(call) for call in calls):
        return ""
    keys = [call.key for call in facts.calls]
    changes = [keys.index(call.key) for call in facts.calls if _changes(call) and call.state is CallState.DONE]
    reads = [keys.index(call.key) for call in calls]
    if not changes:
        return "nothing was changed: it asks for a change, and no call made one"
    return "" if reads and max(reads) > min(changes) else "what was read before a change says nothing of it"


def _changes(call: RunCall) -> bool:
    return call.kind in {CallKind.WRITE, CallKind.DESTRUCTIVE}


def _why_not_quoted(calls: Sequence[RunCall], claim: ResultClaim) -> str:
    if any(_changes(call) for call in calls):
        return ""  # it is its own result
    if len(claim.quote.strip()) < LEAST_QUOTE:
        return "no words of the result are quoted"
    texts = (claim.passage, *(call.result.text for call in calls))
    if any(has_quote(_FENCES.sub(" ", text), claim.quote) for text in texts):
        return ""
    return "the quoted words are not in the result"


def _why_unrelated(requirement: Requirement, calls: Sequence[RunCall], passage: str) -> str:
    texts = [passage, *(part for call in calls for part in (call.tool, call.proposed.arguments, call.result.text))]
    if missing := sorted(
        name for name in names_of(requirement.text) if not any(has_name(text, name) for text in texts)
    ):
        return f"the result does not name {missing[0]}"
    shared, all_of_them = shared_terms(requirement.text, texts)
    least = ceil(all_of_them / SHARE_OF_TERMS)
    return "" if shared >= max(1, least) else "the result has nothing to do with it"


def judge_requirements(
    facts: ResultFacts, requirements: Sequence[Requirement], claims: Sequence[ResultClaim], *, has_answer: bool = False
) -> tuple[Requirement, ...]:
    """Return the requirements as the claims and the facts leave them.

    Those that ask for words are met by an answer (`has_answer`) once results meet all that it has to rest on.
    """
    used = dict[str, int]()
    judged = [
        one if one.state is RequirementState.IMPOSSIBLE else _judged(facts, one, claims, used) for one in requirements
    ]
    found = [one for one in judged if one.kind is not RequirementKind.ANSWER]
    rests = bool(found) and all(one.is_met for one in found)
    evidence = tuple(dict.fromkeys(key for one in found for key in one.evidence))
    return tuple(
        _answered(one, evidence if rests and has_answer else (), has_answer=has_answer)
        if one.kind is RequirementKind.ANSWER and one.state is not RequirementState.IMPOSSIBLE
        else one
        for one in judged
    )


def _answered(requirement: Requirement, evidence: tuple[str, ...], *, has_answer: bool) -> Requirement:
    if evidence:
        return replace(requirement, state=RequirementState.MET, evidence=evidence, why="")
    why = "what it rests on is not met" if has_answer else "no answer was written yet"
    return replace(requirement, state=RequirementState.OPEN, evidence=(), why=why)


def _judged(
    facts: ResultFacts, requirement: Requirement, claims: Sequence[ResultClaim], used: dict[str, int]
) -> Requirement:
    named = [claim for claim in claims if claim.requirement == requirement.id]
    claimed = tuple(dict.fromkeys(key for claim in named for key in claim.results))
    why = "" if named else "nothing was found for it yet"
    for claim in reversed(named):
        why = why_not_met(facts, requirement, claim) or _why_used_up(facts, requirement, claim, used)
        if not why:
            return replace(requirement, state=RequirementState.MET, evidence=claim.results, claimed=claimed, why="")
    return replace(requirement, state=RequirementState.OPEN, evidence=(), claimed=claimed, why=why)


def _why_used_up(facts: ResultFacts, requirement: Requirement, claim: ResultClaim, used: dict[str, int]) -> str:
    """Return why a change cannot meet one more requirement; where it can, count that it does."""
    if requirement.kind is not RequirementKind.CHANGE:
        return ""
    changes = [call for call in map(facts.find, claim.results) if call is not None and _changes(call)]
    if not changes:
        return ""
    free = next((call for call in changes if used.get(call.key, 0) < _things_in(call.proposed.arguments)), None)
    if free is None:
        return f"{changes[0].key} is one change, and another requirement rests on it"
    used[free.key] = used.get(free.key, 0) + 1
    return ""


def _things_in(arguments: str) -> int:
    """Return how many things a call may change: as many as the longest list in its arguments, at least one."""
    try:
        return max(1, *(len(found) for found in _lists(json.loads(arguments))), 1)
    except (ValueError, RecursionError):
        return 1


def _lists(value: Any) -> Iterable[list[Any]]:
    if isinstance(value, list):
        yield cast("list[Any]", value)
    elif isinstance(value, Mapping):
        for part in cast("Mapping[str, Any]", value).values():
            yield from _lists(part)
