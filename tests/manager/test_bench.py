"""The bench runs, says the same every time, and finds no liar with made-up quotes verified."""

from functools import cache
from statistics import fmean

import anyio

from bench.manager.agents import CHARACTERS, HONEST, MADE_UP
from bench.manager.figures import BESIDE_THE_POINT, IRRELEVANT_VERIFIED, criteria, figures
from bench.manager.policies import DOUBTED, RULES, RULES_AND_MODEL, play_seed
from bench.manager.recorded import SHIPPED, read_recordings
from bench.manager.report import recordings_table, report
from bench.manager.seeds import COMMITTED, HARDNESS, HELD_OUT

COUNT = 90
SEED = COMMITTED[0]


@cache
def played(seed=SEED, count=COUNT):
    return anyio.run(play_seed, seed, count, HARDNESS)


def test_the_same_seed_gives_the_same_report():
    first, second = report(played()), report(played.__wrapped__())
    assert first == second
    assert "rules + model" in first[0]


def test_another_seed_gives_other_threads():
    assert report(played(count=20)) != report(played(HELD_OUT[0], count=20))
    assert not set(COMMITTED) & set(HELD_OUT)


def test_every_kind_of_agent_is_played_and_no_made_up_quote_ends_as_verified():
    results = played()
    assert {result.thread.character.name for result in results} == {character.name for character in CHARACTERS}
    for policy in results[0].played:
        assert figures(results, policy).made_up_verified == 0
    assert any(result.thread.character is MADE_UP for result in results)


def test_liars_with_true_quotes_beside_the_point_seldom_end_as_verified_and_never_against_an_experts_no():
    results = [result for result in played() if result.thread.character.name in BESIDE_THE_POINT]
    assert figures(results, RULES).irrelevant_verified <= IRRELEVANT_VERIFIED
    assert not any(result.played[DOUBTED].verified for result in results)
    assert not any(result.played[RULES].success for result in results)


def test_an_honest_agent_is_held_once_at_most_and_asked_to_disprove_once_at_most():
    honest = [result.played[RULES] for result in played() if result.thread.character is HONEST]
    assert max(each.held for each in honest) <= 1
    assert max(each.disproofs for each in honest) <= 1
    assert fmean(each.verified for each in honest) >= 0.9


def test_the_model_is_asked_three_times_a_thread_at_most():
    results = played()
    asked = figures(results, RULES_AND_MODEL).asked
    assert asked is not None
    assert 0 < asked <= 3
    assert max(result.asked for result in results) <= 3


def test_there_is_one_verdict_for_each_criterion():
    assert len(criteria(played())) == 7


def test_the_recorded_threads_are_sized_anew_and_name_no_machine():
    recordings = read_recordings(SHIPPED)
    assert {each.tool for each in recordings} == {"analyze", "codereview", "debug", "planner"}
    assert all(each.plan.low <= each.plan.likely <= each.plan.high for each in recordings)
    assert "covered:" in recordings_table(recordings)
    assert not any("/tmp" in path.read_text() or "/home" in path.read_text() for path in SHIPPED.glob("*.json"))
