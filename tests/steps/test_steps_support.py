"""What claims rest on: a quote counts once, in whatever order, and only where it has to do with the claim."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from driver import DEBUG, REVIEW, Play, claim, seen, started
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.steps.evidence import Evidence, LineKind, QuoteContext, Verdict
from stepwarden.steps.step import Issue, Step
from stepwarden.steps.submission import Severity, Submission
from stepwarden.steps.thread import Claims

THEORY = "total() takes the count off"


def about(line: int = 12, path: str = "cart.py", **more: Any) -> Evidence:
    """Return a quote of the function that the theory names."""
    context = QuoteContext(LineKind.CODE, (line,), ("total",), (10, 20), ("price", "count"), (), ("price", "count"))
    return Evidence(path, f"price - count  # {line}", Verdict.VERIFIED, line, context=context, **more)


def beside(line: int = 40, kind: LineKind = LineKind.CODE, **more: Any) -> Evidence:
    """Return a quote of the same file that has nothing to do with the theory."""
    lines = (line,) if kind is LineKind.CODE else ()
    context = QuoteContext(kind, lines, ("ship",), (35, 50), ("parcel",), (), ("parcel", "weight"))
    return Evidence("cart.py", f"parcel.weigh({line})", Verdict.VERIFIED, line, context=context, **more)


def play(*evidence: Evidence, hypothesis: str = THEORY) -> Play:
    """Return a thread that states a hypothesis with these quotes in its second step."""
    thread = started(DEBUG)
    thread.step(evidence=evidence, hypothesis=hypothesis)
    return thread


ITEMS = st.lists(
    st.one_of(
        st.builds(about, st.integers(10, 20)),
        st.builds(beside, st.integers(35, 50), st.sampled_from(LineKind)),
        st.builds(lambda line: Evidence("gone.py", f"gone {line}", Verdict.REFUTED), st.integers(1, 5)),
    ),
    max_size=6,
)


@given(ITEMS.flatmap(lambda items: st.tuples(st.just(items), st.permutations(items))))
def test_the_order_of_quotes_does_not_matter(both: tuple[list[Evidence], list[Evidence]]) -> None:
    one, two = (play(*items) for items in both)
    assert one.assessment.assurance == two.assessment.assurance
    assert one.assessment.evidence == two.assessment.evidence
    assert set(one.now.claims.fresh) == set(two.now.claims.fresh)
    assert one.now.claims.hypothesis_support.relevant == two.now.claims.hypothesis_support.relevant


@given(ITEMS, st.integers(1, 3))
def test_a_quote_that_is_sent_again_adds_nothing(items: list[Evidence], times: int) -> None:
    thread = play(*items)
    before = thread.assessment
    for _ in range(times):
        thread.step(evidence=items, hypothesis=THEORY, words=None)
        assert thread.assessment.evidence == before.evidence
        assert thread.assessment.assurance == before.assurance
        assert thread.now.claims.fresh == ()


@given(ITEMS)
def test_a_claim_rests_where_one_of_its_quotes_has_to_do_with_it(items: list[Evidence]) -> None:
    rests = any(item.context is not None and item.context.within == ("total",) for item in items)
    assert play(*items).now.claims.hypothesis_support.relevant is rests


@pytest.mark.parametrize("kind", [LineKind.IMPORT, LineKind.COMMENT, LineKind.BLANK])
def test_a_line_that_says_nothing_supports_nothing_and_is_never_new_evidence(kind: LineKind) -> None:
    context = QuoteContext(kind)
    thread = play(Evidence("cart.py", "from prices import total", Verdict.VERIFIED, 1, context=context))
    assert thread.assessment.assurance == "asserted"
    assert [clause.kind for clause in thread.assessment.open] == ["irrelevant"]
    assert not thread.now.claims.hypothesis_support.relevant


def test_quotes_beside_the_point_bar_the_finish_once_and_lower_the_assurance() -> None:
    thread = play(beside())
    (clause,) = thread.assessment.open
    assert clause.text.startswith('hypothesis: "parcel.weigh(40)" (cart.py:40) is in ship, of which it says nothing')
    thread.finish()
    assert thread.now.held
    thread.finish()
    assert (thread.now.outcome, thread.now.assurance) == ("done", "asserted")


def test_one_relevant_quote_closes_what_those_beside_the_point_left_open() -> None:
    thread = play(beside())
    thread.step(evidence=[about(supports="hypothesis")])
    assert thread.assessment.open == ()
    assert thread.assessment.assurance == "verified"


def test_old_evidence_without_a_context_counts_as_it_did() -> None:
    thread = play(seen("anywhere.py", "import os", 1))
    assert thread.assessment.assurance == "verified"
    assert thread.now.claims.fresh == (seen("anywhere.py", "import os", 1),)


def test_an_issue_is_judged_anew_where_its_words_change() -> None:
    thread = started(REVIEW)
    thread.step(issues=(claim("parcels are lost", path="cart.py", line=12),), evidence=[about(supports="I1")])
    assert [clause.kind for clause in thread.assessment.open] == ["irrelevant"]
    thread.step(issues=(claim("the count is taken off the price", id="I1", path="cart.py", line=12),))
    assert thread.assessment.assurance == "verified"
    thread.step(issues=(claim("parcels are lost", id="I1", path="cart.py", line=12),))
    assert thread.assessment.assurance == "asserted"


def test_each_severe_issue_needs_a_quote_of_its_own() -> None:
    thread = started(REVIEW)
    issues = (claim("the count is taken off", path="cart.py", line=12), claim("a cent is lost", path="cart.py"))
    thread.step(issues=issues, evidence=[about(), beside()])
    assert [(clause.kind, clause.subject) for clause in thread.assessment.open] == [("irrelevant", "I2")]
    assert thread.assessment.assurance == "partly_verified"


def test_a_quote_that_is_sent_for_one_claim_is_not_held_against_another() -> None:
    thread = started(REVIEW)
    issues = (claim("the count is taken off", path="cart.py", line=40), claim("a cent is lost", path="cart.py"))
    thread.step(issues=issues, evidence=[beside(supports="I2")])
    assert [(clause.kind, clause.subject) for clause in thread.assessment.open] == [
        ("issue", "I1"),
        ("irrelevant", "I2"),
    ]
    thread.step(evidence=[beside(41, supports="I1")])
    assert (thread.assessment.open[0].kind, thread.assessment.open[0].subject) == ("irrelevant", "I1")


def test_a_quote_is_new_where_it_shows_a_line_of_code_that_no_earlier_step_did() -> None:
    thread = play(about(12))
    wider = QuoteContext(LineKind.CODE, (12, 13), ("total",), (10, 20), ("price",))
    cut = Evidence("cart.py", "price - cou", Verdict.VERIFIED, 12, context=about(12).context)
    more = Evidence("cart.py", "price - count\nreturn price", Verdict.VERIFIED, 12, context=wider)
    thread.step(evidence=[cut])
    assert thread.now.claims.fresh == ()
    thread.step(evidence=[more])
    assert thread.now.claims.fresh == (more,)
    thread.step(evidence=[about(12, "copy.py")])
    assert thread.now.claims.fresh == (about(12, "copy.py"),)
    thread.step()
    assert thread.now.claims.fresh == ()


def test_a_quote_that_moved_with_its_file_is_not_new() -> None:
    thread = play(about(12))
    moved = Evidence("cart.py", about(12).quote, Verdict.VERIFIED, 13, context=about(13).context)
    thread.step(evidence=[moved])
    assert thread.now.claims.fresh == ()


def test_a_quote_that_was_refuted_first_is_new_when_it_holds() -> None:
    gone = Evidence("cart.py", about().quote, Verdict.REFUTED)
    thread = play(gone)
    thread.step(evidence=[about()])
    assert thread.now.claims.fresh == (about(),)
    assert thread.assessment.evidence == {"verified": 1}


STEPS = st.lists(
    st.tuples(ITEMS, st.sampled_from([None, THEORY, "ship() weighs a parcel twice"]), st.booleans()), max_size=6
)


@given(STEPS)
def test_what_is_kept_up_step_by_step_is_what_all_steps_say(
    steps: Sequence[tuple[list[Evidence], str | None, bool]],
) -> None:
    made = [
        Step(
            number,
            Submission(number, f"step {number}", f"digest {number}", hypothesis=hypothesis),
            tuple(items),
            (Issue("I1", Severity.HIGH, "the parcel is too light", "cart.py", 40),) if with_issue else (),
        )
        for number, (items, hypothesis, with_issue) in enumerate(steps, 1)
    ]
    claims = reduce(Claims.with_step, made, Claims())
    held = [(step.number, item) for step in made for item in step.evidence if item.holds]
    if "I1" in claims.issues:
        near = [item for _, item in held if item.line is not None and 30 <= item.line <= 50]
        about_it = any(item.context == beside(item.line or 0).context for item in near)
        assert claims.issue_supports["I1"].relevant is about_it
    last = [item for number, item in held if number == len(made)]
    earlier = {(item.path, line) for number, item in held if number < len(made) for line in item.lines}
    new = [item for item in last if not item.lines or any((item.path, line) not in earlier for line in item.lines)]
    words = {item.quote for number, item in held if number < len(made)}
    assert list(claims.fresh) == [item for item in new if item.quote not in words]
