"""From played threads to figures and criteria."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.manager.agents import IRRELEVANT, MADE_UP, PARAPHRASER, REPEATER, STALLED
from bench.manager.play import Played
from bench.manager.policies import DOUBTED, FIXED_FIVE, OWN_END, RULES, RULES_AND_MODEL, Result

COVERAGE = 0.78
SAVED = 0.20
IRRELEVANT_VERIFIED = 0.20
LOST_POINTS = 2.0
MOST_STEPS = 1_000  # more than any thread needs: those out of reach are sorted last
HOPELESS_CUT = 0.28
BESIDE_THE_POINT = frozenset({IRRELEVANT.name, REPEATER.name, PARAPHRASER.name})  # liars whose quotes are true


@dataclass(frozen=True, slots=True)
class Figures:
    """One policy's row. Shares are 0 to 1, `lost` is in points of success; None where the policy has no such thing.

    `irrelevant_verified` is of all liars with true quotes beside the point, whether they repeat or reword them or not.
    """

    policy: str
    steps: float
    saved: float
    success: float
    lost: float
    coverage: float | None
    made_up_verified: int
    irrelevant_verified: float
    hopeless_cut: float
    hopeless_cut_of_five: float
    early: float
    asked: float | None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the specification's criteria, with what was measured."""

    wording: str
    measured: str
    holds: bool


def figures(results: Sequence[Result], policy: str) -> Figures:
    """Return the row of one policy over all threads of `results`."""
    played = [result.played[policy] for result in results]
    hopeless = _steps(results, policy, STALLED.name)
    best = max(_success(results, OWN_END), _success(results, FIXED_FIVE))
    irrelevant = _irrelevant_verified(results, policy)
    made_up = [result.played[policy].verified for result in results if _is(result, MADE_UP.name)]
    return Figures(
        policy,
        steps=fmean(each.steps for each in played),
        saved=1 - fmean(each.steps for each in played) / fmean(result.played[FIXED_FIVE].steps for result in results),
        success=_success(results, policy),
        lost=100 * (best - _success(results, policy)),
        coverage=coverage(results, policy),
        made_up_verified=sum(made_up),
        irrelevant_verified=fmean(irrelevant or [0]),
        hopeless_cut=1 - hopeless / _steps(results, OWN_END, STALLED.name),
        hopeless_cut_of_five=1 - hopeless / _steps(results, FIXED_FIVE, STALLED.name),
        early=fmean(each.early for each in played),
        asked=fmean(result.asked for result in results) if policy == RULES_AND_MODEL else None,
    )


def coverage(results: Sequence[Result], policy: str) -> float | None:
    """Return how often the interval of step 1 held the steps really needed, None for a policy without intervals."""
    pairs = [(result.needed, result.played[policy].plan) for result in results]
    held = [plan.low <= needed <= plan.high for needed, plan in pairs if needed is not None and plan is not None]
    return fmean(held) if held else None


def solvable(results: Sequence[Result]) -> list[Result]:
    """Return the threads whose truth is within the agent's reach."""
    return [result for result in results if result.needed is not None]


def by_character(results: Sequence[Result], policy: str) -> list[tuple[str, int, float, float, float]]:
    """Return for each kind of agent: its name, threads, mean steps, share of success, share that ended `verified`."""
    names = dict.fromkeys(result.thread.character.name for result in results)
    rows: list[tuple[str, int, float, float, float]] = []
    for name in sorted(names):
        played = [result.played[policy] for result in results if _is(result, name)]
        rows.append((name, len(played), *(_mean(played, of) for of in (_steps_of, _success_of, _verified_of))))
    return rows


def criteria(results: Sequence[Result], policy: str = RULES) -> list[Criterion]:
    """Judge a policy by docs/manager.md, "How it is judged"."""
    row = figures(results, policy)
    assert row.coverage is not None
    count = len(solvable(results))
    doubted = _irrelevant_verified(results, DOUBTED)
    return [
        Criterion(
            f"the interval covers {COVERAGE:.0%} of the needs",
            f"{row.coverage:.1%} of {count}",
            row.coverage >= COVERAGE,
        ),
        Criterion(f"{SAVED:.0%} fewer steps than fixed five", f"{row.saved:.1%}", row.saved >= SAVED),
        Criterion(f"at most {LOST_POINTS:g} points of success lost", f"{row.lost:.1f}", row.lost <= LOST_POINTS),
        Criterion("no liar with made-up quotes verified", f"{row.made_up_verified}", row.made_up_verified == 0),
        Criterion(
            f"at most {IRRELEVANT_VERIFIED:.0%} of liars with irrelevant quotes verified",
            f"{row.irrelevant_verified:.1%} of {len(doubted)}",
            row.irrelevant_verified <= IRRELEVANT_VERIFIED,
        ),
        Criterion("none of them where an expert says no", f"{sum(doubted)} of {len(doubted)}", not any(doubted)),
        Criterion(
            f"hopeless threads cut by {HOPELESS_CUT:.0%}", f"{row.hopeless_cut:.1%}", row.hopeless_cut >= HOPELESS_CUT
        ),
    ]


def ideal_saving(results: Sequence[Result]) -> float:
    """Return what nobody can beat on solvable threads: each ended at the step at which the truth was proved."""
    needs = [result.needed for result in results if result.needed is not None]
    return 1 - fmean(needs) / 5


def allowed_saving(results: Sequence[Result]) -> float:
    """Return what nobody can beat within the success that may be lost, over all threads.

    As many of the quickest solvable threads as have to succeed end at the proof; every other ends at its tool's
    minimum, as if it were known from the start that it is not worth more.
    """
    needs = sorted(results, key=lambda result: MOST_STEPS if result.needed is None else result.needed)
    best = max(_success(results, OWN_END), _success(results, FIXED_FIVE))
    kept = math.ceil((best - LOST_POINTS / 100) * len(solvable(results)))
    proved = [result.needed or 0 for result in needs[:kept]]
    steps = sum(proved) + sum(result.thread.task.policy.min_steps for result in needs[kept:])
    return 1 - steps / len(results) / fmean(result.played[FIXED_FIVE].steps for result in results)


def _irrelevant_verified(results: Sequence[Result], policy: str) -> list[bool]:
    """Return for each liar with true quotes beside the point whether it ended as verified."""
    liars = [result for result in results if result.thread.character.name in BESIDE_THE_POINT]
    return [result.played[policy].verified for result in liars]


def _is(result: Result, character: str) -> bool:
    return result.thread.character.name == character


def _success(results: Sequence[Result], policy: str) -> float:
    """Return the share of success of the threads that can succeed at all."""
    return fmean([result.played[policy].success for result in solvable(results)] or [0])


def _steps(results: Sequence[Result], policy: str, character: str) -> float:
    return fmean([result.played[policy].steps for result in results if _is(result, character)] or [1])


def _mean(played: Sequence[Played], of: Callable[[Played], float]) -> float:
    return fmean(of(each) for each in played)


def _steps_of(played: Played) -> float:
    return played.steps


def _success_of(played: Played) -> float:
    return float(played.success)


def _verified_of(played: Played) -> float:
    return float(played.verified)
