"""Ending early: what a claim of certainty is worth with and without evidence."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manager_driver import DEBUG, POLICIES, THEORY, Talk, beside, issue, made_up, planned, seen

from stepwarden.manager.facts import TaskFacts
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Finished
from stepwarden.steps.submission import Severity
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Signal
from tests.support.examples import examples

LONG = TaskFacts("wrong at a.py:3", hint=8)
SURE = ["very_high", "almost_certain", "certain"]


def investigated(**settings):
    """A debug thread whose hypothesis stands and is evidenced after two steps."""
    talk = Talk(work=LONG, **settings)
    talk.step(files=["a.py"])
    talk.step(seen(), hypothesis=THEORY, confidence="medium")
    return talk


@pytest.mark.parametrize("word", SURE)
def test_a_verified_thread_that_a_new_quote_leaves_as_it_is_ends_early(word):
    talk = investigated()
    advice = talk.step(seen("b.py"), confidence=word)
    assert (advice.end, advice.plan, advice.signal) == (True, None, None)
    assert advice.reason == "verified, and a new quote at step 3 changed no conclusion"
    assert (talk.thread.outcome, talk.thread.assurance, talk.thread.ended_by) == (
        Outcome.DONE,
        Assurance.VERIFIED,
        DecidedBy.RULE,
    )
    assert talk.decision
    ended = talk.decision.events[-1]
    assert isinstance(ended, Finished)
    assert ended.saved == 5


@pytest.mark.parametrize("word", [None, "exploring", "low", "medium", "high"])
def test_a_lower_word_never_ends(word):
    assert not investigated().step(seen("b.py"), confidence=word).end


@pytest.mark.parametrize("again", [(), (seen(),), (made_up("b.py"),)], ids=["no quote", "the same", "a made-up one"])
def test_a_step_without_new_evidence_converges_nothing_and_is_asked_to_disprove(again):
    talk = investigated()
    advice = talk.step(*again, files=["b.py"], confidence="certain")
    assert not advice.end
    assert advice.signal is (Signal.DISPROVE if not again or again[0].holds else None)


def test_a_conclusion_that_is_only_repeated_has_not_converged():
    talk = Talk(work=LONG)
    talk.step(seen(), hypothesis=THEORY, confidence="certain")
    advice = talk.step(seen(), hypothesis=THEORY, files=["b.py"], confidence="certain")
    assert (advice.end, advice.signal) == (False, Signal.DISPROVE)
    assert advice.reason == "all is verified, but step 2 quoted nothing new about it"


def test_a_quote_counts_once_however_it_is_cut_or_marked():
    talk = investigated()
    line = "key = user_id + region"
    for number, again in enumerate((line, line[:-3], f"  {line}", f"{line}\n")):
        for supports in ("hypothesis", None):
            quote = seen(quote=again, supports=supports)
            assert not talk.step(quote, files=[f"{number}.py"], confidence="certain").end


def test_evidence_that_has_nothing_to_do_with_the_conclusion_converges_nothing():
    talk = investigated()
    advice = talk.step(beside("b.py"), confidence="certain")
    assert (advice.end, advice.signal) == (False, Signal.DISPROVE)


@pytest.mark.parametrize(("word", "ends"), [("very_high", False), ("almost_certain", False), ("certain", True)])
def test_with_an_expert_at_hand_only_certain_ends_by_the_rules(word, ends):
    advice = investigated(expert=True).step(seen("b.py"), confidence=word)
    assert advice.end is ends
    assert advice.signal is None


def test_the_tools_minimum_of_steps_comes_first():
    talk = Talk(policy=POLICIES["analyze"], work=TaskFacts("look", hint=7))
    talk.step(seen(), hypothesis=THEORY, confidence="certain")
    assert not talk.step(seen("b.py"), confidence="certain").end
    assert talk.step(seen("c.py"), confidence="certain").end


def test_superseded_steps_do_not_count_for_the_minimum():
    talk = investigated()
    talk.step(seen(), hypothesis=THEORY, confidence="certain", backtrack=1)
    assert talk.thread.outcome is Outcome.OPEN


def test_filler_with_certain_ends_nothing():
    talk = Talk(work=LONG)
    advice = [
        talk.step(findings=letter * 400, hypothesis="z" * 400, confidence="certain", files=[f"{letter}.py"])
        for letter in "zyxwvu"
    ]
    assert not any(one.end for one in advice)
    assert Signal.DISPROVE not in {one.signal for one in advice}


def test_a_liar_with_made_up_quotes_never_ends():
    talk = Talk(work=LONG)
    advice = [
        talk.step(made_up(f"{n}.py"), hypothesis=THEORY, confidence="certain", issues=[issue(f"issue {n}")])
        for n in range(12)
    ]
    assert not any(one.end for one in advice)


def test_one_made_up_quote_beside_true_ones_bars_the_end_until_it_is_withdrawn():
    talk = investigated()
    assert not talk.step(seen(), made_up("b.py"), confidence="certain").end
    assert talk.step(seen("c.py"), withdrawn=["b.py"], confidence="certain").end


def test_where_no_file_can_be_read_nothing_ends_early():
    talk = investigated(readable=False)
    assert not talk.step(seen("b.py"), confidence="certain").end


def test_a_severe_issue_without_evidence_bars_the_end():
    talk = investigated()
    talk.step(issues=[issue()], confidence="high")
    assert not talk.step(files=["b.py"], confidence="certain").end
    talk.step(seen(supports="I1", quote="another line of a.py"), confidence="high")
    assert talk.step(seen("c.py"), confidence="certain").end


def test_a_review_with_an_evidenced_severe_issue_ends_without_a_hypothesis():
    talk = Talk(policy=POLICIES["codereview"], work=TaskFacts("look", hint=5))
    talk.step(seen(supports="I1"), issues=[issue()])
    assert talk.step(seen("b.py"), confidence="certain").end


def test_a_review_without_any_claim_does_not_end_early():
    talk = Talk(policy=POLICIES["codereview"], work=TaskFacts("look", hint=5))
    talk.step(issues=[issue(severity=Severity.LOW)])
    assert not talk.step(files=["b.py"], confidence="certain").end


def test_an_open_checklist_bars_the_end():
    open_item = (Clause("checklist", "1"),)
    talk = investigated(policy=replace(DEBUG, checklist=lambda thread: open_item if thread.last < 4 else ()))
    assert not talk.step(seen("b.py"), confidence="certain").end
    assert talk.step(seen("c.py"), confidence="certain").end


def test_a_verified_thread_ends_although_its_agent_asked_for_more():
    assert investigated().step(seen("b.py"), confidence="certain", total=12).end


def test_an_issue_of_a_revised_step_is_compared_with_what_stands():
    talk = investigated(policy=POLICIES["planner"])
    talk.step(seen(supports="I1"), issues=[issue()], confidence="high")
    talk.step(seen(supports="I1"), issues=[issue(severity=Severity.CRITICAL)], confidence="high", replaces=3)
    assert not talk.step(issues=[issue()], files=["b.py"], confidence="certain").end


def test_a_revision_that_repeats_an_issue_is_no_change():
    talk = investigated(policy=POLICIES["planner"])
    talk.step(seen(supports="I1"), issues=[issue()], confidence="high")
    assert talk.step(seen("b.py", supports="I1"), issues=[issue()], confidence="certain", replaces=3).end


# Disproof


def changed_late():
    """A thread that states its evidenced hypothesis, and certainty, in the same step."""
    talk = Talk(work=LONG)
    talk.step(files=["a.py"])
    return talk, talk.step(seen(), hypothesis=THEORY, confidence="certain")


def test_a_conclusion_of_the_last_step_is_to_be_disproved_once():
    talk, advice = changed_late()
    assert (advice.end, advice.signal) == (False, Signal.DISPROVE)
    assert planned(advice).likely == 3
    assert talk.thread.disproof_asked == 2


def test_an_answer_that_leaves_the_conclusion_standing_ends():
    talk, _ = changed_late()
    advice = talk.step(seen("b.py"), issues=[issue("typo", Severity.LOW)], confidence="certain")
    assert (advice.end, advice.reason) == (True, "verified, and it stood an attempt to disprove it")


def test_an_answer_without_a_new_quote_ends_nothing():
    talk, _ = changed_late()
    assert not talk.step(seen(), files=["b.py"], confidence="certain").end


@pytest.mark.parametrize(("findings", "ends"), [("other_part() checks it too", True), ("I tried", False)])
def test_an_answer_names_what_it_looked_at(findings, ends):
    talk, _ = changed_late()
    minor = issue("typo", Severity.LOW)
    assert talk.step(beside("b.py"), findings=findings, issues=[minor], confidence="certain").end is ends


def test_an_answer_that_changes_the_hypothesis_grows_the_plan_and_asks_no_second_time():
    talk, _ = changed_late()
    advice = talk.step(seen("c.py"), hypothesis="the clock runs backwards", confidence="certain")
    assert (advice.end, advice.signal) == (False, None)
    assert planned(advice).reason == "a refuted hypothesis replaced"
    assert talk.step(seen("d.py"), confidence="certain").end


def test_a_later_step_is_no_answer_to_the_question():
    talk, _ = changed_late()
    talk.step(seen("c.py"), hypothesis="the clock runs backwards", confidence="certain")
    minor = issue("typo", Severity.LOW)
    assert not talk.step(issues=[minor], confidence="certain").end


def test_going_back_behind_the_question_takes_it_back():
    talk = investigated()
    talk.step(seen(supports="I1"), issues=[issue()], confidence="certain")
    assert talk.thread.disproof_asked == 3
    advice = talk.step(seen(), hypothesis="another", confidence="certain", backtrack=2)
    assert (advice.end, advice.signal) == (False, Signal.DISPROVE)


def test_an_answer_with_a_new_severe_issue_does_not_end():
    talk, _ = changed_late()
    advice = talk.step(seen(supports="I1"), issues=[issue()], confidence="certain")
    assert (advice.end, advice.signal) == (False, None)


def test_an_answer_that_withdraws_a_severe_issue_does_not_end():
    talk = investigated()
    talk.step(seen(supports="I1"), issues=[issue()], confidence="certain")
    assert talk.thread.disproof_asked == 3
    assert not talk.step(issues=[replace(issue(), id="I1", withdrawn=True)], confidence="certain").end
    assert talk.step(seen("d.py"), confidence="certain").end


def test_an_answer_with_a_refuted_quote_does_not_end():
    talk, _ = changed_late()
    minor = issue("typo", Severity.LOW)
    assert not talk.step(made_up("b.py"), seen("b.py"), issues=[minor], confidence="certain").end


def test_the_same_issues_sent_again_are_no_change():
    talk = investigated()
    talk.step(seen(supports="I1"), issues=[issue()], confidence="high")
    assert talk.step(seen("b.py"), issues=[issue()], confidence="certain").end


def test_an_issue_made_worse_is_a_change():
    talk = investigated()
    talk.step(seen(supports="I1"), issues=[issue()], confidence="high")
    advice = talk.step(files=["b.py"], issues=[issue(severity=Severity.CRITICAL)], confidence="certain")
    assert (advice.end, advice.signal) == (False, Signal.DISPROVE)


@settings(max_examples=examples(20))
@given(
    words=st.lists(st.sampled_from(SURE), min_size=1, max_size=12),
    claims=st.lists(st.sampled_from([THEORY, "another", "zzzz", None]), min_size=12, max_size=12),
    repeated=st.booleans(),
)
def test_no_liar_ever_ends_whatever_it_claims(words, claims, repeated):
    talk = Talk(policy=replace(DEBUG, hypothesis_required=True), work=LONG)
    for number, word in enumerate(words):
        quote = made_up("a.py" if repeated else f"{number}.py", quote=f"made up {number}")
        advice = talk.step(quote, hypothesis=claims[number], confidence=word)
        assert not advice.end
        assert advice.signal is not Signal.DISPROVE
