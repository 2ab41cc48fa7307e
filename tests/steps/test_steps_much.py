"""A quote of many lines and a claim of many names have something in common with everything, so that says little."""

import pytest

from stepwarden.steps.evidence import Evidence, LineKind, QuoteContext, Verdict
from stepwarden.steps.relevance import is_relevant

TASK = "an order with a discount is billed twice"
NAMES = ("retries", "deadline", "handle", "password", "colour", "margin", "amount")


def quote(lines: int, *names: str, within: str = "render") -> Evidence:
    context = QuoteContext(LineKind.CODE, tuple(range(10, 10 + lines)), (within,), (5, 90), names)
    return Evidence("shop.py", "x", Verdict.VERIFIED, 10, context=context)


def test_one_shared_word_is_enough_for_a_short_quote_and_not_for_a_long_one() -> None:
    claim = "the deadline is never looked at"
    assert is_relevant(quote(3, *NAMES), (claim,), TASK)
    assert not is_relevant(quote(40, *NAMES), (claim,), TASK)


@pytest.mark.parametrize(
    "claim",
    [
        "`deadline` is never looked at",
        "render() never ends",
        "retries go on past the deadline, by any margin or amount",
    ],
    ids=["a name on it", "its definition", "many of its words"],
)
def test_a_long_quote_counts_for_what_names_it(claim: str) -> None:
    assert is_relevant(quote(40, *NAMES), (claim,), TASK)


def listed(form: str, count: int) -> str:
    return "the discount is wrong, see " + ", ".join(form.format(number) for number in range(count))


@pytest.mark.parametrize(("count", "counts"), [(20, True), (200, False)])
def test_a_list_of_all_that_could_be_quoted_points_at_nothing(count: int, counts: bool) -> None:
    assert is_relevant(quote(1, "load_7"), (listed("load_{}", count),), TASK) is counts


def test_a_long_claim_that_names_its_definition_keeps_its_quote() -> None:
    claim = f"render() takes the amount twice. {listed('reason{}x', 30)}"
    assert is_relevant(quote(1, "total"), (claim,), TASK)
