"""The synthesis of a consensus, and the machine's part in hearing its models."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from driver import ask
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.steps.admission import Accept, Collect, Refusal, admit
from stepwarden.steps.consensus_rules import CONSENSUS
from stepwarden.steps.events import Answered, Asked, Finished, GivenUp, Held, decode, encode
from stepwarden.steps.gate import Policy
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise, apply_answers, open_thread
from stepwarden.steps.panel import AGENT, answer_key, exchange_key, is_exchange, panel_of
from stepwarden.steps.panel_answer import PanelAnswer, Stance, Vote, price_of
from stepwarden.steps.submission import Submission
from stepwarden.steps.synthesis import Synthesis, quorum_of, synthesis
from stepwarden.steps.thread import DecidedBy, Outcome, Plan, Thread

POLICY = Policy("consensus", low=1, likely=3, high=10, min_steps=1, novelty_required=False, consultation=CONSENSUS)
FACTS = StepFacts(readable=True)


def voice(seat: int, vote: Vote | None = Vote.SUPPORT, family: str = "", **more: Any) -> PanelAnswer:
    return PanelAnswer(seat, f"m{seat}", family or f"f{seat}", vote=vote, **more)


def names(voices: Sequence[PanelAnswer]) -> list[str]:
    return [one.name for one in voices]


@st.composite
def panels(draw: st.DrawFn) -> list[PanelAnswer]:
    count = draw(st.integers(2, 10))
    return [
        PanelAnswer(
            seat,
            f"m{seat}",
            draw(st.sampled_from(["", "x", "y", "z"])),
            vote=draw(st.sampled_from([None, *Vote])),
            failed=draw(st.sampled_from(["", "", "down"])),
            settles=tuple(draw(st.lists(st.sampled_from(["Run it.", "run  it", "Ask them."]), max_size=2))),
            cost=draw(st.sampled_from([None, Decimal("0.01")])),
        )
        for seat in range(1, count + 1)
    ]


@given(panels(), st.randoms(use_true_random=False))
def test_the_order_of_the_voices_changes_nothing(voices: list[PanelAnswer], random: Any) -> None:
    shuffled = list(voices)
    random.shuffle(shuffled)
    asked = names(voices)
    assert synthesis(shuffled, asked) == synthesis(voices, asked)


@given(panels())
def test_what_failed_is_never_counted(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, names(voices))
    heard = [one for one in voices if not one.failed]
    without = synthesis(heard, names(voices))
    assert (found.tally, found.weights, found.agreement, found.majority) == (
        without.tally,
        without.weights,
        without.agreement,
        without.majority,
    )
    assert found.voted == sum(1 for one in heard if one.vote)
    assert {one.name for one in found.failed}.isdisjoint(found.weights)
    assert all(one.name in found.title for one in found.failed)


@given(panels())
def test_weights_sum_to_half_of_one_more_than_its_voters_for_each_family(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, names(voices))
    families: dict[str, int] = {}
    for one in voices:
        if one.counted:
            families[one.family or one.model] = families.get(one.family or one.model, 0) + 1
    expected = sum((size + 1) / 2 for size in families.values())
    assert sum(found.weights.values()) == pytest.approx(expected, abs=0.06)
    assert all(0.5 < weight <= 1 for weight in found.weights.values())


@given(panels())
def test_the_matrix_is_symmetric_with_ones_in_its_diagonal(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, names(voices))
    rows = found.agreement
    assert len(rows) == len(found.names)
    for i, row in enumerate(rows):
        assert row[i] == 1
        assert all(value in {0, 0.5, 1} and value == rows[j][i] for j, value in enumerate(row))


@given(panels())
def test_a_majority_has_more_than_half_of_the_weight(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, names(voices))
    if found.majority is not None:
        assert found.tally[found.majority] * 2 > sum(found.tally.values()) - 0.05
        assert all(one.counted is not found.majority for one in found.dissent)


@pytest.mark.parametrize(("asked", "needed"), [(2, 2), (3, 2), (4, 3), (5, 3), (10, 6)])
def test_a_quorum_is_more_than_half_and_at_least_two(asked: int, needed: int) -> None:
    assert quorum_of(asked) == needed


def test_below_the_quorum_the_title_says_so_and_names_who_is_missing() -> None:
    voices = [voice(1), voice(2, failed="down"), voice(3, vote=None)]
    found = synthesis(voices, ["m1", "m2", "m3", "m4"])
    assert not found.quorum
    assert found.title.startswith("No quorum: 1 of 4 asked models voted, 3 needed")
    assert found.missing == ("m2 (failed)", "m3 (no vote)", "m4 (not heard)")


def test_a_family_counts_for_less_than_as_many_independent_votes() -> None:
    voices = [
        voice(1, Vote.SUPPORT, "x"),
        voice(2, Vote.SUPPORT, "x"),
        voice(3, Vote.OPPOSE),
        voice(4, Vote.OPPOSE),
    ]
    found = synthesis(voices, names(voices))
    assert found.tally == {Vote.SUPPORT: 1.5, Vote.OPPOSE: 2.0}
    assert found.majority is Vote.OPPOSE
    assert names(found.dissent) == ["m1", "m2"]


def test_the_agent_is_one_voice_with_its_vote_and_not_of_the_quorum() -> None:
    voices = [voice(1, Vote.SUPPORT), voice(2, Vote.OPPOSE)]
    split = synthesis(voices, names(voices), PanelAnswer(0, AGENT, summary="mine"))
    assert split.split
    assert AGENT not in split.weights
    decided = synthesis(voices, names(voices), PanelAnswer(0, AGENT, vote=Vote.OPPOSE))
    assert decided.majority is Vote.OPPOSE
    assert decided.weights[AGENT] == 1
    assert decided.voted == 2


def test_evidence_that_would_settle_it_is_merged_and_prices_are_summed() -> None:
    voices = [
        voice(1, settles=("Run it.", "Ask them."), cost=Decimal("0.01")),
        voice(2, settles=("run  it",), cost=Decimal("0.02")),
        voice(3),
    ]
    found = synthesis(voices, names(voices))
    assert found.settles == ("Run it.", "Ask them.")
    assert found.price == "$0.0300 and 1 unpriced"
    assert price_of([]) == "$0.0000"


def first(*models: str, **fields: Any) -> Submission:
    return ask(1, fields={"models": [{"model": name} for name in models], **fields})


def opened(*models: str, **fields: Any) -> Decision:
    said = first(*models, **fields)
    decision = open_thread("consensus-x", POLICY, said, FACTS, None)
    steps = 1 if fields.get("handover") == "all" else len(models)
    return advise(decision, Advice(plan=Plan(steps, steps, steps, "counted")), POLICY)


def hear(thread: Thread, *voices: PanelAnswer) -> Decision:
    assert thread.awaiting is not None
    key = thread.awaiting[0]
    name = exchange_key if is_exchange(key) else answer_key
    return apply_answers(thread, key, [Answered(name(thread, one.seat), voice=one) for one in voices], POLICY)


def go_on(thread: Thread, **fields: Any) -> Decision:
    said = ask(fields.pop("number", thread.next_number), **fields)
    admitted = admit(thread, said, POLICY)
    assert isinstance(admitted, Accept), admitted
    return advise(advance(thread, admitted, said, FACTS, POLICY), Advice(), POLICY)


def synthesis_of(thread: Thread) -> Synthesis:
    panel = panel_of(thread)
    assert panel is not None
    return panel.synthesis(thread)


def test_each_step_hears_one_model_and_the_last_ends_the_thread() -> None:
    thread = opened("m1", "m2", "m3").thread
    for seat in (1, 2, 3):
        assert thread.awaiting == (f"consensus:1:{seat}", seat)
        assert thread.asked_model == f"m{seat}"
        assert thread.total_steps == 3
        decision = hear(thread, voice(seat))
        thread = decision.thread
        if seat < 3:
            assert thread.outcome is Outcome.OPEN
            thread = go_on(thread).thread
    ended = decision.events[-1]
    assert isinstance(ended, Finished)
    assert (ended.by, ended.outcome, ended.open) == (DecidedBy.RULE, Outcome.DONE, ())
    again = go_on(thread)
    assert not any(isinstance(event, Asked) for event in again.events)
    assert again.thread.outcome is Outcome.DONE


def test_what_the_agent_finished_at_the_last_model_is_closed() -> None:
    thread = hear(opened("m1", "m2").thread, voice(1)).thread
    done = hear(go_on(thread, more=False).thread, voice(2)).thread
    assert (done.outcome, done.ended_by) == (Outcome.DONE, DecidedBy.AGENT)
    assert isinstance(admit(done, ask(3), POLICY), Refusal)


def test_finishing_early_is_held_once_and_then_ends_with_what_is_there() -> None:
    thread = hear(opened("m1", "m2", "m3", "m4").thread, voice(1)).thread
    held = go_on(thread, more=False)
    clauses = next(event.open for event in held.events if isinstance(event, Held))
    assert [(clause.kind, clause.subject) for clause in clauses] == [("not_heard", "m3"), ("not_heard", "m4")]
    thread = hear(held.thread, voice(2)).thread
    assert thread.outcome is Outcome.OPEN
    done = hear(go_on(thread, more=False).thread, voice(3)).thread
    assert done.outcome is Outcome.DONE
    assert synthesis_of(done).unheard == ("m4",)


def test_below_the_quorum_the_thread_is_inconclusive() -> None:
    thread = hear(opened("m1", "m2").thread, voice(1)).thread
    done = hear(go_on(thread).thread, voice(2, failed="down", vote=None)).thread
    assert done.outcome is Outcome.INCONCLUSIVE


def test_the_next_number_gives_up_only_the_model_it_waited_for() -> None:
    thread = opened("m1", "m2", "m3").thread
    decision = go_on(thread)
    assert isinstance(decision.events[0], GivenUp)
    failed = decision.thread.answers[1]
    assert failed.failed.startswith("given up")
    assert decision.thread.awaiting == ("consensus:1:2", 2)
    same = hear(decision.thread, voice(2)).thread
    late = Answered("consensus:1:1", voice=voice(1))
    assert apply_answers(same, "consensus:1:1", [late], POLICY).events == ()


def test_while_it_waits_any_call_of_the_number_collects() -> None:
    thread = opened("m1", "m2").thread
    assert isinstance(admit(thread, ask(1), POLICY), Collect)


def test_going_back_hears_a_model_again_by_its_old_key_and_a_new_beginning_asks_anew() -> None:
    thread = hear(opened("m1", "m2", "m3").thread, voice(1)).thread
    thread = hear(go_on(thread).thread, voice(2)).thread
    back = go_on(thread, number=2, backtrack=2)
    assert set(back.thread.answers) == {1}
    assert back.thread.awaiting == ("consensus:1:2", 2)
    said = replace(first("m4", "m5"), backtrack=1)
    admitted = admit(thread, said, POLICY)
    assert isinstance(admitted, Accept)
    anew = advance(thread, admitted, said, FACTS, POLICY).thread
    assert anew.answers == {}
    assert (anew.awaiting, anew.asked_model) == (("consensus:2:1", 1), "m4")


def test_a_hand_over_in_one_call_hears_all_at_the_first_step() -> None:
    thread = opened("m1", "m2", handover="all").thread
    assert (thread.total_steps, thread.asked_model) == (1, "m1, m2")
    done = hear(thread, voice(1), voice(2, Vote.SUPPORT)).thread
    assert done.outcome is Outcome.DONE
    late = go_on(thread).thread
    assert late.awaiting is not None
    assert hear(late, voice(1), voice(2)).thread.outcome is Outcome.DONE


def test_a_split_is_voted_on_once_more_where_that_was_asked_for() -> None:
    thread = hear(opened("m1", "m2", exchange=True).thread, voice(1)).thread
    split = hear(go_on(thread).thread, voice(2, Vote.OPPOSE))
    assert split.thread.awaiting == ("consensus:1:1:x", 2)
    assert split.thread.total_steps == 2
    done = hear(split.thread, voice(1), voice(2, Vote.OPPOSE, revised=Vote.SUPPORT)).thread
    assert done.outcome is Outcome.DONE
    assert synthesis_of(done).majority is Vote.SUPPORT
    gone_on = go_on(split.thread).thread
    assert gone_on.outcome is Outcome.DONE
    assert synthesis_of(gone_on).split


def test_without_a_split_or_the_wish_there_is_no_exchange() -> None:
    for exchange, vote in ((True, Vote.SUPPORT), (False, Vote.OPPOSE)):
        thread = hear(opened("m1", "m2", exchange=exchange).thread, voice(1)).thread
        assert hear(go_on(thread).thread, voice(2, vote)).thread.outcome is Outcome.DONE


def test_voices_are_read_back_from_disk_as_they_were() -> None:
    full = voice(1, stance=Stance.AGAINST, confidence=0.5, reasons=("r",), cost=Decimal("0.004"), revised=Vote.OPPOSE)
    for event in (Answered("consensus:1:1", voice=full), Asked("consensus:1:1", 1, "m1", ("big.bin",))):
        assert decode(*encode(event)) == event
    assert decode("answered", '{"key":"k","opinion":{"agrees":false}}') == Answered(
        "k", replace(Answered("k").opinion, agrees=False)
    )
