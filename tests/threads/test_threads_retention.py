"""What retention may take of each kind of streams, by the rules of the product."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from stepwarden.storage import Append, HeadChange, NewEvent, RetentionRule, Store, kinds
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.chat_store import Chat, Turn, append_turn
from stepwarden.threads.retention import finished_streams, orphan_threads
from stepwarden.upstream.calls.records import CallRecord, SessionRecorder

IDLE = 1_000.0


@pytest.mark.asyncio
async def test_each_kind_of_streams_is_deleted_by_its_own_rule(tmp_path: Path) -> None:
    now = 1_000_000.0
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", clock=lambda: now)
    for state, steps in (("open", 1), ("open", 2), ("done", 3), ("inconclusive", 3), ("abandoned", 1)):
        change = HeadChange("debug", "local", "a task", state, steps, total_steps=3)
        await store.append(Append(f"{state}-{steps}", 0, [NewEvent("step", "{}")], change))
    turn = Turn("what is it", "an answer", "d1", asked="wise-1", why="", model="wise-1", provider="acme")
    await append_turn(store, Chat("chat"), turn, LOCAL)
    record = CallRecord("call-x", "ended", "notes", "echo", "read", "local", "0" * 64, outcome="ok")
    await SessionRecorder(store, mint=lambda _: "session").record(record)

    async def deleted(rules: Sequence[RetentionRule]) -> set[str]:
        return {head.stream for head in await store.maintenance.prune(rules, dry_run=True)}

    now += IDLE - 1
    assert await deleted([orphan_threads(IDLE), *finished_streams(IDLE)]) == set()
    now += 2
    assert await deleted([orphan_threads(IDLE)]) == {"open-1"}
    assert await deleted(finished_streams(IDLE)) == {"done-3", "inconclusive-3", "abandoned-1", "chat", "session"}
    await store.close()


@pytest.mark.asyncio
async def test_heads_of_chats_and_sessions_count_what_is_in_them_and_finish_never(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    turn = Turn("what is it", "an answer", "d1", asked="wise-1", why="", model="wise-1", provider="acme")
    await append_turn(store, await append_turn(store, Chat("chat"), turn, LOCAL), turn, LOCAL)
    recorder = SessionRecorder(store, mint=lambda _: "session")
    for phase in ("intended", "ended"):
        await recorder.record(CallRecord("call-x", phase, "notes", "add", "write", "local", "0" * 64))
    for name, kind in (("chat", kinds.CHAT), ("session", kinds.SESSION)):
        head = await store.head(name)
        assert head is not None
        assert (head.kind, head.state, head.steps, head.total_steps, head.finished) == (kind.name, "open", 2, 0, None)
    await store.close()
