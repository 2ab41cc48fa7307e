"""What an older version left unfinished goes on under this one, by the same ids, and all of it verifies."""

import json
import lzma
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from stepwarden.storage import HeadQuery, Store
from stepwarden.threads.journal import Journal
from stepwarden.threads.verification import find_changes
from tests.support.calls import step
from tests.support.local_server import local_server

pytestmark = pytest.mark.asyncio

FIXTURES = Path(__file__).parents[1] / "storage" / "fixtures"
SCRIPT = {"models": {"wise-1": {}}, "replies": [{"text": "A shop has carts.", "times": None}]}


@pytest.fixture(params=["schema-1", "before-renames"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The home of a server whose store an older version wrote."""
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    (tmp_path / "stepwarden.db").write_bytes(lzma.decompress((FIXTURES / f"{request.param}.db.xz").read_bytes()))
    return tmp_path


class OldThreads:
    """A host of today, and the threads that its user has from before."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        assert result.structured_content is not None
        return result.structured_content

    async def step(self, tool: str, thread_id: str, number: int, /, **fields: Any) -> dict[str, Any]:
        said = {"step": f"step {number}", "findings": f"finding {number}"}  # in the words of then
        return await self.call(tool, **step(number, thread_id, **(said | fields)))

    async def thread_id(self, tool: str, outcome: str) -> str:
        listed = (await self.call("status", tool=tool))["threads"]
        return next(row["continuation_id"] for row in listed if row["outcome"] == outcome)


@asynccontextmanager
async def hosted(home: Path) -> AsyncIterator[OldThreads]:
    async with local_server(home, scripted=home / "script.json") as local, Client(local.app) as client:
        yield OldThreads(client)


async def verified(home: Path) -> int:
    """Return how many streams there are, when the chains of all hold and their heads follow from them."""
    store = Store(f"sqlite:///{home}/stepwarden.db")
    heads = await store.heads(HeadQuery(None))
    found = {head.stream: await find_changes(Journal(store), head.stream) for head in heads}
    assert {stream: changes for stream, changes in found.items() if changes} == {}
    await store.close()
    return len(heads)


async def test_an_open_thread_goes_on_and_is_retried_replaced_and_completed(home: Path) -> None:
    async with hosted(home) as host:
        name = await host.thread_id("debug", "open")
        retried = await host.step("debug", name, 2)  # as it was sent to the older version
        assert (retried["step_number"], retried["next_step_number"]) == (2, 3)
        assert (await host.step("debug", name, 3))["step_number"] == 3
        replaced = await host.step("debug", name, 4, findings="another", backtrack_from_step=3)
        assert replaced["step_number"] == 3
        for number in (4, 5):
            ended = await host.step("debug", name, number, next_step_required=False, use_assistant_model=False)
        assert ended["status"] == "debug_complete"
    assert await verified(home) >= 8


async def test_a_held_thread_completes_and_a_finished_one_reopens(home: Path) -> None:
    async with hosted(home) as host:
        held = await host.thread_id("codereview", "open")
        ended = await host.step("codereview", held, 3, next_step_required=False, use_assistant_model=False)
        assert ended["status"] == "codereview_complete"
        done = await host.thread_id("debug", "done")
        reopened = await host.step("debug", done, 5, backtrack_from_step=4)
        assert (reopened["status"], reopened["step_number"]) == ("pause_for_debug", 4)
    await verified(home)


async def test_a_chat_goes_on_and_is_an_open_chat_and_no_finished_thread(home: Path) -> None:
    async with hosted(home) as host:
        chat = await host.thread_id("chat", "open")
        turn = await host.call("chat", prompt="and a shop", continuation_id=chat)
        assert (turn["continuation_id"], turn["answer"]) == (chat, "A shop has carts.")
        assert (await host.call("status", continuation_id=chat))["turns"] == 3
    await verified(home)


async def test_everything_that_was_recorded_can_be_read_back(home: Path) -> None:
    async with hosted(home) as host:
        listed = (await host.call("status"))["threads"]
        for row in listed:
            shown = await host.call("status", continuation_id=row["continuation_id"])
            assert shown["history"][0]["event"]
            if row["tool"] == "consensus":
                assert row["outcome"] == "done"
                assert sum("heard wise" in entry["event"] for entry in shown["history"]) == 2
    await verified(home)
