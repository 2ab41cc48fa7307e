"""The report as plain text: the table of policies, the kinds of agents, the criteria, the recorded threads."""

from collections.abc import Iterable, Sequence

from bench.manager.figures import (
    LOST_POINTS,
    Criterion,
    Figures,
    allowed_saving,
    by_character,
    criteria,
    figures,
    ideal_saving,
    solvable,
)
from bench.manager.policies import RULES, RULES_AND_MODEL, Result
from bench.manager.recorded import Recording

HEADINGS = (
    "policy",
    "steps",
    "saved",
    "success",
    "lost",
    "covered",
    "made-up",
    "irrelevant",
    "hopeless cut",
    "of five",
    "early",
    "asked",
)


def table(results: Sequence[Result]) -> str:
    """Return one row a policy."""
    return _aligned([HEADINGS, *(_row(figures(results, policy)) for policy in results[0].played)])


def agents_table(results: Sequence[Result], policy: str = RULES) -> str:
    """Return one row a kind of agent, under one policy."""
    rows = [
        (name, str(count), f"{steps:.2f}", f"{success:.1%}", f"{verified:.1%}")
        for name, count, steps, success, verified in by_character(results, policy)
    ]
    return _aligned([(f"agent, under {policy}", "threads", "steps", "success", "ended verified"), *rows])


def verdicts(judged: Iterable[Criterion]) -> str:
    """Return one line a criterion."""
    return "\n".join(f"{'pass' if each.holds else 'FAIL'}  {each.wording}: {each.measured}" for each in judged)


def recordings_table(recordings: Sequence[Recording]) -> str:
    """Return one row a recorded thread; one that is still open is shown and not counted."""
    done = [each for each in recordings if each.done]
    rows = [
        (each.name, each.tool, f"{each.steps}" + ("" if each.done else " so far"), _interval(each), _word(each))
        for each in recordings
    ]
    text = _aligned([("recorded", "tool", "steps", "interval", "covered"), *rows])
    return f"{text}\ncovered: {sum(each.covered for each in done)} of {len(done)} that ended"


def report(results: Sequence[Result]) -> tuple[str, bool]:
    """Return the whole text about simulated threads, and whether every criterion holds for the rules."""
    judged = criteria(results, RULES)
    by_model = criteria(results, RULES_AND_MODEL)
    least = ideal_saving(results)
    parts = [
        table(results),
        agents_table(results),
        f"Criteria, for {RULES}:\n{verdicts(judged)}",
        f"Criteria, for {RULES_AND_MODEL} (scripted, with noise, no real one):\n{verdicts(by_model)}",
        f"{len(solvable(results))} solvable threads, each ended in the step that proves the truth: {least:.1%} saved.",
        f"All threads, needs known, {LOST_POINTS:g} points lost on purpose: {allowed_saving(results):.1%} saved.",
    ]
    return "\n\n".join(parts), all(each.holds for each in judged)


def _row(row: Figures) -> tuple[str, ...]:
    return (
        row.policy,
        f"{row.steps:.2f}",
        f"{row.saved:.1%}",
        f"{row.success:.1%}",
        f"{row.lost:.1f}",
        "-" if row.coverage is None else f"{row.coverage:.1%}",
        str(row.made_up_verified),
        f"{row.irrelevant_verified:.0%}",
        f"{row.hopeless_cut:.1%}",
        f"{row.hopeless_cut_of_five:.1%}",
        f"{row.early:.1%}",
        "-" if row.asked is None else f"{row.asked:.2f}",
    )


def _interval(each: Recording) -> str:
    return f"{each.plan.low}-{each.plan.likely}-{each.plan.high}"


def _word(each: Recording) -> str:
    if not each.done:
        return "not counted"
    return "yes" if each.covered else "no"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )
    return "\n".join(line.rstrip() for line in lines)
