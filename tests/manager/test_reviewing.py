from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manager_driver import DEBUG, POLICIES, THEORY, Talk, issue, made_up, planned, seen

from stepwarden.manager.facts import TaskFacts
from stepwarden.manager.review import longest, review
from stepwarden.manager.size_estimate import size
from stepwarden.steps.clause import Clause
from stepwarden.steps.submission import Severity
from stepwarden.steps.thread import DecidedBy, Outcome, Signal
from tests.support.examples import examples

PLAIN = TaskFacts("wrong at a.py:3")  # debug: 4 steps


def likely_of(talk):
    return planned(talk.thread).likely


# Growing


def test_an_ordinary_step_changes_nothing():
    talk = Talk(work=PLAIN)
    advice = talk.steps(3)[-1]
    assert (advice.plan, advice.signal, advice.end, advice.reason) == (None, None, False, "")
    assert likely_of(talk) == 4


def test_a_refuted_quote_grows_the_plan_by_one_and_only_in_its_own_step():
    talk = Talk(work=PLAIN)
    talk.step(hypothesis=THEORY)
    advice = talk.step(made_up("src/a.py"))
    plan = planned(advice)
    assert (plan.likely, plan.was, plan.reason) == (5, 4, "a quote of a.py was refuted")
    assert talk.step(files=["b.py"]).plan is None


def _refuted_twice(**first):
    talk = Talk(work=replace(PLAIN, hint=8))
    talk.step(files=["a.py"])
    talk.step(made_up(), **first)
    return talk


def test_a_second_step_in_a_row_of_refuted_quotes_alone_leaves_the_next_step():
    talk = _refuted_twice(hypothesis=THEORY)
    assert likely_of(talk) == 9
    plan = planned(talk.step(made_up("b.py")))
    assert (plan.likely, plan.was, plan.reason) == (4, 9, "every quote was refuted, twice in a row")


def test_a_third_one_grows_nothing_either():
    talk = _refuted_twice()
    talk.step(made_up("b.py"))
    talk.step(made_up("c.py"))
    assert likely_of(talk) == 5


def test_a_step_between_two_refuted_ones_keeps_the_plan():
    talk = _refuted_twice()
    talk.step(files=["b.py"])
    assert planned(talk.step(made_up("b.py"))).likely == 10


@pytest.mark.parametrize("between", [(seen("b.py"),), (made_up("c.py"), seen("b.py"))], ids=["alone", "beside another"])
def test_a_quote_that_holds_keeps_the_plan(between):
    talk = _refuted_twice()
    talk.step(*between)
    assert likely_of(talk) >= 9
    talk.step(made_up("d.py"))
    assert likely_of(talk) >= 10


def test_an_agent_that_asks_for_more_is_not_cut_down_for_refuted_quotes():
    talk = _refuted_twice()
    talk.step(made_up("b.py"), total=12)
    assert likely_of(talk) == 13


def test_a_thread_with_more_open_than_a_step_closes_keeps_the_steps_for_it():
    talk = Talk(policy=checklist(0, 4), work=replace(PLAIN, hint=8))
    talk.step(made_up(), hypothesis=THEORY)
    assert planned(talk.step(made_up("b.py"))).likely == 5


def test_a_refuted_quote_made_good_in_the_same_step_grows_nothing():
    talk = Talk(work=PLAIN)
    talk.step(hypothesis=THEORY)
    assert talk.step(made_up(), seen()).plan is None


def test_a_hypothesis_changed_after_its_evidence_was_refuted_grows_the_plan():
    talk = Talk(work=PLAIN)
    talk.step(made_up(), hypothesis=THEORY)
    advice = talk.step(hypothesis="the clock runs backwards", withdrawn=["a.py"])
    assert (planned(advice).likely, planned(advice).reason) == (5, "a refuted hypothesis replaced")


def test_a_quote_refuted_for_an_issue_is_none_against_the_hypothesis():
    talk = Talk(work=PLAIN)
    talk.step(made_up(supports="I1"), hypothesis=THEORY, issues=[issue()])
    assert talk.step(hypothesis="the clock runs backwards").plan is None


def test_a_hypothesis_changed_without_any_refutation_grows_nothing():
    talk = Talk(work=PLAIN)
    talk.step(hypothesis=THEORY)
    assert talk.step(hypothesis="the clock runs backwards").plan is None


def test_a_first_hypothesis_after_a_refuted_quote_is_no_change():
    talk = Talk(work=PLAIN)
    talk.step(made_up(supports=None), files=["a.py"])
    assert talk.step(hypothesis=THEORY, withdrawn=["a.py"]).plan is None


@pytest.mark.parametrize(("number", "grows"), [(2, False), (3, True)])
def test_many_new_files_from_step_three_on_grow_the_plan(number, grows):
    talk = Talk(policy=POLICIES["analyze"])
    talk.steps(number - 1)
    advice = talk.step(files=["x.py", "y.py", "z.py"])
    assert (advice.plan is not None) is grows
    assert advice.reason == ("3 new files" if grows else "")


def test_files_named_before_do_not_widen_the_scope():
    talk = Talk(policy=POLICIES["analyze"])
    talk.step(files=["x.py", "y.py", "z.py"])
    talk.steps(1)
    assert talk.step(files=["x.py", "y.py", "z.py"]).plan is None


def checklist(*left):
    """A policy whose checklist has left[n] items open after step n + 1."""
    return replace(
        DEBUG,
        checklist=lambda thread: tuple(
            Clause("checklist", str(n)) for n in range(left[min(thread.last, len(left)) - 1])
        ),
    )


def test_a_checklist_that_does_not_fit_grows_the_plan_to_where_it_fits():
    talk = Talk(policy=checklist(12), work=PLAIN)
    talk.step()
    assert planned(talk.step(files=["b.py"])).likely == 6
    assert planned(talk.thread).reason == "12 clauses open, 2 steps left"


def test_a_checklist_that_fits_grows_nothing():
    talk = Talk(policy=checklist(6), work=PLAIN)
    talk.step()
    assert talk.step(files=["b.py"]).plan is None


def test_several_surprises_in_one_step_add_up():
    talk = Talk(work=PLAIN)
    talk.step(made_up("b.py"), hypothesis=THEORY)
    talk.steps(1)
    advice = talk.step(made_up(), hypothesis="another", files=["x.py", "y.py", "z.py"])
    assert planned(advice).likely == 7
    assert len(planned(advice).reason.encode()) <= 60


def test_the_plan_never_grows_past_twice_the_range():
    talk = Talk(work=PLAIN)
    talk.step()
    for number in range(30):
        talk.step(made_up(f"{number}.py"))
        assert likely_of(talk) <= max(16, talk.thread.last + 1)


# Shrinking


def test_a_verified_and_confident_step_shrinks_the_plan_to_the_next():
    talk = Talk(work=replace(PLAIN, hint=8))
    talk.step(seen(), hypothesis=THEORY)
    advice = talk.step(files=["b.py"], confidence="high")
    assert (planned(advice).likely, planned(advice).reason, advice.end) == (3, "verified at step 2", False)


def test_confidence_with_nothing_open_and_nothing_verified_leaves_a_step_to_look_again():
    talk = Talk(work=replace(PLAIN, hint=8))
    talk.step()
    advice = talk.step(files=["b.py"], confidence="high")
    assert (planned(advice).likely, planned(advice).reason) == (4, "nothing open at step 2")


def test_low_confidence_shrinks_nothing():
    talk = Talk(work=replace(PLAIN, hint=8))
    talk.step(seen(), hypothesis=THEORY)
    assert talk.step(files=["b.py"], confidence="medium").plan is None


def test_an_open_clause_keeps_the_plan():
    talk = Talk(work=replace(PLAIN, hint=8))
    talk.step(hypothesis=THEORY)
    assert talk.step(files=["b.py"], confidence="certain").plan is None


def test_a_checklist_closed_early_shrinks_the_plan_to_the_next_step():
    talk = Talk(policy=checklist(3, 0), work=replace(PLAIN, hint=8))
    talk.step()
    advice = talk.step(files=["b.py"])
    assert (planned(advice).likely, planned(advice).reason) == (3, "checklist closed at step 2")


def test_a_checklist_closed_early_counts_before_the_word_high():
    talk = Talk(policy=checklist(3, 0), work=replace(PLAIN, hint=8))
    talk.step()
    assert planned(talk.step(files=["b.py"], confidence="high")).likely == 3


def test_the_plan_never_shrinks_below_the_range():
    talk = Talk(policy=POLICIES["secaudit"], work=TaskFacts("look", hint=8))
    talk.step(seen(), hypothesis=THEORY)
    assert planned(talk.step(files=["b.py"], confidence="high")).likely == 4


def test_an_agent_that_asks_for_more_is_not_cut_down_in_the_same_step():
    talk = Talk(work=PLAIN)
    talk.step(seen(), hypothesis=THEORY)
    assert talk.step(files=["b.py"], confidence="high", total=7).plan is None
    assert likely_of(talk) == 7


# Stalls and length


def test_a_stalled_step_is_told_what_was_tried():
    talk = Talk(work=PLAIN)
    talk.step(files=["a.py", "b.py"], hypothesis=THEORY)
    advice = talk.stalled_step()
    assert talk.thread.trail[-1].stalled
    assert advice.signal is Signal.STALLED
    assert "without new evidence; tried: the cache key" in advice.reason
    assert len(advice.reason.encode()) <= 60


def test_words_without_facts_are_a_stall_from_the_second_step_on():
    talk = Talk()
    talk.step(files=["a.py"])
    signals = [talk.step().signal for _ in range(6)]
    assert signals == [None, *[Signal.STALLED] * 5]


def test_a_fact_begins_the_count_of_words_anew():
    talk = Talk()
    talk.step(files=["a.py"])
    steps = [{}, {}, {"files": ["b.py"]}, {}, {}]
    assert [talk.step(**step).signal for step in steps] == [None, Signal.STALLED, None, None, Signal.STALLED]


def test_words_after_a_refusal_for_having_none_are_a_stall_at_once():
    talk = Talk(work=PLAIN)
    talk.step(files=["a.py"])
    talk.refuse_empty()
    assert talk.step().signal is Signal.STALLED
    talk.step(files=["b.py"])
    assert talk.step().signal is None


def test_a_stalled_thread_keeps_the_next_step_of_its_plan():
    talk = Talk(work=replace(PLAIN, hint=8))
    talk.step(files=["a.py"])
    assert talk.step().plan is None
    plan = planned(talk.step())
    assert (plan.likely, plan.was, plan.reason) == (4, 8, "nothing new at step 3")
    assert talk.step().plan is None
    assert likely_of(talk) == 5


def test_a_stalled_agent_that_asks_for_more_gets_it():
    talk = Talk(work=PLAIN)
    talk.step(files=["a.py"])
    talk.step()
    assert talk.step(total=7).signal is Signal.STALLED
    assert likely_of(talk) == 7


def test_a_counted_total_is_never_cut():
    talk = Talk(policy=POLICIES["codereview"], work=TaskFacts("a task", computed=12))
    talk.step(files=["a.py"])
    talk.step()
    assert talk.step().plan is None
    assert likely_of(talk) == 12


# Getting nowhere


def _told():
    talk = Talk(work=replace(PLAIN, hint=8))
    talk.step(files=["a.py", "b.py"], hypothesis=THEORY)
    assert talk.stalled_step().signal is Signal.STALLED
    return talk


def test_an_empty_step_after_the_word_that_it_is_stalled_ends_the_thread_as_inconclusive():
    talk = _told()
    advice = talk.stalled_step()
    assert (advice.end, advice.inconclusive) == (True, True)
    assert "without new evidence; tried: the cache key" in advice.reason
    assert (talk.thread.outcome, talk.thread.ended_by) == (Outcome.INCONCLUSIVE, DecidedBy.RULE)


def test_mere_words_after_that_word_and_a_refusal_end_it_too():
    talk = _told()
    talk.refuse_empty()
    assert talk.step().inconclusive


def test_words_of_the_agents_own_accord_end_nothing():
    talk = _told()
    assert not any(talk.step().end for _ in range(6))


def test_a_fact_after_that_word_begins_anew():
    talk = _told()
    talk.step(files=["c.py"])
    advice = talk.stalled_step()
    assert (advice.end, advice.signal) == (False, Signal.STALLED)


def test_a_thread_that_goes_on_after_such_an_end_is_told_again_before_the_next():
    talk = _told()
    talk.stalled_step()
    advices = [talk.stalled_step() for _ in range(2)]
    assert [(advice.end, advice.signal) for advice in advices] == [(False, Signal.STALLED), (True, None)]


def test_what_was_told_before_a_backtrack_no_longer_counts():
    talk = _told()
    talk.step(backtrack=2)
    assert talk.stalled_step().signal is Signal.STALLED
    assert talk.thread.outcome is Outcome.OPEN


def test_a_tool_that_asks_for_nothing_new_is_never_given_up_on():
    talk = Talk(policy=replace(POLICIES["planner"], novelty_required=False))
    talk.step()
    assert not any(talk.stalled_step().end for _ in range(4))


def test_words_are_the_work_of_a_tool_that_asks_for_nothing_new():
    talk = Talk(policy=replace(POLICIES["planner"], novelty_required=False))
    talk.step()
    assert not any(talk.step().signal for _ in range(6))


def test_the_advice_to_split_comes_once_past_twice_the_range_and_then_every_five_steps():
    talk = Talk(policy=POLICIES["codereview"])
    talk.steps(30)
    told = [remark.step for remark in talk.thread.decisions if remark.kind == Signal.SPLIT]
    assert told == [11, 16, 21, 26]


def test_a_counted_total_is_never_called_too_long():
    talk = Talk(policy=POLICIES["codereview"], work=TaskFacts("a task", computed=40))
    talk.steps(30)
    assert not any(remark.kind == Signal.SPLIT for remark in talk.thread.decisions)


def test_far_past_the_range_every_fifth_step_says_how_to_end_stalled_or_not():
    talk = Talk(policy=POLICIES["codereview"])
    talk.steps(10)
    signals = [talk.stalled_step().signal for _ in range(11)]
    assert talk.thread.last == 21
    assert [place for place, signal in enumerate(signals) if signal is Signal.SPLIT] == [0, 5, 10]
    assert signals[1] is Signal.STALLED


# Any thread


STEPS = st.fixed_dictionaries(
    {"evidence": st.lists(st.sampled_from([seen(), made_up(), seen("b.py", None), made_up("b.py", None)]), max_size=2)},
    optional={
        "confidence": st.sampled_from(["low", "high", "very_high", "certain"]),
        "hypothesis": st.sampled_from([THEORY, "another", "ä" * 90]),
        "files": st.lists(st.sampled_from([f"{n}.py" for n in range(12)]), max_size=5, unique=True),
        "issues": st.lists(st.builds(issue, st.sampled_from("abc"), st.sampled_from(Severity)), max_size=2),
        "total": st.integers(1, 30),
        "backtrack": st.just(1),
    },
)


@settings(max_examples=examples(20))
@given(
    tool=st.sampled_from(list(POLICIES)),
    said=st.lists(STEPS, min_size=1, max_size=24),
    hint=st.none() | st.integers(1, 20),
    expert=st.booleans(),
)
def test_every_review_is_bounded_and_always_the_same(tool, said, hint, expert):
    talk = Talk(policy=POLICIES[tool], work=TaskFacts("a task", hint=hint), expert=expert)
    talk.step(files=["start.py"])
    for fields in said:
        step = dict(fields)
        talk.record(*step.pop("evidence"), **step)
        if talk.thread.plan is None:
            talk.take(size(talk.work, talk.policy))
        advice = review(talk.case)
        assert review(talk.case) == advice
        check(advice, talk.case)
        talk.take(advice)
        assert talk.thread.outcome is (Outcome.DONE if advice.end else Outcome.OPEN)


def check(advice, case):
    assert len(advice.reason.encode()) <= 60
    if advice.plan is not None:
        plan, last = planned(advice), case.thread.last
        assert last < plan.low <= plan.likely <= plan.high <= longest(case) + 1
        assert plan.likely <= longest(case)
        assert plan.low < plan.high
        assert 0 < len(plan.reason.encode()) <= 60
