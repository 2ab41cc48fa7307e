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
from stepwarden.steps.synthesis import Seats, Synthesis, quorum_of, synthesis
from stepwarden.steps.thread import DecidedBy, Outcome, Plan, Thread

POLICY = Policy("consensus", low=1, likely=3, high=10, min_steps=1, novelty_required=False, consultation=CONSENSUS)
FACTS = StepFacts(readable=True)


def voice(seat: int, vote: Vote | None = Vote.SUPPORT, family: str = "", **more: Any) -> PanelAnswer:
    return PanelAnswer(seat, f"m{seat}", family or f"f{seat}", vote=vote, **more)


def names(voices: Sequence[PanelAnswer]) -> list[str]:
    return [one.name for one in voices]


def seats(voices: Sequence[PanelAnswer], *others: str) -> Seats:
    """Return who was asked: all of `voices`, and others that were not heard."""
    free = [one.name for one in voices if one.stance is Stance.NEUTRAL]
    argued = [one.name for one in voices if one.stance is not Stance.NEUTRAL]
    return Seats((*free, *others), tuple(argued), frozenset((*(one.model for one in voices), *others)))


def counted(found: Synthesis) -> tuple[Any, ...]:
    """Return all that counting gives."""
    return (found.majority, found.counts, found.tally, found.weights, found.names, found.agreement, found.split)


@st.composite
def panels(draw: st.DrawFn) -> list[PanelAnswer]:
    count = draw(st.integers(2, 10))
    return [
        PanelAnswer(
            seat,
            f"m{seat}",
            draw(st.sampled_from(["", "x", "y", "z"])),
            draw(st.sampled_from([Stance.NEUTRAL, Stance.NEUTRAL, Stance.FOR, Stance.AGAINST])),
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
    assert synthesis(shuffled, seats(voices)) == synthesis(voices, seats(voices))


@given(panels(), st.sampled_from(list(Vote)))
def test_the_vote_of_the_agent_decides_nothing_and_is_shown(voices: list[PanelAnswer], vote: Vote) -> None:
    without = synthesis(voices, seats(voices))
    found = synthesis(voices, seats(voices), PanelAnswer(0, AGENT, vote=vote))
    assert counted(found) == counted(without)
    assert (found.voted, found.needed, found.dissent) == (without.voted, without.needed, without.dissent)
    assert f"Your own vote, {vote.value}, is not counted." in found.title


@given(panels(), st.data())
def test_a_model_that_was_told_to_argue_a_side_decides_nothing(voices: list[PanelAnswer], data: st.DataObject) -> None:
    votes = st.sampled_from([None, *Vote])
    turned = [one if one.stance is Stance.NEUTRAL else replace(one, vote=data.draw(votes)) for one in voices]
    found = synthesis(turned, seats(voices))
    assert counted(found) == counted(synthesis(voices, seats(voices)))
    assert all(one.stance is Stance.NEUTRAL for one in found.dissent)
    assert {one.name for one in found.argued} == {
        one.name for one in turned if one.stance is not Stance.NEUTRAL and one.counted
    }


@given(st.lists(st.sampled_from([Stance.FOR, Stance.AGAINST]), min_size=2, max_size=6), st.sampled_from(list(Vote)))
def test_without_free_votes_there_is_no_majority(stances: list[Stance], vote: Vote) -> None:
    voices = [voice(seat, vote, stance=stance) for seat, stance in enumerate(stances, 1)]
    found = synthesis(voices, seats(voices))
    assert (found.majority, found.split, found.names) == (None, False, ())
    assert found.quorum
    assert found.title.startswith("No majority: no vote is free. Told to argue a side, so not counted: m1 (")


def test_one_model_under_three_stances_is_one_voice() -> None:
    voices = [replace(voice(seat, stance=stance), model="m") for seat, stance in enumerate(Stance, 1)]
    found = synthesis(voices, seats(voices))
    assert (found.majority, found.voted, found.needed, found.quorum) == (None, 1, 2, False)
    assert found.counts == {Vote.SUPPORT: 1}
    assert "one model is one voice" in found.title


def test_one_free_vote_among_argued_ones_is_shown_and_decides_nothing() -> None:
    voices = [voice(1, stance=Stance.FOR), voice(2, Vote.OPPOSE, stance=Stance.AGAINST), voice(3, Vote.OPPOSE)]
    found = synthesis(voices, seats(voices))
    assert (found.majority, found.quorum, found.counts) == (None, True, {Vote.OPPOSE: 1})
    assert names(found.dissent) == ["m3"]


def test_who_votes_against_its_own_side_speaks_for_the_other() -> None:
    sides = [(Vote.OPPOSE, Stance.AGAINST), (Vote.SUPPORT, Stance.FOR), (Vote.CONDITIONAL, Stance.FOR)]
    assert [voice(1, vote, stance=Stance.FOR).argues for vote, _ in sides] == [side for _, side in sides]


@given(panels())
def test_what_failed_is_never_counted(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, seats(voices))
    heard = [one for one in voices if not one.failed]
    assert counted(found) == counted(synthesis(heard, seats(voices)))
    assert {one.name for one in found.failed}.isdisjoint(found.weights)
    assert all(one.name in found.title for one in found.failed)


@given(panels())
def test_the_counts_are_the_free_votes_as_they_were_given(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, seats(voices))
    free = [one.counted for one in voices if one.stance is Stance.NEUTRAL and one.counted]
    assert found.counts == {vote: free.count(vote) for vote in Vote if vote in free}
    assert all(f"{vote.value} {count}" in found.title for vote, count in found.counts.items())


@given(panels())
def test_weights_sum_to_half_of_one_more_than_its_voters_for_each_family(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, seats(voices))
    families: dict[str, int] = {}
    for one in voices:
        if one.counted and one.stance is Stance.NEUTRAL:
            families[one.family or one.model] = families.get(one.family or one.model, 0) + 1
    expected = sum((size + 1) / 2 for size in families.values())
    assert sum(found.weights.values()) == pytest.approx(expected, abs=0.06)
    assert all(0.5 < weight <= 1 for weight in found.weights.values())


@given(panels())
def test_the_matrix_is_symmetric_with_ones_in_its_diagonal(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, seats(voices))
    rows = found.agreement
    assert len(rows) == len(found.names)
    for i, row in enumerate(rows):
        assert row[i] == 1
        assert all(value in {0, 0.5, 1} and value == rows[j][i] for j, value in enumerate(row))


@given(panels())
def test_a_majority_has_more_than_half_of_the_weight_of_two_voters_at_least(voices: list[PanelAnswer]) -> None:
    found = synthesis(voices, seats(voices))
    if found.majority is not None:
        assert len(found.names) > 1
        assert found.tally[found.majority] * 2 > sum(found.tally.values()) - 0.05
        assert all(one.counted is not found.majority for one in found.dissent)


@pytest.mark.parametrize(("asked", "needed"), [(2, 2), (3, 2), (4, 3), (5, 3), (10, 6)])
def test_a_quorum_is_more_than_half_and_at_least_two(asked: int, needed: int) -> None:
    assert quorum_of(asked) == needed


def test_below_the_quorum_the_title_says_so_and_names_who_is_missing() -> None:
    voices = [voice(1), voice(2, failed="down"), voice(3, vote=None)]
    found = synthesis(voices, seats(voices, "m4"))
    assert not found.quorum
    assert found.title == (
        "No quorum: 1 of 4 free votes, 3 needed. Free votes: support 1. "
        "Without m2 (failed), m3 (no vote), m4 (not heard)."
    )


def test_a_family_counts_for_less_than_as_many_independent_votes() -> None:
    voices = [
        voice(1, Vote.SUPPORT, "x"),
        voice(2, Vote.SUPPORT, "x"),
        voice(3, Vote.OPPOSE),
        voice(4, Vote.OPPOSE),
    ]
    found = synthesis(voices, seats(voices))
    assert found.tally == {Vote.SUPPORT: 1.5, Vote.OPPOSE: 2.0}
    assert found.majority is Vote.OPPOSE
    assert names(found.dissent) == ["m1", "m2"]
    assert found.title == "Majority: oppose. Free votes: support 2, oppose 2. By weight: support 1.5, oppose 2."


def test_evidence_and_alternatives_are_merged_and_prices_are_summed() -> None:
    voices = [
        voice(1, settles=("Run it.", "Ask them."), alternatives=("a file",), cost=Decimal("0.01")),
        voice(2, settles=("run  it",), alternatives=("A file.",), cost=Decimal("0.02")),
        voice(3),
    ]
    found = synthesis(voices, seats(voices))
    assert found.settles == ("Run it.", "Ask them.")
    assert found.alternatives == ("a file",)
    assert found.price == "$0.0300 and 1 unpriced"
    assert price_of([]) == "$0.0000"


def first(*models: str, fields: dict[str, Any] | None = None, **more: Any) -> Submission:
    return ask(1, fields={"models": [{"model": name} for name in models], **more, **(fields or {})})


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


@pytest.mark.parametrize("own", [None, "support", "oppose"])
def test_the_models_vote_again_when_they_split_whatever_the_agent_thinks(own: str | None) -> None:
    fields = {"own_vote": own} if own else {}
    thread = hear(opened("m1", "m2", exchange=True).thread, voice(1)).thread
    split = hear(go_on(thread, fields=fields).thread, voice(2, Vote.OPPOSE))
    assert split.thread.awaiting == ("consensus:1:1:x", 2)
    agreed = hear(opened("m1", "m2", exchange=True).thread, voice(1)).thread
    assert hear(go_on(agreed, fields=fields).thread, voice(2)).thread.outcome is Outcome.DONE


def test_who_argues_a_side_makes_no_split_and_does_not_vote_again() -> None:
    panel = [{"model": "m1"}, {"model": "m2"}, {"model": "m3", "stance": "against"}]
    thread = opened(handover="all", exchange=True, fields={"models": panel}).thread
    against = voice(3, Vote.OPPOSE, stance=Stance.AGAINST)
    assert hear(thread, voice(1), voice(2), against).thread.outcome is Outcome.DONE
    split = hear(thread, voice(1), voice(2, Vote.OPPOSE), against).thread
    assert split.asked_model == "the exchange round: m1, m2"


def test_without_a_split_or_the_wish_there_is_no_exchange() -> None:
    for exchange, vote in ((True, Vote.SUPPORT), (False, Vote.OPPOSE)):
        thread = hear(opened("m1", "m2", exchange=exchange).thread, voice(1)).thread
        assert hear(go_on(thread).thread, voice(2, vote)).thread.outcome is Outcome.DONE


def test_voices_are_read_back_from_disk_as_they_were() -> None:
    full = voice(1, stance=Stance.AGAINST, confidence=0.5, reasons=("r",), cost=Decimal("0.004"), revised=Vote.OPPOSE)
    full = replace(full, alternatives=("a",), revised_reasons=("n",), revised_conditions=("c",))
    for event in (Answered("consensus:1:1", voice=full), Asked("consensus:1:1", 1, "m1", ("big.bin",))):
        assert decode(*encode(event)) == event
    assert decode("answered", '{"key":"k","opinion":{"agrees":false}}') == Answered(
        "k", replace(Answered("k").opinion, agrees=False)
    )
