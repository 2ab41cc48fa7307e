"""Claims on consultations: who may ask, who may record, and what is left of them."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from store_steps import ORPHANS, append

from stepwarden.storage import Claim, ClaimHandle, Consultation, Spending, Store
from tests.support.clocks import Clock

STREAM, KEY = "debug-a", "expert:3:d1"


async def claim(store: Store, owner: str, *, key: str = KEY, lease_s: float = 10.0) -> Consultation:
    return await store.consultations.claim(Claim(STREAM, key, owner, lease_s, model="glm-4.6", request_digest="d1"))


@pytest.mark.asyncio
async def test_a_new_consultation_belongs_to_who_claims_it(any_store: Store, clock: Clock) -> None:
    claimed = await claim(any_store, "me")
    assert claimed == Consultation(
        stream=STREAM,
        key=KEY,
        state="claimed",
        attempt=1,
        owner="me",
        lease_until=clock.now + 10,
        requested_at=clock.now,
        finished_at=None,
        model="glm-4.6",
        request_digest="d1",
        payload=None,
        spending=Spending(),
        lapsed=False,
    )
    assert await any_store.consultations.find(STREAM, KEY) == claimed
    assert await any_store.consultations.find(STREAM, "consensus:2") is None
    assert await any_store.consultations.find("debug-b", KEY) is None


@pytest.mark.asyncio
async def test_a_claim_is_not_shared_while_its_lease_runs(any_store: Store, clock: Clock) -> None:
    first = await claim(any_store, "me")
    clock.now += 9.9
    assert await claim(any_store, "you") == first
    assert await claim(any_store, "me") == first


@pytest.mark.asyncio
async def test_a_claim_whose_lease_is_over_goes_to_the_next_with_a_new_attempt(any_store: Store, clock: Clock) -> None:
    await claim(any_store, "me")
    clock.now += 10
    found = await any_store.consultations.find(STREAM, KEY)
    assert found is not None
    assert found.lapsed
    taken = await claim(any_store, "you")
    assert (taken.owner, taken.attempt, taken.lapsed) == ("you", 2, False)
    assert (taken.requested_at, taken.lease_until) == (clock.now, clock.now + 10)


@pytest.mark.asyncio
async def test_a_renewed_lease_keeps_others_out_and_a_released_one_lets_them_in(any_store: Store, clock: Clock) -> None:
    await claim(any_store, "me")
    clock.now += 9
    assert await any_store.consultations.renew(ClaimHandle(STREAM, KEY, "me", 1), 10)
    clock.now += 9
    assert (await claim(any_store, "you")).owner == "me"
    assert await any_store.consultations.renew(ClaimHandle(STREAM, KEY, "me", 1), 0)
    assert (await claim(any_store, "you")).owner == "you"


@pytest.mark.asyncio
async def test_who_was_taken_over_can_neither_renew_nor_record(any_store: Store, clock: Clock) -> None:
    await claim(any_store, "me")
    clock.now += 10
    taken = await claim(any_store, "you")
    for owner, attempt in (("me", 1), ("me", 2), ("you", 1)):
        assert not await any_store.consultations.renew(ClaimHandle(STREAM, KEY, owner, attempt), 10)
        assert not await any_store.consultations.settle(ClaimHandle(STREAM, KEY, owner, attempt), "done", "{}")
    assert await any_store.consultations.find(STREAM, KEY) == taken


@pytest.mark.asyncio
async def test_who_overslept_and_was_not_taken_over_may_still_record(any_store: Store, clock: Clock) -> None:
    await claim(any_store, "me")
    clock.now += 1_000
    assert await any_store.consultations.settle(ClaimHandle(STREAM, KEY, "me", 1), "done", '{"text":"yes"}')
    assert (await claim(any_store, "you")).state == "done"


@pytest.mark.asyncio
async def test_an_answer_is_recorded_once_with_what_it_cost(any_store: Store, clock: Clock) -> None:
    claimed = await claim(any_store, "me")
    clock.now += 3
    spent = Spending(1200, 80, Decimal("0.000100"))
    assert await any_store.consultations.settle(ClaimHandle(STREAM, KEY, "me", 1), "done", '{"text":"ja, ü"}', spent)
    assert not await any_store.consultations.settle(ClaimHandle(STREAM, KEY, "me", 1), "failed", "{}")
    assert not await any_store.consultations.renew(ClaimHandle(STREAM, KEY, "me", 1), 10)
    settled = replace(claimed, state="done", payload='{"text":"ja, ü"}', finished_at=clock.now, spending=spent)
    assert settled.settled
    assert await any_store.consultations.find(STREAM, KEY) == settled
    clock.now += 1_000
    assert await claim(any_store, "you") == settled


@pytest.mark.asyncio
async def test_what_was_given_up_takes_no_late_answer_and_is_not_claimed_again(any_store: Store, clock: Clock) -> None:
    assert not await any_store.consultations.give_up(STREAM, KEY)
    await claim(any_store, "me")
    assert await any_store.consultations.give_up(STREAM, KEY)
    assert not await any_store.consultations.give_up(STREAM, KEY)
    assert not await any_store.consultations.settle(ClaimHandle(STREAM, KEY, "me", 1), "done", "{}")
    clock.now += 1_000
    found = await claim(any_store, "you")
    assert (found.state, found.payload, found.owner, found.lapsed) == ("given_up", None, "me", False)


@pytest.mark.asyncio
async def test_an_answer_that_is_recorded_stays_when_it_is_given_up(any_store: Store) -> None:
    await claim(any_store, "me")
    await any_store.consultations.settle(ClaimHandle(STREAM, KEY, "me", 1), "done", "{}")
    assert not await any_store.consultations.give_up(STREAM, KEY)
    found = await any_store.consultations.find(STREAM, KEY)
    assert found is not None
    assert found.state == "done"


@pytest.mark.asyncio
async def test_the_consultations_of_a_stream_are_listed_as_they_were_asked(any_store: Store, clock: Clock) -> None:
    for key in ("consensus:2", "consensus:1", "consensus:3"):
        await claim(any_store, "me", key=key)
        clock.now += 1
    await any_store.consultations.claim(Claim("debug-b", "x", "me", 1, "m", "d"))
    assert [found.key for found in await any_store.consultations.of_stream(STREAM)] == [
        "consensus:2",
        "consensus:1",
        "consensus:3",
    ]
    assert await any_store.consultations.of_stream("debug-c") == []


@pytest.mark.asyncio
async def test_of_many_processes_that_claim_at_once_one_gets_it(any_url: str) -> None:
    stores = [Store(any_url) for _ in range(6)]
    for round_ in range(5):
        key = f"expert:{round_}"
        found = await asyncio.gather(*(claim(store, f"p{n}", key=key) for n, store in enumerate(stores)))
        assert len({(row.owner, row.attempt) for row in found}) == 1
    for store in stores:
        await store.close()


@pytest.mark.asyncio
async def test_of_many_processes_that_take_over_at_once_one_gets_it(any_url: str) -> None:
    stores = [Store(any_url) for _ in range(6)]
    await claim(stores[0], "dead", lease_s=-1)
    found = await asyncio.gather(*(claim(store, f"p{n}") for n, store in enumerate(stores)))
    assert len({row.owner for row in found}) == 1
    assert {row.attempt for row in found} == {2}
    for store in stores:
        await store.close()


@pytest.mark.asyncio
async def test_pruning_a_stream_takes_its_consultations_along(any_store: Store, clock: Clock) -> None:
    await append(any_store, STREAM, 1)
    await claim(any_store, "me")
    await any_store.consultations.claim(Claim("debug-b", KEY, "me", 10, "m", "d"))
    clock.now += 8 * 86_400
    await append(any_store, "debug-b", 1)
    assert [head.stream for head in await any_store.maintenance.prune([ORPHANS])] == [STREAM]
    assert await any_store.consultations.of_stream(STREAM) == []
    assert len(await any_store.consultations.of_stream("debug-b")) == 1
    assert not await any_store.consultations.settle(ClaimHandle(STREAM, KEY, "me", 1), "done", "{}")
