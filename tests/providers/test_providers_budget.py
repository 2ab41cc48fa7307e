"""Budgets: what is refused, what is bounded, what is counted, and that an unknown price is not 0."""

import asyncio
import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from model_server import Gate, ModelServer, request

from providers.budget import BudgetedProvider
from providers.catalogue import load_catalogue
from providers.models import AllModels
from providers.prices import Prices
from providers.scripted import Script, ScriptedProvider, ScriptedReply
from providers.spend_tracker import Limits, SpendTracker
from stepwarden.models import ErrorKind, ModelError, Usage
from stepwarden.settings.allowance import Allowance, parse_allowance
from stepwarden.storage import Store

pytestmark = pytest.mark.asyncio

BIG = ScriptedReply(text="well", usage=(600, 300))


async def test_a_prompt_over_the_budget_of_a_call_is_not_sent(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("never")
    with pytest.raises(ModelError, match=r"STEPWARDEN_BUDGET_CALL.*about 10,001 tokens") as caught:
        await models(server, budget_call="5k tokens").complete(request(text="x" * 35_000))
    assert (caught.value.kind, server.times_asked) == (ErrorKind.OVER_BUDGET, 0)


async def test_an_answer_is_bounded_to_what_the_budget_leaves(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("well")
    built = models(server, budget_call="5k tokens")
    await built.complete(request(text="x" * 3_500))
    await built.complete(request(text="x" * 3_500, max_output_tokens=100))
    assert [body["max_tokens"] for body in server.bodies] == [3_999, 100]


async def test_a_thread_has_its_own_budget(serve: Callable[..., ModelServer], models: Callable[..., AllModels]) -> None:
    built = models(serve(BIG), budget_thread="1000")
    await built.complete(request(thread="a"))
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_THREAD"):
        await built.complete(request(thread="a", text="x" * 350))
    assert (await built.complete(request(thread="b"))).text == "well"
    assert (await built.complete(request())).text == "well"


async def test_a_day_ends_at_midnight() -> None:
    days = [datetime.date(2026, 11, 21)]
    purse = SpendTracker(Limits(day=Allowance(tokens=1_000)), lambda: days[-1])
    provider = BudgetedProvider(ScriptedProvider(Script([BIG])), purse, Prices(load_catalogue(None)))
    await provider.complete(request())
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_DAY"):
        await provider.complete(request(text="x" * 350))
    days.append(datetime.date(2026, 11, 22))
    assert (await provider.complete(request(text="x" * 350))).text == "well"


async def test_money_is_counted_by_the_bundled_table(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """gpt-6.1-terra is $1 and $5 for a million tokens in genai-prices 0.2.3."""
    built = models(openai_api_key="k", openai_base_url=serve(ScriptedReply(text="a", usage=(100_000, 10_000))).url)
    usage = (await built.complete(request("gpt-6.1-terra"))).usage
    assert (usage.cost, usage.price) == (Decimal("0.15"), "$0.1500")
    assert usage.price_source.startswith("genai-prices ")


async def test_a_budget_of_money_is_kept(serve: Callable[..., ModelServer], models: Callable[..., AllModels]) -> None:
    server = serve(ScriptedReply(text="a", usage=(100_000, 10_000)))
    built = models(openai_api_key="k", openai_base_url=server.url, budget_day="$0.16")
    await built.complete(request("gpt-6.1-terra"))
    await built.complete(request("gpt-6.1-terra"))
    assert server.bodies[0]["max_completion_tokens"] == 31_999
    assert server.bodies[1]["max_completion_tokens"] == pytest.approx(2_000, abs=10)
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_DAY"):
        await built.complete(request("gpt-6.1-terra"))


async def test_an_unknown_price_is_said_and_counted_in_tokens(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    built = models(serve(BIG), budget_day="$1, 1000 tokens")
    reply = await built.complete(request())
    assert (reply.usage.cost, reply.usage.price) == (None, "unpriced")
    assert reply.notes == ("m is unpriced: no limit in dollars holds for it",)
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_DAY"):
        await built.complete(request(text="x" * 350))


async def test_a_price_of_the_users_own_file_goes_first(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels], tmp_path: Path
) -> None:
    price = {"price": {"input": "1", "output": "2"}}
    own = {"m": {"provider": "custom", **price}, "gpt-6-luna": price}
    (tmp_path / "models.json").write_text(json.dumps({"models": own}))
    reply = await models(serve(BIG), models_file=tmp_path / "models.json").complete(request())
    assert (reply.usage.cost, reply.usage.price_source) == (Decimal("0.0012"), "catalogue")


async def test_what_openrouter_says_it_cost_is_taken() -> None:
    catalogue = load_catalogue(None)
    told = Usage(10, 10, cost=Decimal("0.5"))
    assert Prices(catalogue).priced(told, "openrouter", "openai/gpt-6-luna").cost == Decimal("0.5")


async def test_a_model_with_no_known_price_is_not_priced_like_its_neighbour() -> None:
    prices = Prices(load_catalogue(None))
    assert prices.cost(10, 10, "zhipuai", "glm-4.9-flash") is None
    assert prices.cost(10, 10, "zhipuai", "glm-4.5-flash") == 0
    assert prices.cost(10**6, 0, "zhipuai", "glm-5.2") == Decimal("1.4")
    assert prices.cost(10, 10, "ollama", "gpt-6-luna") is None


async def test_prices_are_listed_for_a_million_tokens_of_a_short_prompt() -> None:
    """Past 272,000 tokens gpt-6.1-sol costs twice as much."""
    prices = Prices(load_catalogue(None))
    assert str(prices.listed("openai", "gpt-6.1-sol")) == "$2/$10"
    assert str(prices.listed("openai", "gpt-6-luna")) == "$0.1/$0.5"
    assert str(prices.listed("zhipuai", "glm-4.5-flash")) == "$0/$0"
    assert prices.listed("custom", "gpt-6.1-sol") is None


async def test_calls_in_flight_are_counted(serve: Callable[..., ModelServer], models: Callable[..., AllModels]) -> None:
    """Two calls at once cannot both have what is left; what a failed one did not use is given back."""
    gate = Gate(ScriptedReply(status=400, text="no"))
    server = serve(by=gate.answer)
    built = models(server, budget_day="6000 tokens")
    first = asyncio.create_task(built.complete(request(text="x" * 350)))
    await gate.until_asked()
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_DAY"):
        await built.complete(request(text="x" * 7_000))
    gate.open()
    with pytest.raises(ModelError, match="refused"):
        await first
    with pytest.raises(ModelError, match="refused"):
        await built.complete(request(text="x" * 7_000))


async def test_a_stream_that_is_left_early_is_counted_by_an_estimate() -> None:
    purse = SpendTracker(Limits())
    provider = BudgetedProvider(
        ScriptedProvider(Script(["a rather long text, in pieces"])), purse, Prices(load_catalogue(None))
    )
    stream = provider.stream(request(thread="a"))
    await anext(stream)
    await stream.aclose()
    assert (purse.spent_today.tokens, purse.spent_on("a").unpriced_calls) == (4, 1)


async def test_a_typed_answer_asked_for_twice_is_paid_twice_even_if_it_is_wrong() -> None:
    purse = SpendTracker(Limits())
    provider = BudgetedProvider(ScriptedProvider(Script([BIG])), purse, Prices(load_catalogue(None)))
    await provider.complete(request())
    await provider.complete(request())
    assert purse.spent_today.tokens == 1_800


@pytest.mark.parametrize(
    ("text", "allowance"),
    [
        ("$2", Allowance(dollars=Decimal(2))),
        ("200k tokens", Allowance(tokens=200_000)),
        ("1.5M", Allowance(tokens=1_500_000)),
        ("$0.50, 100 tokens", Allowance(Decimal("0.50"), 100)),
    ],
)
async def test_a_budget_is_written_as_people_write_it(text: str, allowance: Allowance) -> None:
    assert parse_allowance(text) == allowance


@pytest.mark.parametrize("text", ["lots", "2 €", "$1, $2", "-5", "$", "1e9"])
async def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="send dollars"):
        parse_allowance(text)


async def test_what_one_process_spends_counts_in_the_next_and_in_every_other_of_the_store(tmp_path: Path) -> None:
    def process(store: Store) -> tuple[BudgetedProvider, SpendTracker]:
        purse = SpendTracker(Limits(day=Allowance(tokens=2_000), thread=Allowance(tokens=1_000)), ledger=store.spending)
        return BudgetedProvider(ScriptedProvider(Script([BIG] * 9)), purse, Prices(load_catalogue(None))), purse

    stores = [Store(f"sqlite:///{tmp_path / 'store.db'}") for _ in range(3)]
    (first, purse), (second, _), (third, _) = (process(store) for store in stores)
    await first.complete(request(thread="a"))
    await purse.close()
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_THREAD"):
        await second.complete(request(thread="a", text="x" * 350))
    await second.complete(request(thread="b"))
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_DAY"):
        await second.complete(request(text="x" * 900))
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_DAY"):
        await third.complete(request(thread="c", text="x" * 900))
    today, on_b = await stores[2].spending.spent(datetime.datetime.now(datetime.UTC).date().isoformat(), "b")
    assert (today.tokens, on_b.tokens, on_b.unpriced_calls) == (1_800, 900, 1)
    for store in stores:
        await store.close()


async def test_without_a_budget_of_a_day_or_thread_nothing_is_written(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    purse = SpendTracker(Limits(call=Allowance(tokens=5_000)), ledger=store.spending)
    await BudgetedProvider(ScriptedProvider(Script([BIG])), purse, Prices(load_catalogue(None))).complete(
        request(thread="a")
    )
    await purse.close()
    assert not (tmp_path / "store.db").exists()
    await store.close()


async def test_a_store_that_fails_leaves_the_budget_to_what_the_process_saw(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("not a database, but long enough to be looked at as one" * 20)
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    purse = SpendTracker(Limits(day=Allowance(tokens=1_000)), ledger=store.spending)
    provider = BudgetedProvider(ScriptedProvider(Script([BIG])), purse, Prices(load_catalogue(None)))
    await provider.complete(request())
    with pytest.raises(ModelError, match="STEPWARDEN_BUDGET_DAY"):
        await provider.complete(request(text="x" * 350))
    await store.close()
