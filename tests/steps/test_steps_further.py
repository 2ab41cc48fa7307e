"""What looks at a conclusion again: rule 6 of the protocol. Each is a way in which a liar had it for less."""

from typing import Any

import pytest
from driver import REVIEW, Play, claim, seen, started

from stepwarden.steps.convergence import looked_again_at
from stepwarden.steps.evidence import Evidence, LineKind, QuoteContext, Verdict
from stepwarden.steps.relevance import is_relevant
from stepwarden.steps.support import NO_SUPPORT, is_mostly

THEORY = "the lock is missing"
FIRST = seen("a.py", "lock = None", 10, supports="hypothesis")


def _played(*steps: dict[str, Any]) -> Play:
    play = Play()
    for fields in steps:
        play.step(**fields)
    return play


@pytest.mark.parametrize(
    ("again", "tested"),
    [
        (seen("b.py", "with lock:", 20), 2),
        (seen("a.py", "lock = None", 10), 0),
        (seen("a.py", "Lock =  None", 13), 0),  # the file got longer above it
        (seen("copy/a.py", "lock = None", 10), 0),
        (seen("a.py", "lock = None # here", 10), 0),  # other words of the same line
    ],
)
def test_a_further_quote_shows_lines_and_words_that_no_step_had_shown(again: Evidence, tested: int) -> None:
    play = _played({"hypothesis": THEORY, "evidence": [FIRST]}, {"evidence": [again]})
    assert looked_again_at(play.now) == tested


def test_the_first_quote_of_a_claim_is_what_it_was_seen_in() -> None:
    assert looked_again_at(_played({"hypothesis": THEORY}, {"evidence": [FIRST]}).now) == 0
    assert (
        looked_again_at(_played({"hypothesis": THEORY, "evidence": [FIRST, seen("b.py", "with lock:", 20)]}).now) == 0
    )


@pytest.mark.parametrize(
    "late",
    [
        {"issues": (claim("another place leaks", path="c.py"),)},
        {"issues": (claim("something else entirely", path="a.py", id="I1"),)},
        {"issues": (claim("a leak", severity="critical", path="a.py", id="I1"),)},
        {"hypothesis": THEORY},
    ],
)
def test_a_claim_that_is_younger_than_the_further_quote_has_stood_none(late: dict[str, Any]) -> None:
    first = {"issues": (claim("a leak", path="a.py"),), "evidence": [seen("a.py", "open(path)", 10)]}
    play = _played(first, {"evidence": [seen("b.py", "close(path)", 20)]})
    assert looked_again_at(play.now) == 2
    play.step(**late)
    assert looked_again_at(play.now) == 0


def test_an_issue_that_is_sent_again_as_it_was_is_no_younger() -> None:
    issue: dict[str, Any] = {"issues": (claim("a leak", path="a.py"),)}
    play = _played(issue | {"evidence": [seen("a.py", "open(path)", 10)]}, {"evidence": [seen("b.py", "close(x)", 20)]})
    play.step(**issue)
    assert looked_again_at(play.now) == 2


def test_what_a_revision_repeats_of_the_step_that_it_replaces_was_shown() -> None:
    play = _played({"hypothesis": THEORY, "evidence": [FIRST]})
    play.step(hypothesis=THEORY, evidence=[FIRST], replaces=1)
    play.step(evidence=[FIRST])
    assert looked_again_at(play.now) == 0


def _line(number: int, names: tuple[str, ...]) -> Evidence:
    context = QuoteContext(LineKind.CODE, (number,), ("somewhere",), (number, number), names)
    return Evidence(
        "a.py", f"value_{number} = {' + '.join(names)}", Verdict.VERIFIED, number, "hypothesis", context=context
    )


@pytest.mark.parametrize(("beside", "relevant"), [(0, True), (7, True), (8, False), (60, False)])
def test_one_of_many_lines_that_were_sent_together_bears_out_nothing(beside: int, relevant: bool) -> None:
    lines = [_line(1, ("lock_of_queue",)), *(_line(number, ("other",)) for number in range(2, 2 + beside))]
    support = NO_SUPPORT.with_quotes(lines, "lock_of_queue is never taken", "")
    assert support.relevant is relevant
    assert is_mostly(lines, lambda item: item.line == 1) is relevant


def test_what_a_claim_copies_out_of_a_quote_says_nothing_of_it() -> None:
    line = _line(3, ("lock_of_queue",))
    assert is_relevant(line, ("lock_of_queue is never taken",), "")
    assert not is_relevant(line, (f"the cause is elsewhere; see `{line.quote}`",), "")
    assert is_relevant(line, (f"lock_of_queue is never taken: {line.quote}",), "")


def test_a_hold_for_a_test_is_not_undone_by_going_back() -> None:
    play = started(REVIEW, hypothesis=THEORY, evidence=[FIRST], total=2)
    play.finish()
    assert play.now.untested_at == 2
    play.go_back(2)
    assert play.now.untested_at == 2
