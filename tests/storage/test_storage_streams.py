"""The contract of the store, whichever database is behind it."""

import random
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from store_steps import CHANGE, ORPHANS, append, event, kept

from stepwarden.errors import StoreError, UnknownStream, VersionConflict
from stepwarden.storage import GENESIS, Append, HeadQuery, NewEvent, RetentionRule, Store, StreamKind, event_hash, kinds
from stepwarden.storage.migrations import SCHEMA_VERSION
from tests.support.clocks import Clock

pytestmark = pytest.mark.asyncio


async def test_what_is_appended_is_read_back_the_same_and_in_order(any_store: Store, clock: Clock) -> None:
    payload = '{"text":"a\\u0000b \\"quoted\\" ü 漢 🙂"}'
    first = await any_store.append(Append("debug-a", 0, [NewEvent("opened", payload), event(1)], CHANGE))
    clock.now += 0.1
    second = await any_store.append(Append("debug-a", 2, [event(2)], CHANGE))

    assert await any_store.read("debug-a") == first + second
    assert [stored.seq for stored in first + second] == [1, 2, 3]
    assert first[0].payload == payload
    assert (first[0].at, second[0].at) == (1_000_000.0, 1_000_000.1)
    assert await any_store.read("debug-a", after=1, limit=1) == [first[1]]
    assert await any_store.read("debug-a", after=3) == []


async def test_every_hash_follows_from_the_one_before_by_the_documented_formula(any_store: Store) -> None:
    previous = GENESIS
    for stored in await append(any_store, "debug-a", 3):
        previous = event_hash(previous, "debug-a", stored.seq, stored.at, NewEvent(stored.kind, stored.payload))
        assert stored.hash == previous
    # By sha256sum, and fixed, so that no later change of the formula goes unseen: every stored chain would break.
    assert event_hash(GENESIS, "debug-a", 1, 1.5, NewEvent("step", '{"a":"ü"}')) == (
        "bd03c038e95c82fb70bd67ac8aa897664962a72c2e415a9df0336b8da8306bc4"
    )


async def test_a_head_says_what_the_last_append_said(any_store: Store, clock: Clock) -> None:
    await append(any_store, "debug-a", 1, replace(CHANGE, directory="/work", title="t" * 300, origin="plan-b"))
    clock.now += 5
    done = replace(CHANGE, state="done", steps=2, total_steps=4, completed=True, tool="other", origin=None)
    await append(any_store, "debug-a", 1, done)
    clock.now += 5
    await append(any_store, "debug-a", 1, replace(CHANGE, state="open", steps=3, title="again"))

    head = await any_store.head("debug-a")
    assert head is not None
    assert (head.stream, head.kind, head.tool, head.principal) == ("debug-a", "thread", "debug", "local")
    assert (head.version, head.state, head.steps, head.total_steps) == (3, "open", 3, 3)
    assert (head.created, head.updated, head.finished) == (1_000_000, 1_000_010, 1_000_005)
    assert (head.title, head.directory, head.origin) == ("again", None, "plan-b")


async def test_a_long_title_is_cut(any_store: Store) -> None:
    await append(any_store, "debug-a", 1, replace(CHANGE, title="ü" * 300))
    head = await any_store.head("debug-a")
    assert head is not None
    assert head.title == "ü" * 120


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_an_append_to_another_version_than_was_read_records_nothing(any_store: Store, expected: int) -> None:
    stored = await append(any_store, "debug-a", 2)
    with pytest.raises(VersionConflict, match="debug-a moved on from version"):
        await any_store.append(Append("debug-a", expected, [event()], replace(CHANGE, title="wrong")))

    assert await any_store.read("debug-a") == stored
    head = await any_store.head("debug-a")
    assert head is not None
    assert head.title == "find it"
    assert await append(any_store, "debug-a", 1)


async def test_an_append_to_a_stream_that_was_expected_and_is_not_there_conflicts(any_store: Store) -> None:
    with pytest.raises(VersionConflict):
        await any_store.append(Append("debug-a", 1, [event()], CHANGE))
    assert await any_store.head("debug-a") is None


async def test_an_append_without_events_is_refused(any_store: Store) -> None:
    with pytest.raises(ValueError, match="at least one event"):
        await any_store.append(Append("debug-a", 0, [], CHANGE))


async def test_of_many_appends_to_one_version_exactly_one_is_recorded(any_url: str) -> None:
    stores = [Store(any_url), Store(any_url)]
    outcomes: list[str] = []

    async def race(store: Store) -> None:
        try:
            await store.append(Append("debug-a", 0, [event()], CHANGE))
            outcomes.append("recorded")
        except VersionConflict:
            outcomes.append("conflict")

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(race, stores[number % 2])
    assert sorted(outcomes) == ["conflict"] * 7 + ["recorded"]
    assert len(await stores[0].read("debug-a")) == 1
    for store in stores:
        await store.close()


async def test_two_stores_on_one_database_see_each_other_at_once(any_url: str) -> None:
    ours, theirs = Store(any_url), Store(any_url)
    for number in range(10):
        writer, reader = (ours, theirs) if number % 2 else (theirs, ours)
        await writer.append(Append("debug-a", number, [event(number)], CHANGE))
        assert len(await reader.read("debug-a")) == number + 1
    assert await ours.verify("debug-a") is None
    await ours.close()
    await theirs.close()


async def test_another_principal_can_neither_list_nor_append_to_a_stream(any_store: Store) -> None:
    await append(any_store, "debug-a", 1)
    await append(any_store, "debug-b", 1, replace(CHANGE, principal="bob"))

    assert [head.stream for head in await any_store.heads(HeadQuery("local"))] == ["debug-a"]
    assert [head.stream for head in await any_store.heads(HeadQuery("bob"))] == ["debug-b"]
    assert await any_store.heads(HeadQuery("eve")) == []
    assert len(await any_store.heads(HeadQuery(None))) == 2
    for expected in (0, 1):
        with pytest.raises(UnknownStream):
            await any_store.append(Append("debug-a", expected, [event()], replace(CHANGE, principal="bob")))
    assert len(await any_store.read("debug-a")) == 1


async def test_heads_come_newest_first_with_those_of_a_directory_before_the_rest(
    any_store: Store, clock: Clock
) -> None:
    for name, directory in (("a", "/x"), ("b", "/y"), ("c", "/x"), ("d", None)):
        await append(any_store, f"debug-{name}", 1, replace(CHANGE, directory=directory))
        clock.now += 1
    await append(any_store, "debug-a", 1, replace(CHANGE, directory="/x"))

    async def listed(**wanted: Any) -> str:
        return "".join(head.stream[-1] for head in await any_store.heads(HeadQuery("local", **wanted)))

    assert await listed() == "adcb"
    assert await listed(directory_first="/x") == "acdb"
    assert await listed(directory_first="/x", limit=2, offset=1) == "cd"


async def test_heads_are_filtered_by_tool_outcome_and_prefix(any_store: Store) -> None:
    await append(any_store, "debug-AB", 1)
    await append(any_store, "debug-ab", 1, replace(CHANGE, state="done"))
    await append(any_store, "plan_x", 1, replace(CHANGE, tool="planner"))
    await append(any_store, "planxx", 1, replace(CHANGE, tool="planner"))

    async def listed(**wanted: Any) -> set[str]:
        return {head.stream for head in await any_store.heads(HeadQuery("local", **wanted))}

    assert await listed(tool="planner") == {"plan_x", "planxx"}
    assert await listed(kind=kinds.THREAD, state="done") == {"debug-ab"}
    assert await listed(kind=kinds.CHAT) == set()
    assert await listed(prefix="debug-a") == {"debug-ab"}
    assert await listed(prefix="plan_") == {"plan_x"}
    assert await listed(prefix="%") == set()


async def test_calibration_counts_done_streams_of_the_tool_since_the_reset(any_store: Store, clock: Clock) -> None:
    async def finish(name: str, steps: int, **other: Any) -> None:
        clock.now += 1
        done = replace(CHANGE, state="done", steps=steps, completed=True)
        await append(any_store, name, 1, replace(done, **other))

    await finish("a", 3)
    await finish("b", 5)
    await finish("c", 7, tool="other")
    await finish("d", 9, state="inconclusive")
    await finish("e", 2, kind=StreamKind("other", ("done",)))
    assert await any_store.calibration.steps_of_finished("debug") == [5, 3]
    assert await any_store.calibration.steps_of_finished("debug", limit=1) == [5]

    await any_store.calibration.reset()
    assert await any_store.calibration.steps_of_finished("debug") == []
    await finish("a", 4)
    assert await any_store.calibration.steps_of_finished("debug") == [4]


async def test_pruning_takes_idle_orphans_of_one_step_and_nothing_else(any_store: Store, clock: Clock) -> None:
    for number in range(45):
        await append(any_store, f"orphan-{number:02}", 2)
    await append(any_store, "two-steps", 1, replace(CHANGE, steps=2))
    await append(any_store, "back-to-one", 1, replace(CHANGE, steps=5))
    await append(any_store, "back-to-one", 1, replace(CHANGE, steps=1))
    await append(any_store, "done", 1, replace(CHANGE, state="done"))
    clock.now += 8 * 86_400
    await append(any_store, "fresh", 1)

    expected = {f"orphan-{number:02}" for number in range(45)}
    assert {head.stream for head in await any_store.maintenance.prune([ORPHANS], dry_run=True)} == expected
    assert len(await any_store.heads(HeadQuery(None, limit=100))) == 49
    assert {head.stream for head in await any_store.maintenance.prune([ORPHANS])} == expected
    assert {head.stream for head in await any_store.heads(HeadQuery(None))} == {
        "two-steps",
        "back-to-one",
        "done",
        "fresh",
    }
    assert await any_store.read("orphan-00") == []
    assert await any_store.maintenance.prune([ORPHANS]) == []


RUN = StreamKind("run", ("running", "paused", "completed", "failed", "stopped"))


async def test_retention_has_a_rule_for_each_kind_with_states_of_its_own(any_store: Store, clock: Clock) -> None:
    for kind in (kinds.THREAD, kinds.CHAT, RUN):
        for state in kind.states:
            await append(any_store, f"{kind.name}-{state}", 1, replace(CHANGE, kind=kind, state=state, steps=3))
    clock.now += 100

    async def prunable(*rules: RetentionRule) -> set[str]:
        return {head.stream for head in await any_store.maintenance.prune(rules, dry_run=True)}

    ended = RetentionRule(kinds.THREAD, 99, states=("done", "abandoned"))
    assert await prunable() == set()
    assert await prunable(replace(ended, idle_s=101)) == set()
    assert await prunable(ended) == {"thread-done", "thread-abandoned"}
    assert await prunable(RetentionRule(kinds.CHAT, 99)) == {"chat-open"}
    assert await prunable(RetentionRule(RUN, 99, states=("failed",)), RetentionRule(kinds.CHAT, 99)) == {
        "chat-open",
        "run-failed",
    }
    assert await prunable(RetentionRule(RUN, 99, most_steps=2)) == set()


async def test_a_stream_of_a_kind_that_the_store_does_not_know_is_listed_by_its_own_states(any_store: Store) -> None:
    change = replace(CHANGE, kind=RUN, tool="execute", state="running", total_steps=0)
    await append(any_store, "run-a", 1, change)
    await append(any_store, "run-a", 1, replace(change, state="paused"))
    await append(any_store, "run-b", 1, replace(change, state="completed", completed=True))
    paused = await any_store.heads(HeadQuery(None, kind=RUN, state="paused"))
    assert [(head.stream, head.kind, head.state) for head in paused] == [("run-a", "run", "paused")]
    assert await any_store.heads(HeadQuery(None, kind=kinds.THREAD)) == []


async def test_a_state_belongs_to_a_kind() -> None:
    with pytest.raises(ValueError, match="'done' is no state of a chat: open"):
        replace(CHANGE, kind=kinds.CHAT, state="done")
    with pytest.raises(ValueError, match="without the kind"):
        HeadQuery("local", state="done")


async def test_verifying_an_unknown_stream_does_not_pass_for_intact(any_store: Store) -> None:
    with pytest.raises(UnknownStream):
        await any_store.verify("debug-a")


async def test_text_that_is_no_unicode_is_refused_and_the_store_goes_on(any_store: Store) -> None:
    with pytest.raises(StoreError, match="not valid Unicode"):
        await any_store.append(Append("debug-a", 0, [NewEvent("step", "\ud800")], CHANGE))
    with pytest.raises(StoreError, match="not valid Unicode"):
        await any_store.append(Append("debug-a", 0, [event()], replace(CHANGE, title="\ud800")))
    assert await append(any_store, "debug-a", 1)


async def test_an_append_cancelled_at_any_moment_is_there_whole_or_not_at_all(any_store: Store) -> None:
    random_numbers = random.Random(7)
    await any_store.warm()
    for _ in range(40):
        head = await any_store.head("debug-a")
        version = head.version if head else 0
        with anyio.move_on_after(random_numbers.uniform(0, 0.001)):
            await any_store.append(Append("debug-a", version, [event(), event()], CHANGE))
    stored = await append(any_store, "debug-a", 1)
    assert len(await any_store.read("debug-a")) == stored[0].seq
    assert await any_store.verify("debug-a") is None


async def test_warming_many_times_at_once_opens_one_database(any_store: Store) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(any_store.warm)
    await append(any_store, "debug-a", 2)
    facts = await any_store.maintenance.check()
    assert (facts["streams"], facts["events"], facts["schema_version"]) == (1, 2, SCHEMA_VERSION)
    assert int(facts["bytes"]) > 0


async def test_closing_waits_for_the_calls_that_are_under_way(any_url: str) -> None:
    store = Store(any_url)
    await append(store, "debug-a", 2)
    read: list[int] = []

    async def read_all() -> None:
        read.append(len(await store.read("debug-a")))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(read_all)
        await anyio.lowlevel.checkpoint()
        group.start_soon(store.close)
        group.start_soon(store.close)
    assert read == [2] * 4


async def test_a_closed_store_says_so(any_url: str) -> None:
    store = Store(any_url)
    await append(store, "debug-a", 1)
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.read("debug-a")


async def test_what_is_kept_with_a_stream_stays_as_it_was_first_and_goes_with_it(
    any_store: Store, clock: Clock
) -> None:
    await any_store.append(Append("docgen-a", 0, [event(1)], CHANGE, keep={"a.py": b"first\x00", "b.py": b""}))
    await any_store.append(Append("docgen-a", 1, [event(2)], CHANGE, keep={"a.py": b"second", "c.py": b"new"}))
    await any_store.append(Append("docgen-b", 0, [event(1)], CHANGE))
    assert await kept(any_store, "docgen-a") == {"a.py": b"first\x00", "b.py": b"", "c.py": b"new"}
    assert await kept(any_store, "docgen-b") == {}

    with pytest.raises(VersionConflict):
        await any_store.append(Append("docgen-b", 0, [event(1)], CHANGE, keep={"a.py": b"lost"}))
    assert await kept(any_store, "docgen-b") == {}

    clock.now += 100
    await any_store.maintenance.prune([replace(ORPHANS, idle_s=1)])
    assert await kept(any_store, "docgen-a") == {}


async def test_an_append_that_knows_the_last_hash_does_the_same_as_one_that_does_not(
    any_store: Store, clock: Clock
) -> None:
    done = replace(CHANGE, state="done", steps=5, completed=True)
    changes = [CHANGE, replace(CHANGE, steps=3), done, replace(CHANGE, steps=1, directory="/elsewhere", title="again")]
    for stream, knows in (("debug-a", False), ("debug-b", True)):
        previous = None
        for number, change in enumerate(changes):
            clock.now = 1_000_000.0 + number
            keep = {"first": b"1"} if number == 1 else {"first": b"2", "later": b"3"}
            stored = await any_store.append(
                Append(stream, number, [event(number)], change, keep=keep, previous=previous if knows else None)
            )
            previous = stored[-1].hash
    a, b = await any_store.head("debug-a"), await any_store.head("debug-b")
    assert a is not None
    assert b is not None
    assert replace(a, stream="", hash="") == replace(b, stream="", hash="")
    assert (b.finished, b.updated, b.steps, b.title, b.version) == (1_000_002.0, 1_000_003.0, 1, "again", 4)
    told = [
        [(row.seq, row.at, row.kind, row.payload) for row in await any_store.read(stream)]
        for stream in (a.stream, b.stream)
    ]
    assert told[0] == told[1]
    assert await kept(any_store, "debug-a") == await kept(any_store, "debug-b")
    assert await any_store.verify("debug-b") is None
    # Neither was ever an orphan of one step since, though both have one live step now.
    assert await any_store.maintenance.prune([replace(ORPHANS, idle_s=-1.0)]) == []


async def test_an_append_on_another_last_hash_is_a_conflict_and_records_nothing(any_store: Store) -> None:
    (first,) = await any_store.append(Append("debug-a", 0, [event(1)], CHANGE))
    for previous in (GENESIS, "f" * 64):
        with pytest.raises(VersionConflict):
            await any_store.append(Append("debug-a", 1, [event(2)], CHANGE, previous=previous))
    with pytest.raises(UnknownStream):
        await any_store.append(Append("debug-a", 1, [event(2)], replace(CHANGE, principal="eve"), previous=first.hash))
    with pytest.raises(VersionConflict):
        await any_store.append(Append("debug-a", 7, [event(2)], CHANGE, previous=first.hash))
    with pytest.raises(ValueError, match="no event before"):
        Append("debug-b", 0, [event(2)], CHANGE, previous=first.hash)
    assert await any_store.read("debug-a") == [first]
    assert await any_store.verify("debug-a") is None
