"""Which call is a step, a retry or a mistake: rules 1, 2, 3, 7 and 8 of the protocol."""

from dataclasses import replace

import pytest
from driver import ANALYZE, DEBUG, REVIEW, Play, ask, claim, plan, seen, started

from stepwarden.steps.admission import Accept, Open, Reason, Refusal, Replay, admit
from stepwarden.steps.events import Finished, Held, Opened, Planned, Refused, StepRecorded
from stepwarden.steps.machine import Advice
from stepwarden.steps.thread import DecidedBy, Origin, Outcome


def test_step_1_without_an_id_opens_a_thread() -> None:
    play = Play(REVIEW)
    assert play.step(words="Review the upload code") == Open()
    assert [type(event) for event in play.events] == [Opened, StepRecorded, Planned]
    assert (play.now.last, play.now.task, play.now.outcome) == (1, "Review the upload code", Outcome.OPEN)


@pytest.mark.parametrize("number", [2, 7])
def test_a_later_step_without_an_id_is_refused(number: int) -> None:
    assert admit(None, ask(number), REVIEW) == Refusal(Reason.NOT_FIRST, 1)


def test_a_first_call_sent_twice_without_its_id_opens_two_threads() -> None:
    said = ask(1, "Review it")
    assert [admit(None, said, REVIEW) for _ in range(2)] == [Open(), Open()]


def test_the_next_number_is_recorded() -> None:
    play = started(REVIEW)
    assert play.step(2) == Accept(2, new=False)
    assert [step.number for step in play.now.trail] == [1, 2]


@pytest.mark.parametrize("number", [4, 5, 99])
def test_a_gap_is_refused_with_the_number_expected(number: int) -> None:
    play = started(REVIEW, steps=2)
    assert play.step(number) == Refusal(Reason.GAP, 3)
    assert play.now.last == 2


def test_a_gap_while_an_earlier_step_is_worked_on_is_told_to_wait_for_that_step() -> None:
    play = started(REVIEW, steps=2)
    assert play.send(ask(4), working_on=(3,)) == Refusal(Reason.BUSY, 3)


def test_a_gap_is_a_gap_when_only_itself_or_a_later_step_is_worked_on() -> None:
    play = started(REVIEW, steps=2)
    assert play.send(ask(4), working_on=(4, 5)) == Refusal(Reason.GAP, 3)


def test_the_expected_step_is_taken_whatever_else_is_worked_on() -> None:
    play = started(REVIEW, steps=2)
    assert play.send(ask(3), working_on=(1, 2, 3)) == Accept(3, new=False)


def test_a_refusal_is_an_event_of_the_history_and_not_a_step() -> None:
    play = started(REVIEW)
    before = play.now
    play.step(3)
    assert play.events[-1] == Refused(3, play.said.digest, "gap")
    assert play.now == replace(before, version=before.version + 1)


# -- retries


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_retry_of_any_live_step_is_a_replay_and_recorded_once(number: int) -> None:
    play = Play(REVIEW)
    said = [ask(each) for each in (1, 2, 3)]
    for each in said:
        play.send(each)
    before = play.now
    assert play.send(said[number - 1]) == Replay(number)
    assert play.now == before


def test_a_retry_of_a_held_ask_is_a_replay_and_no_second_ask() -> None:
    play = started(DEBUG)
    play.finish()
    assert play.again() == Replay(2)
    assert play.is_open


def test_a_retry_of_the_ask_that_completed_is_a_replay() -> None:
    play = started(REVIEW)
    play.finish()
    assert play.again() == Replay(2)
    assert play.now.outcome is Outcome.DONE


def test_a_retry_of_a_backtrack_is_a_replay_of_the_step_it_became() -> None:
    play = started(REVIEW, steps=4)
    play.step(4, backtrack=2)
    assert play.again() == Replay(2)
    assert play.now.last == 2


def test_a_recorded_number_with_other_content_is_refused_with_the_next_number() -> None:
    play = started(REVIEW, steps=3)
    assert play.step(2) == Refusal(Reason.RECORDED, 4)
    assert play.step(3) == Refusal(Reason.RECORDED, 4)
    assert play.now.last == 3


def test_a_late_repeat_of_a_superseded_step_is_stale() -> None:
    play = started(REVIEW, steps=2)
    late = play.said
    play.go_back(2)
    assert play.send(late) == Refusal(Reason.STALE, 3)


def test_a_late_repeat_of_a_superseded_backtrack_is_stale_and_moves_nothing() -> None:
    play = started(REVIEW, steps=3)
    play.go_back(3)
    late = play.said
    play.go_back(2)
    assert play.send(late) == Refusal(Reason.STALE, 3)
    assert play.now.last == 2


def test_a_superseded_first_step_sent_with_the_id_is_stale_and_follows_nothing_up() -> None:
    play = Play(REVIEW)
    first = ask(1, "Review it")
    play.send(first)
    play.go_back(1)
    assert play.send(first) == Refusal(Reason.STALE, 2)


def test_changing_a_word_of_a_superseded_step_records_it() -> None:
    play = started(REVIEW)
    play.step(2, "read the parser")
    play.go_back(2)
    play.go_back(1)
    assert play.step(2, "read the parser") == Refusal(Reason.STALE, 2)
    assert play.step(2, "read the parser again") == Accept(2, new=False)


def test_stale_is_said_before_closed_and_before_a_range() -> None:
    play = started(REVIEW, steps=2)
    play.go_back(2)
    late = play.said
    play.go_back(1)
    play.finish()
    play.finish()
    assert play.send(late) == Refusal(Reason.STALE, 3)


# -- total_steps rises


def test_at_the_last_planned_step_with_more_to_come_the_total_rises_in_that_reply() -> None:
    play = started(REVIEW, steps=2)
    assert play.now.total_steps == 3
    play.step()
    assert (play.now.last, play.now.total_steps) == (3, 4)
    assert [event.plan.was for event in play.decided if isinstance(event, Planned)] == [3]


def test_the_total_of_a_finished_thread_is_its_steps() -> None:
    play = started(REVIEW)
    play.finish()
    assert play.now.total_steps == 2


def test_a_held_ask_at_the_planned_end_has_a_step_to_come() -> None:
    play = started(DEBUG, steps=3)
    play.finish()
    assert isinstance(play.decided[1], Held)
    assert (play.now.last, play.now.total_steps) == (4, 5)


def test_a_held_first_step_has_a_step_to_come_however_small_the_plan() -> None:
    play = Play(REVIEW)
    play.finish(advice=Advice(plan=plan(1)))
    assert (play.now.last, play.now.total_steps) == (1, 2)


def test_a_plan_advised_on_a_held_step_leaves_a_step_to_come() -> None:
    play = started(DEBUG, steps=4)
    play.finish(advice=Advice(plan=plan(3)))
    assert (play.now.last, play.now.total_steps) == (5, 6)


def test_a_smaller_plan_never_falls_below_the_step_to_come() -> None:
    play = started(DEBUG, steps=2)
    play.step(advice=Advice(plan=plan(2, "done sooner")))
    assert play.now.total_steps == 4


def test_a_plan_can_shrink_in_mid_thread() -> None:
    play = started(ANALYZE)
    play.step(advice=Advice(plan=plan(3, "a small thing")))
    assert play.now.total_steps == 3
    assert play.now.decisions[-1].reason == "3 steps: a small thing"


def test_a_plan_that_is_as_long_as_before_is_not_recorded() -> None:
    play = started(ANALYZE)
    play.step(advice=Advice(plan=plan(5, "still")))
    assert [type(event) for event in play.decided] == [StepRecorded]


def test_a_larger_total_is_the_agents_request_for_more() -> None:
    play = started(DEBUG)
    play.step(total=7)
    assert play.now.total_steps == 7
    assert play.now.plan is not None
    assert (play.now.plan.by, play.now.plan.was) == (DecidedBy.AGENT, 4)


@pytest.mark.parametrize("total", [1, 2, 4])
def test_a_total_that_is_not_larger_changes_nothing(total: int) -> None:
    play = started(DEBUG)
    play.step(total=total)
    assert play.now.total_steps == 4


def test_a_total_that_was_sent_before_is_no_request_however_large() -> None:
    play = started(DEBUG, total=50)
    play.step(total=50)
    assert play.now.total_steps == 4
    play.step(total=51)
    assert play.now.total_steps == 16


def test_a_total_in_an_ask_to_finish_asks_for_nothing() -> None:
    play = started(DEBUG)
    play.finish(total=8)
    assert play.now.total_steps == 3  # held at step 2: one step for what is open


def test_a_request_for_more_goes_as_far_as_twice_the_ranges_end() -> None:
    play = started(REVIEW)
    play.step(total=500)
    assert play.now.total_steps == 2 * REVIEW.high


def test_past_twice_the_ranges_end_steps_are_still_taken_one_by_one() -> None:
    play = started(REVIEW, steps=2 * REVIEW.high)
    assert play.step(total=500) == Accept(11, new=False)
    assert play.now.total_steps == 12


# -- closed threads


def test_a_step_after_the_agent_finished_is_refused() -> None:
    play = started(REVIEW)
    play.finish()
    assert play.step() == Refusal(Reason.CLOSED, 3)
    assert play.now.outcome is Outcome.DONE


def test_a_later_number_after_the_agent_finished_is_refused_as_closed_too() -> None:
    play = started(REVIEW)
    play.finish()
    assert play.step(9) == Refusal(Reason.CLOSED, 3)


def test_another_ask_to_finish_a_finished_thread_is_refused() -> None:
    play = started(REVIEW)
    play.finish()
    assert play.finish() == Refusal(Reason.CLOSED, 3)
    assert sum(isinstance(event, Finished) for event in play.events) == 1


def test_a_thread_the_user_gave_up_is_closed_until_a_backtrack() -> None:
    play = started(REVIEW, steps=2)
    play.give_up()
    assert play.now.outcome is Outcome.ABANDONED
    assert play.step() == Refusal(Reason.CLOSED, 3)
    assert play.go_back(2) == Accept(2, backtrack=True, new=False)
    assert play.is_open


# -- following up


@pytest.mark.parametrize("policy", [REVIEW, DEBUG], ids=["the same tool", "another tool"])
@pytest.mark.parametrize("finished", [True, False], ids=["finished", "open"])
def test_step_1_with_an_id_follows_that_thread_up_in_a_new_one(policy, finished) -> None:
    play = started(REVIEW, steps=2)
    if finished:
        play.finish()
    before = play.now
    assert play.send(ask(1, "and now the next thing"), policy=policy) == Open(Origin(before.id, before.version))
    assert play.now == before
    follow_up = play.followed_by[0].now
    assert (follow_up.tool, follow_up.last, follow_up.origin) == (policy.tool, 1, Origin(before.id, before.version))
    assert follow_up.id != before.id


def test_the_first_call_itself_sent_with_the_id_is_a_retry_for_its_own_tool_only() -> None:
    play = Play(REVIEW)
    first = ask(1, "Review it")
    play.send(first)
    assert play.send(first) == Replay(1)
    assert play.send(first, policy=DEBUG) == Open(Origin(play.now.id, play.now.version))


def test_another_tool_follows_up_with_words_that_the_thread_has_superseded() -> None:
    play = Play(REVIEW)
    first = ask(1, "Look at it")
    play.send(first)
    play.go_back(1)
    assert play.send(first, policy=DEBUG) == Open(Origin(play.now.id, play.now.version))


@pytest.mark.parametrize("number", [2, 3, 9])
def test_a_later_step_on_another_tools_thread_is_refused_with_the_tools_name(number: int) -> None:
    play = started(REVIEW, steps=2)
    assert play.send(ask(number), policy=DEBUG) == Refusal(Reason.OTHER_TOOL, 3, "codereview")


def test_a_backtrack_on_another_tools_thread_is_refused_with_the_tools_name() -> None:
    play = started(REVIEW, steps=2)
    assert play.send(ask(1, backtrack=1), policy=DEBUG) == Refusal(Reason.OTHER_TOOL, 3, "codereview")


def test_a_repeat_of_a_step_to_another_tool_is_refused_and_not_replayed() -> None:
    play = started(REVIEW, steps=2)
    assert play.send(play.said, policy=DEBUG) == Refusal(Reason.OTHER_TOOL, 3, "codereview")


# -- what a first step may not name


def test_a_first_step_whose_quote_supports_an_unknown_issue_is_refused() -> None:
    play = Play(REVIEW)
    assert play.step(issues=(claim("A"),), evidence=[seen("a.py", supports="I2")]) == Refusal(
        Reason.NO_SUCH_ISSUE, 1, "I2"
    )
    assert play.thread is None


def test_a_first_step_may_support_the_issue_it_reports() -> None:
    play = started(REVIEW, issues=(claim("A"),), evidence=[seen("a.py", supports="I1")])
    assert list(play.now.claims.issues) == ["I1"]


def test_a_follow_up_knows_no_issue_of_its_origin_by_id() -> None:
    play = started(REVIEW, issues=(claim("A"),))
    assert play.step(1, evidence=[seen("a.py", supports="I1")]) == Refusal(Reason.NO_SUCH_ISSUE, 1, "I1")
    assert play.followed_by == []


@pytest.mark.parametrize("replaces", [1, 5])
def test_a_first_step_has_nothing_to_revise(replaces: int) -> None:
    assert Play(REVIEW).step(replaces=replaces) == Refusal(Reason.NO_SUCH_STEP, 1, str(replaces))
