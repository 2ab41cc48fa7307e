"""Which refuted quotes only misspell what a quote that holds has right, so that nothing is left to correct."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.text import fold

SIMILAR = 0.8  # the least ratio of SequenceMatcher; a changed word in a line of code leaves about 0.9
COMPARED = 20  # of the quotes of one file that hold, the newest
LINES, CHARACTERS = 20, 200  # of a quote that are compared


def mark_misworded(
    evidence: Sequence[Evidence], held: Mapping[str, Sequence[tuple[int, Evidence]]]
) -> tuple[Evidence, ...]:
    """Return the evidence of a step, refuted quotes marked that one in `held`, or in the step, has right.

    `held` are the quotes of earlier steps that hold, each with its step, by their files.
    """
    return tuple(
        replace(item, misworded=True)
        if item.verdict is Verdict.REFUTED
        and any(
            says_the_same(item, other)
            for other in _newest(held.get(item.path, ()), (one for one in evidence if one.path == item.path))
        )
        else item
        for item in evidence
    )


def _newest(held: Sequence[tuple[int, Evidence]], in_step: Iterable[Evidence]) -> list[Evidence]:
    return [*(item for _, item in list(held)[-COMPARED:]), *(item for item in in_step if item.holds)]


def says_the_same(wrong: Evidence, right: Evidence) -> bool:
    """Whether every line of one quote is almost one of the other's."""
    lines, others = _lines(wrong.quote), _lines(right.quote)
    return bool(lines) and all(any(_is_similar(line, other) for other in others) for line in lines)


def _lines(quote: str) -> list[str]:
    return [folded[:CHARACTERS] for line in quote.splitlines()[: 2 * LINES] if (folded := fold(line))][:LINES]


def _is_similar(line: str, other: str) -> bool:
    matcher = SequenceMatcher(None, line, other, autojunk=False)
    return matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR and matcher.ratio() >= SIMILAR
