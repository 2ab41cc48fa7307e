"""What claims rest on, and what bars the finish: rule 6 and section 4 of the protocol."""

from dataclasses import replace

import pytest
from driver import ANALYZE, DEBUG, REVIEW, Play, claim, moved, refuted, seen, started, too_short, unreachable, withdraw

from stepwarden.steps.clause import Clause
from stepwarden.steps.gate import Policy
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Assurance

BAD = claim("It loses money", "high", "pay.py", 100)
BAD_SOMEWHERE = claim("It loses money", "high", "pay.py")
BAD_NOWHERE = claim("It loses money", "high")


def _with_issue(issue, *evidence, **first) -> Play:
    return started(REVIEW, steps=2, issues=(issue,), evidence=evidence, **first)


# -- steps


@pytest.mark.parametrize(("policy", "needed"), [(REVIEW, 2), (ANALYZE, 3)])
def test_the_gate_asks_for_a_minimum_of_steps(policy: Policy, needed: int) -> None:
    play = started(policy)
    for number in range(1, needed):
        assert play.open == [f"min_steps {needed}"], number
        play.step()
    assert play.open == []


def test_the_asking_call_counts_as_a_step() -> None:
    play = started(REVIEW)
    play.finish()
    assert not play.is_open


# -- issues


@pytest.mark.parametrize("severity", ["critical", "high"])
def test_a_severe_issue_bars_until_it_is_evidenced(severity: str) -> None:
    play = _with_issue(claim("It loses money", severity, "pay.py", 100))
    assert play.open == ["issue I1"]
    play.step(evidence=[seen("pay.py", line=100)])
    assert play.open == []


@pytest.mark.parametrize("severity", ["medium", "low"])
def test_a_mild_issue_bars_nothing(severity: str) -> None:
    assert _with_issue(claim("It is slow", severity, "pay.py", 100)).open == []


@pytest.mark.parametrize(
    ("issue", "item", "rests"),
    [
        (BAD, seen("pay.py", line=100), True),
        (BAD, seen("pay.py", line=90), True),
        (BAD, seen("pay.py", line=110), True),
        (BAD, seen("pay.py", line=89), False),
        (BAD, seen("pay.py", line=111), False),
        (BAD, seen("pay.py", line=None), False),
        (BAD, moved("pay.py", line=105), True),
        (BAD, moved("pay.py", line=500), False),
        (BAD, seen("other.py", line=100), False),
        (BAD, seen("other.py", line=1, supports="I1"), True),
        (BAD, moved("other.py", line=1, supports="I1"), True),
        (BAD, seen("pay.py", line=500, supports="I1"), True),
        (BAD, refuted("pay.py", line=100), False),
        (BAD, refuted("pay.py", line=100, supports="I1"), False),
        (BAD, too_short("pay.py", line=100, supports="I1"), False),
        (BAD, unreachable("pay.py", line=100), False),
        (BAD, unreachable("pay.py", line=100, supports="I1"), False),
        (BAD_SOMEWHERE, seen("pay.py", line=9999), True),
        (BAD_SOMEWHERE, seen("pay.py", line=None), True),
        (BAD_SOMEWHERE, seen("other.py"), False),
        (BAD_NOWHERE, seen("pay.py"), False),
        (BAD_NOWHERE, seen("pay.py", supports="I1"), True),
        (BAD, seen("pay.py", line=100, supports="hypothesis"), True),
    ],
)
def test_an_issue_rests_on_a_quote_that_names_it_or_stands_near(issue, item, rests: bool) -> None:
    play = _with_issue(issue, item)
    assert ("issue I1" not in play.open) is rests
    assert (play.assessment.assurance is Assurance.VERIFIED) is rests


def test_a_quote_for_one_issue_leaves_another_far_away_open() -> None:
    play = started(
        REVIEW,
        steps=2,
        issues=(claim("A", path="a.py", line=10), claim("B", path="a.py", line=200)),
        evidence=[seen("a.py", line=10, supports="I1")],
    )
    assert play.open == ["issue I2"]


def test_evidence_may_come_before_the_issue() -> None:
    play = started(REVIEW, evidence=[seen("pay.py", line=95)])
    play.step(issues=(BAD,))
    assert play.open == []


def test_a_withdrawn_issue_bars_no_more() -> None:
    play = _with_issue(BAD)
    play.step(issues=(withdraw("I1"),))
    assert play.open == []


def test_an_issue_made_mild_bars_no_more_and_one_made_severe_does() -> None:
    play = _with_issue(BAD)
    play.step(issues=(replace(BAD, severity=claim("", "low").severity),))
    assert play.open == []
    play.step(issues=(BAD,))
    assert play.open == ["issue I1"]


# -- the hypothesis


def test_debug_must_state_a_hypothesis() -> None:
    play = started(DEBUG, steps=2)
    assert play.open == ["no_hypothesis"]
    play.step(hypothesis="The lock is never released")
    assert play.open == ["hypothesis"]


def test_other_tools_need_none_but_evidence_for_the_one_they_state() -> None:
    play = started(REVIEW, steps=2)
    assert play.open == []
    play.step(hypothesis="The lock is never released")
    assert play.open == ["hypothesis"]


@pytest.mark.parametrize(
    ("item", "rests"),
    [
        (seen("a.py", supports="hypothesis"), True),
        (moved("a.py", supports="hypothesis"), True),
        (refuted("a.py", supports="hypothesis"), False),
        (too_short("a.py", supports="hypothesis"), False),
        (unreachable("a.py", supports="hypothesis"), False),
        (seen("a.py"), True),
        (moved("a.py"), True),
        (unreachable("a.py"), False),
        (seen("a.py", supports="I1"), False),
    ],
)
def test_a_hypothesis_rests_on_marked_items_and_unmarked_ones_of_its_own_step(item, rests: bool) -> None:
    play = started(REVIEW, issues=(claim("mild", "low"),))
    play.step(hypothesis="H", evidence=[item])
    assert ("hypothesis" not in play.open) is rests


@pytest.mark.parametrize(("supports", "rests"), [("hypothesis", True), (None, False)])
def test_an_item_of_a_later_step_has_to_be_marked(supports: str | None, rests: bool) -> None:
    play = started(REVIEW, hypothesis="H")
    play.step(evidence=[seen("a.py", supports=supports)])
    assert ("hypothesis" not in play.open) is rests


def test_an_unmarked_item_counts_in_a_step_that_states_the_hypothesis_again() -> None:
    play = started(REVIEW, hypothesis="H")
    play.step(hypothesis="h", evidence=[seen("a.py")])
    assert play.open == []


def test_a_hypothesis_stated_again_keeps_its_marked_items_and_loses_its_unmarked() -> None:
    marked = started(REVIEW, hypothesis="H", evidence=[seen("a.py", supports="hypothesis")])
    unmarked = started(REVIEW, hypothesis="H", evidence=[seen("a.py")])
    for play in (marked, unmarked):
        assert "hypothesis" not in play.open
        play.step(hypothesis=" h ")
    assert marked.open == []
    assert unmarked.open == ["hypothesis"]


def test_another_hypothesis_inherits_nothing() -> None:
    play = started(REVIEW, hypothesis="A", evidence=[seen("a.py", supports="hypothesis")])
    play.step(hypothesis="B")
    assert play.open == ["hypothesis"]
    play.step(hypothesis="A")
    assert play.open == ["hypothesis"]


# -- refuted quotes


def test_a_refuted_quote_bars_while_it_stands() -> None:
    play = started(REVIEW, steps=2, evidence=[refuted("a.py"), refuted("a.py", "more lies"), refuted("b.py")])
    assert play.open == ["refuted a.py", "refuted b.py"]


@pytest.mark.parametrize("later", [seen("a.py"), moved("a.py")])
def test_a_later_quote_of_the_same_file_that_holds_makes_it_good(later) -> None:
    play = started(REVIEW, evidence=[refuted("a.py"), refuted("a.py", "more lies")])
    play.step(evidence=[later])
    assert play.open == []


def test_within_one_step_the_later_item_counts() -> None:
    good = started(REVIEW, steps=2, evidence=[refuted("a.py"), seen("a.py")])
    bad = started(REVIEW, steps=2, evidence=[seen("a.py"), refuted("a.py")])
    assert (good.open, bad.open) == ([], ["refuted a.py"])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("total = price * count", "total = price * counts"),
        ("total = price * count", "  TOTAL = price *  count;"),
        ("def f(x):\n    total = price * count\n    return total", "total = price + count"),
        ("total = price * count", "total = prize * count\ntotal = price * count;"),
    ],
)
def test_a_misspelt_quote_bars_nothing_where_the_right_one_holds(right: str, wrong: str) -> None:
    before = started(REVIEW, steps=2, evidence=[seen("a.py", right), refuted("a.py", wrong)])
    assert before.open == []
    play = started(REVIEW, evidence=[seen("a.py", right)])
    play.step(evidence=[refuted("a.py", wrong)], findings="once more")
    assert play.open == []
    assert play.assessment.evidence == {"verified": 1}


def test_a_quote_that_is_mended_later_leaves_the_count_and_another_of_its_file_does_not_mend_it() -> None:
    play = started(REVIEW, evidence=[refuted("a.py", "total = price + count"), refuted("a.py", "made_up(words)")])
    assert play.assessment.evidence == {"refuted": 2}
    play.step(evidence=[seen("a.py", "total = price * count")])
    assert play.assessment.evidence == {"refuted": 1, "verified": 1}
    play.step(take_back=["a.py"])
    assert play.assessment.evidence == {"verified": 1}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("a.py", "made_up(words)"),
        ("a.py", "total = price * count\nmade_up(words)"),
        ("b.py", "total = price * counts"),
        ("a.py", " \n "),
    ],
)
def test_a_made_up_quote_bars_beside_a_right_one(path: str, wrong: str) -> None:
    play = started(REVIEW, evidence=[seen("a.py")])
    play.step(evidence=[refuted(path, wrong)], findings="once more")
    assert play.open == [f"refuted {path}"]


def test_a_quote_that_is_too_short_proves_nothing_and_bars_nothing() -> None:
    play = started(REVIEW, issues=(BAD,), evidence=[seen("pay.py", line=100)])
    play.step(evidence=[too_short("pay.py", "pay()", line=7)])
    assert play.open == []
    assert play.assessment.evidence == {"verified": 1, "too_short": 1}
    assert play.assessment.assurance is Assurance.VERIFIED
    play.step(evidence=[seen("pay.py", "pay()", line=7)])
    assert play.assessment.evidence == {"verified": 2}


@pytest.mark.parametrize("later", [seen("b.py"), refuted("a.py", "x"), too_short("a.py"), unreachable("a.py")])
def test_nothing_else_makes_it_good(later) -> None:
    play = started(REVIEW, evidence=[refuted("a.py")])
    play.step(evidence=[later])
    assert play.open == ["refuted a.py"]


def test_taking_it_back_makes_it_good_and_uncounts_it() -> None:
    play = started(REVIEW, evidence=[refuted("a.py", "y"), seen("a.py"), refuted("b.py"), refuted("a.py", "x")])
    assert play.assessment.evidence == {"refuted": 3, "verified": 1}
    play.step(take_back=["a.py"])
    assert play.open == ["refuted b.py"]
    assert play.assessment.evidence == {"refuted": 1, "verified": 1}


def test_a_step_that_takes_back_and_quotes_wrongly_again_is_left_with_the_new_one() -> None:
    play = started(REVIEW, evidence=[refuted("a.py")])
    play.step(evidence=[refuted("a.py", "still wrong")], take_back=["a.py"])
    assert play.open == ["refuted a.py"]
    assert play.assessment.evidence == {"refuted": 1}


# -- nothing to read


def test_without_a_root_evidence_clauses_do_not_bar_and_assurance_is_asserted() -> None:
    play = started(
        DEBUG, hypothesis="H", issues=(BAD,), evidence=[unreachable("pay.py"), refuted("x.py")], readable=False
    )
    play.step(readable=False)
    assert play.open == []
    assert play.assessment.assurance is Assurance.ASSERTED


def test_without_a_root_steps_hypothesis_and_the_tools_own_clauses_still_bar() -> None:
    policy = replace(DEBUG, checklist=lambda _: (Clause("checklist", "1", "name the module"),))
    play = started(policy, readable=False)
    assert play.open == ["min_steps 2", "no_hypothesis", "checklist 1"]


def test_the_last_root_given_counts() -> None:
    play = started(REVIEW, hypothesis="H", readable=False)
    play.step(readable=True)
    assert play.open == ["hypothesis"]
    play.step(readable=False)
    assert play.open == []


def test_what_was_verified_is_asserted_once_nothing_can_be_read_any_more() -> None:
    play = started(REVIEW, hypothesis="H", evidence=[seen("a.py", supports="hypothesis")])
    assert play.assessment.assurance is Assurance.VERIFIED
    play.step(readable=False)
    assert play.assessment.assurance is Assurance.ASSERTED


# -- the tool's own, the order, the counts


def test_the_tools_own_clauses_come_last_and_see_the_thread() -> None:
    def ask_for_tests(thread):
        named = any(path.startswith("tests/") for path in thread.claims.files)
        return () if named else (Clause("checklist", "1", "look at the tests"),)

    policy = replace(REVIEW, checklist=ask_for_tests)
    play = started(policy, hypothesis="H", issues=(BAD,), evidence=[refuted("a.py")])
    assert play.open == ["min_steps 2", "issue I1", "hypothesis", "refuted a.py", "checklist 1"]
    play.step(checked=("tests/test_pay.py",))
    assert "checklist 1" not in play.open


def test_quotes_gone_since_are_shown_and_still_count_as_they_were_seen() -> None:
    play = started(REVIEW, hypothesis="H", evidence=[seen("a.py", supports="hypothesis")])
    play.step()
    last = replace(play.now.trail[-1], stale=1)
    stale = replace(play.now, trail=(*play.now.trail[:-1], last))
    play.thread = stale
    assert play.assessment.evidence == {"verified": 1, "stale": 1}
    assert (play.open, play.assessment.assurance) == ([], Assurance.VERIFIED)


def test_sufficient_means_that_nothing_is_open() -> None:
    play = started(REVIEW)
    assert not play.assessment.sufficient
    play.step()
    assert play.assessment.sufficient


# -- assurance


@pytest.mark.parametrize(
    ("first", "assurance"),
    [
        ({}, Assurance.ASSERTED),
        ({"evidence": [seen("a.py")]}, Assurance.ASSERTED),
        ({"issues": (claim("mild", "medium", "a.py"),), "evidence": [seen("a.py")]}, Assurance.ASSERTED),
        ({"hypothesis": "H"}, Assurance.ASSERTED),
        ({"hypothesis": "H", "evidence": [refuted("a.py")]}, Assurance.ASSERTED),
        ({"hypothesis": "H", "evidence": [unreachable("a.py")]}, Assurance.ASSERTED),
        ({"hypothesis": "H", "evidence": [seen("a.py")]}, Assurance.VERIFIED),
        ({"hypothesis": "H", "evidence": [moved("a.py")]}, Assurance.VERIFIED),
        ({"hypothesis": "H", "evidence": [unreachable("b.py"), seen("a.py")]}, Assurance.VERIFIED),
        ({"hypothesis": "H", "evidence": [seen("a.py"), refuted("b.py")]}, Assurance.PARTLY),
        ({"hypothesis": "H", "issues": (BAD,), "evidence": [seen("a.py")]}, Assurance.PARTLY),
        ({"hypothesis": "H", "issues": (BAD,), "evidence": [seen("pay.py", line=99)]}, Assurance.VERIFIED),
        ({"issues": (BAD, claim("B", "critical", "b.py")), "evidence": [seen("b.py")]}, Assurance.PARTLY),
        ({"issues": (BAD, claim("mild", "low")), "evidence": [seen("pay.py", line=99)]}, Assurance.VERIFIED),
    ],
)
def test_assurance_is_the_share_of_claims_that_rest_on_quotes(first, assurance: Assurance) -> None:
    assert started(REVIEW, **first).assessment.assurance is assurance


def test_the_word_certain_verifies_nothing() -> None:
    play = started(REVIEW, steps=2, hypothesis="H")
    play.step(confidence=Confidence.CERTAIN, findings="I am absolutely certain")
    assert play.assessment.assurance is Assurance.ASSERTED
