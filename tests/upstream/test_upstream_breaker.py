"""The breaker, and words that confirm one call."""

from stepwarden.upstream.breaker import Breaker
from stepwarden.upstream.calls.confirmations import MOST_PENDING, VALID_S, Confirmations
from tests.support.clocks import Clock


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(failures=3, pause_s=30, clock=clock)
    for _ in range(3):
        assert breaker.enter()
        breaker.ended(True)
    return breaker


def test_after_failures_in_a_row_nobody_goes_and_then_one_alone() -> None:
    clock = Clock()
    breaker = broken(clock)
    assert not breaker.enter()
    assert breaker.waits_s == 30
    clock.now += 30
    assert breaker.enter()
    assert not breaker.enter()
    breaker.ended(False)
    assert breaker.enter()
    assert breaker.enter()


def test_a_trial_that_fails_opens_it_again_and_one_that_is_cancelled_frees_the_place() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += 30
    assert breaker.enter()
    breaker.ended(None)
    assert breaker.enter()
    breaker.ended(True)
    assert not breaker.enter()


def test_a_success_between_failures_counts_from_the_beginning() -> None:
    breaker = Breaker(failures=2, clock=Clock())
    for failed in (True, False, True):
        assert breaker.enter()
        breaker.ended(failed)
    assert breaker.enter()


def test_a_word_confirms_one_call_of_one_caller_once_and_for_a_while() -> None:
    clock = Clock()
    confirmations = Confirmations(clock)
    word = confirmations.ask("ann", "call 1")
    assert not confirmations.redeem(word, "bob", "call 1")
    assert not confirmations.redeem(word, "ann", "call 2")
    assert confirmations.redeem(word, "ann", "call 1")
    assert not confirmations.redeem(word, "ann", "call 1")
    late = confirmations.ask("ann", "call 1")
    clock.now += VALID_S + 1
    assert not confirmations.redeem(late, "ann", "call 1")


def test_a_word_that_led_to_nothing_confirms_the_same_once_more_and_for_no_longer() -> None:
    clock = Clock()
    confirmations = Confirmations(clock)
    word = confirmations.ask("ann", "call 1")
    for _ in range(2):
        assert confirmations.redeem(word, "ann", "call 1")
        confirmations.give_back(word)
    assert not confirmations.redeem(word, "ann", "call 2")
    assert not confirmations.redeem(word, "bob", "call 1")
    confirmations.give_back("a word that nobody gave")
    assert not confirmations.redeem("a word that nobody gave", "ann", "call 1")
    clock.now += VALID_S + 1
    assert not confirmations.redeem(word, "ann", "call 1")


def test_words_that_nobody_uses_are_forgotten() -> None:
    confirmations = Confirmations(Clock())
    first = confirmations.ask("ann", "call")
    for _ in range(MOST_PENDING):
        confirmations.ask("ann", "call")
    assert not confirmations.redeem(first, "ann", "call")
