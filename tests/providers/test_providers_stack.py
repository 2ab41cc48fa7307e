"""Retry, breaker, limits, cancelling: what the wrappers do to calls of a real endpoint."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from model_server import QUICK, Gate, ModelServer, request

from providers.circuit_breaker import CircuitBreaker
from providers.models import AllModels
from providers.rate_limit import RateLimiter
from providers.retry import RetryingProvider, RetryPolicy
from providers.scripted import Script, ScriptedProvider, ScriptedReply, ScriptedRequest
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest
from tests.support.loop_clock import LoopClock
from tests.support.work import functions_called

pytestmark = pytest.mark.asyncio

DOWN = ScriptedReply(status=500, text="down")


async def trouble_of(call: "asyncio.Future[ModelReply] | object") -> ErrorKind:
    with pytest.raises(ModelError) as caught:
        await call  # type: ignore[misc]  # pyright: ignore
    return caught.value.kind


async def test_a_provider_that_answers_500_for_ever_is_given_up_in_bounded_count_and_time(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """With the patience that ships: 3 requests at most 3 s apart in all, then 2 more, and from then on none."""
    server, patience = serve(DOWN), RetryPolicy()
    waits = [patience.first_wait_s * 2**number + patience.jitter_s for number in range(patience.attempts - 1)]
    assert (patience.attempts, sum(waits) <= 3) == (3, True)
    built = models(server, patience=replace(patience, first_wait_s=0.0, longest_wait_s=0.0, jitter_s=0.0))
    assert await trouble_of(built.complete(request())) is ErrorKind.SERVER
    assert server.times_asked == 3
    assert await trouble_of(built.complete(request())) is ErrorKind.GIVEN_UP
    assert server.times_asked == 5
    with pytest.raises(ModelError, match=r"failed 5 times in a row.*not asked for 30 s.*500: down"):
        await built.complete(request())
    assert server.times_asked == 5


async def test_a_breaker_is_for_one_model_only(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(status=500, text="down", model="broken", times=None), "well")
    built = models(server)
    for _ in range(2):
        await trouble_of(built.complete(request("broken")))
    assert await trouble_of(built.complete(request("broken"))) is ErrorKind.GIVEN_UP
    assert (await built.complete(request("other"))).text == "well"


async def test_a_passing_failure_is_asked_again(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(DOWN, ScriptedReply(status=429, text="slow down", retry_after_s=0.01), "well")
    assert (await models(server).complete(request())).text == "well"
    assert server.times_asked == 3


async def test_a_wait_longer_than_the_deadline_is_not_waited(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(status=429, text="slow down", retry_after_s=60))
    with pytest.raises(ModelError, match="wait for 60 s") as caught:
        await models(server).complete(request(deadline_s=20))
    assert (caught.value.retry_after_s, server.times_asked) == (60.0, 1)


async def test_the_wait_an_endpoint_asks_for_is_kept() -> None:
    clock, script = LoopClock(), Script([ScriptedReply(status=429, text="slow", retry_after_s=9), "well"])
    clock.stop()
    call = asyncio.create_task(RetryingProvider(ScriptedProvider(script), QUICK).complete(request()))
    for seconds, times in ((8.9, 1), (0.2, 2)):
        await clock.settled()
        assert len(script.asked) == 1
        clock.forward(seconds)
        await clock.settled()
        assert len(script.asked) == times
    assert (await call).text == "well"


async def test_cancelling_aborts_the_request_upstream_and_yields_no_late_answer(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """The endpoint sees its caller gone; a cancelled call is no failure and is not asked again."""
    gate, left = Gate(), asyncio.Event()
    server = serve(by=gate.answer)
    loop = asyncio.get_running_loop()
    server.on_leaving = lambda: (loop.call_soon_threadsafe(left.set), None)[1]
    built = models(server)
    call = asyncio.create_task(built.complete(request()))
    await gate.until_asked()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await left.wait()
    gate.open()
    assert (await built.complete(request())).text == "late"
    assert (server.times_asked, server.left_early) == (2, 1)


async def test_leaving_a_stream_aborts_it_upstream(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    built = models(serve("a rather long text, in many pieces", "well"))
    stream = built.stream(request())
    assert await anext(stream) == "a rather"
    await stream.aclose()
    assert (await built.complete(request())).text == "well"


async def test_a_cancelled_call_counts_neither_as_failure_nor_as_success() -> None:
    """purgatory alone would take it for a success, and close a breaker that was about to open."""
    hang = asyncio.Event()

    async def script(asked: ScriptedRequest) -> ScriptedReply:
        if asked.prompt == "hang":
            await hang.wait()
        return DOWN

    provider = CircuitBreaker(ScriptedProvider(Script(script)), failures=3)
    for _ in range(2):
        assert await trouble_of(provider.complete(request())) is ErrorKind.SERVER
    for _ in range(3):
        hung = asyncio.create_task(provider.complete(request(text="hang")))
        await asyncio.sleep(0)
        hung.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hung
    assert await trouble_of(provider.complete(request())) is ErrorKind.SERVER
    assert await trouble_of(provider.complete(request())) is ErrorKind.GIVEN_UP


async def test_a_breaker_lets_one_call_try_when_its_pause_is_over() -> None:
    """Of three calls at once one is asked; that it is cancelled frees the trial for another."""
    answers = asyncio.Event()
    entered = asyncio.Event()
    down = True

    async def script(asked: ScriptedRequest) -> ScriptedReply | str:
        del asked
        if down:
            return DOWN
        entered.set()
        await answers.wait()
        return "well"

    provider = CircuitBreaker(ScriptedProvider(Script(script)), failures=1, pause_s=0)
    await trouble_of(provider.complete(request()))
    down = False
    for _ in range(2):
        trial = asyncio.create_task(provider.complete(request()))
        await entered.wait()
        assert await trouble_of(provider.complete(request())) is ErrorKind.GIVEN_UP
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        entered.clear()
    answers.set()
    assert (await provider.complete(request())).text == "well"
    assert [reply.text for reply in await asyncio.gather(*(provider.complete(request()) for _ in range(3)))] == [
        "well",
        "well",
        "well",
    ]


async def test_a_refusal_or_a_caller_in_a_hurry_opens_no_breaker() -> None:
    slow = ScriptedReply(text="late", latency_s=30)
    provider = CircuitBreaker(
        ScriptedProvider(Script([ScriptedReply(status=429, text="slow"), slow, "well"])), failures=1
    )
    assert await trouble_of(provider.complete(request())) is ErrorKind.RATE_LIMIT
    assert await trouble_of(provider.complete(request(deadline_s=0.01))) is ErrorKind.TIMEOUT
    assert (await provider.complete(request())).text == "well"


async def test_no_more_than_so_many_are_asked_at_once(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    gate = Gate("well")
    server = serve(by=gate.answer)
    built = models(server, model_concurrency=2)
    calls = [asyncio.create_task(built.complete(request())) for _ in range(5)]
    await gate.until_asked(2)
    with pytest.raises(ModelError, match="STEPWARDEN_MODEL_CONCURRENCY") as caught:
        await built.complete(request(deadline_s=0.05))
    assert (caught.value.kind, server.times_asked) == (ErrorKind.RATE_LIMIT, 2)
    calls.pop().cancel()
    gate.open()
    assert [reply.text for reply in await asyncio.gather(*calls)] == ["well"] * 4


async def test_a_model_that_hangs_holds_up_no_other_of_its_endpoint(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    gate = Gate("late")
    server = serve(by=lambda asked: gate.answer(asked) if asked.model == "hangs" else ScriptedReply(text="well"))
    built = models(server, model_concurrency=1)
    hanging = asyncio.create_task(built.complete(request("hangs")))
    await gate.until_asked(1)
    assert (await built.complete(request("other"))).text == "well"
    gate.open()
    assert (await hanging).text == "late"


async def test_a_rate_is_kept_and_a_waiter_that_gives_up_frees_its_place() -> None:
    provider = RateLimiter(ScriptedProvider(Script(["well"])), at_once=1, a_minute=2)
    for _ in range(2):
        await provider.complete(request())
    for _ in range(2):
        assert await trouble_of(provider.complete(request(deadline_s=0.02))) is ErrorKind.RATE_LIMIT


async def test_two_slow_calls_run_side_by_side(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    gate = Gate("well")
    built = models(serve(by=gate.answer))
    calls = [asyncio.create_task(built.complete(request())) for _ in range(4)]
    await gate.until_asked(4)  # before any is answered
    gate.open()
    assert [reply.text for reply in await asyncio.gather(*calls)] == ["well"] * 4


async def test_the_loop_is_not_held_up_by_a_cold_first_call(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """Making the client and reading the certificates is a thread's work; nobody speaks TLS at that port."""
    built = models(custom_api_url=serve("well").url.replace("http:", "https:"))
    with functions_called() as (here, in_new_threads), pytest.raises(ModelError):
        await built.complete(request())
    assert "create_ssl_context" not in here
    assert "create_ssl_context" in in_new_threads


async def test_after_a_model_was_warmed_its_first_request_is_sent_at_once(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """The manager's time for an answer begins then: no client, price or cache may still have to be made."""
    server = serve("well")
    built = models(server)
    with functions_called() as (_, before):
        await built.warm("m")
    assert {"_make_client", "_opened", "get_snapshot"} <= before
    assert server.times_asked == 0
    with functions_called() as (here, after):
        await built.complete(request(cache=True))
    assert not {"_make_client", "_opened", "_import_all"} & (here | after)


async def test_a_model_that_cannot_be_warmed_is_told_by_its_request(models: Callable[..., AllModels]) -> None:
    built = models(custom_api_url="http://models.invalid/v1", http_proxy="nonsense://x")
    await built.warm("m")
    with pytest.raises(ModelError, match="HTTP_PROXY"):
        await built.complete(request())


async def test_a_retry_is_told_to_the_log_without_a_warning_of_the_library(
    caplog: pytest.LogCaptureFixture, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    caplog.set_level(logging.INFO, "providers")
    await models(serve(DOWN, "well")).complete(request())
    assert [record.getMessage() for record in caplog.records if record.name == "providers.retry"] == [
        "failed 1 times: The endpoint of CUSTOM_API_URL failed (500: down): ask again later, or name another model."
    ]


async def test_streams_pass_the_breaker_and_the_limits_too() -> None:
    provider = CircuitBreaker(RateLimiter(ScriptedProvider(Script([DOWN])), at_once=1, a_minute=100), failures=2)

    async def drain(asked: ModelRequest) -> None:
        async for _ in provider.stream(asked):
            pass

    troubles = [await trouble_of(drain(request())) for _ in range(3)]
    assert troubles == [ErrorKind.SERVER, ErrorKind.SERVER, ErrorKind.GIVEN_UP]
