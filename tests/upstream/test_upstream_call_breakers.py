"""A tool that fails is paused alone; its server is where several fail, or it says that it cannot answer."""

from stepwarden.upstream.breaker import FAILURES, PAUSE_S
from stepwarden.upstream.call_breakers import CallBreakers
from stepwarden.upstream.failures import FailureKind
from tests.support.clocks import Clock


def fail(breakers: CallBreakers, tool: str, kind: FailureKind, times: int = FAILURES) -> None:
    for _ in range(times):
        assert breakers.enter(tool) is None
        breakers.ended(tool, kind)


def test_a_tool_that_fails_is_paused_and_the_others_go_on() -> None:
    clock = Clock()
    breakers = CallBreakers(clock)
    fail(breakers, "broken", FailureKind.FAILED)
    barring = breakers.enter("broken")
    assert barring is not None
    assert not breakers.is_server(barring)
    assert breakers.paused == {"broken": PAUSE_S}
    assert breakers.enter("well") is None
    breakers.ended("well", None, well=True)
    clock.now += PAUSE_S
    assert breakers.enter("broken") is None
    breakers.ended("broken", None, well=True)
    assert breakers.enter("broken") is None


def test_a_server_is_paused_once_several_of_its_tools_fail_in_a_row() -> None:
    breakers = CallBreakers(Clock())
    fail(breakers, "one", FailureKind.SILENT, FAILURES - 1)
    fail(breakers, "two", FailureKind.SILENT, FAILURES - 1)
    assert breakers.enter("three") is None
    breakers.ended("three", FailureKind.SILENT)
    barring = breakers.enter("four")
    assert barring is not None
    assert breakers.is_server(barring)


def test_a_server_that_says_it_cannot_answer_is_paused_and_a_success_closes_it() -> None:
    breakers = CallBreakers(Clock())
    fail(breakers, "one", FailureKind.UNAVAILABLE, FAILURES - 1)
    assert breakers.enter("one") is None
    breakers.ended("one", None, well=True)
    fail(breakers, "one", FailureKind.UNAVAILABLE)
    assert breakers.enter("two") is breakers.server
    breakers.reset()
    assert breakers.enter("two") is None


def test_nothing_is_kept_of_what_did_not_fail() -> None:
    breakers = CallBreakers(Clock())
    kept = breakers._tools  # pyright: ignore[reportPrivateUsage] - every address that is read has its breaker
    fail(breakers, "book://a", FailureKind.REJECTED, 1)
    fail(breakers, "book://b", FailureKind.FAILED, 1)
    assert list(kept) == ["book://b"]
    assert breakers.enter("book://b") is None
    breakers.ended("book://b", None, well=True)
    assert kept == {}


def test_what_says_nothing_of_either_counts_for_nothing() -> None:
    breakers = CallBreakers(Clock())
    for kind in (FailureKind.LIMITED, FailureKind.REJECTED, None):
        for _ in range(FAILURES):
            assert breakers.enter("one") is None
            breakers.ended("one", kind)
    assert breakers.paused == {}
