"""What was quoted for a hypothesis that was dropped proves nothing of the one that replaces it."""

import pytest
from driver import DEBUG, Play, started

from stepwarden.steps.evidence import Evidence, LineKind, QuoteContext, Verdict
from stepwarden.steps.gate import assurance_of
from stepwarden.steps.relevance import restates
from stepwarden.steps.thread import Assurance

OLD = "total() subtracts the count of a line"
OTHER = "the discount is rounded before it is applied"


def line(number: int, supports: str | None = "hypothesis") -> Evidence:
    context = QuoteContext(LineKind.CODE, (number,), ("total",), (10, 30), ("amount", "count"))
    return Evidence("cart.py", f"amount += {number}", Verdict.VERIFIED, number, supports, context=context)


def proven(hypothesis: str = OLD, supports: str | None = "hypothesis") -> Play:
    play = started(DEBUG)
    play.step(words="read it", hypothesis=hypothesis, evidence=[line(14, supports)])
    return play


@pytest.mark.parametrize("supports", ["hypothesis", None])
def test_the_quote_of_a_dropped_hypothesis_proves_nothing_of_the_new_one(supports: str | None) -> None:
    play = proven(supports=supports)
    play.step(hypothesis=OTHER, evidence=[line(14, supports)])
    assert play.open == ["hypothesis_reused"]
    assert assurance_of(play.now) is Assurance.ASSERTED
    play.step(hypothesis=f"{OTHER}, in total()", evidence=[line(22, supports)])
    assert play.open == []
    assert assurance_of(play.now) is Assurance.VERIFIED


@pytest.mark.parametrize("again", [OLD, f"  {OLD.upper()}"])
def test_a_hypothesis_said_again_in_the_same_words_keeps_its_quotes(again: str) -> None:
    play = proven(supports=None)
    play.step(hypothesis=again)
    assert play.open == []
    beside = Evidence(
        "cart.py", "x = y", Verdict.VERIFIED, 90, context=QuoteContext(LineKind.CODE, (90,), ("other",), (88, 99))
    )
    play.step(hypothesis=again, evidence=[beside])
    assert play.open == []
    assert assurance_of(play.now) is Assurance.VERIFIED


def test_what_was_recorded_before_quotes_had_a_context_is_quoted_with_each_statement() -> None:
    play = started(DEBUG)
    play.step(words="read it", hypothesis=OLD, evidence=[Evidence("cart.py", "amount += 1", Verdict.VERIFIED, 14)])
    play.step(hypothesis=OLD)
    assert play.open == ["hypothesis"]


def test_a_quote_that_shows_more_than_the_dropped_one_did_counts() -> None:
    play = proven()
    wider = QuoteContext(LineKind.CODE, (14, 15), ("total",), (10, 30), ("amount", "count"))
    quote = Evidence("cart.py", "two lines", Verdict.VERIFIED, 14, "hypothesis", context=wider)
    play.step(hypothesis="total() rounds too early", evidence=[quote])
    assert play.open == []


def test_the_same_hypothesis_in_other_words_keeps_its_quote() -> None:
    play = proven()
    play.step(hypothesis="in total() the count of each line is subtracted, not multiplied", evidence=[line(14)])
    assert play.open == []


def test_who_comes_back_to_a_hypothesis_may_quote_for_it_what_it_had() -> None:
    play = proven()
    play.step(hypothesis=OTHER, evidence=[line(14)])
    play.step(hypothesis=OLD, evidence=[line(14)])
    assert play.open == []


def test_what_was_quoted_before_there_was_a_hypothesis_is_free_for_the_first() -> None:
    play = started(DEBUG)
    play.step(evidence=[line(14, None)])
    play.step(hypothesis=OLD, evidence=[line(14)])
    assert play.open == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (OLD, OLD.upper(), True),
        (OLD, "count is subtracted in total()", True),
        (OLD, OTHER, False),
        ("the cache is stale", "the lock is never taken", False),
        ("", OLD, False),
        ("z", "z", False),
    ],
)
def test_other_words_for_the_same_share_most_of_what_they_name(one: str, other: str, same: bool) -> None:
    assert restates(one, other) is same
    assert restates(other, one) is same
