"""Asking the user in the middle of a call: by hosts that can, in both eras; never where nobody answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.types import ElicitRequestFormParams, ElicitRequestParams, ElicitResult

from tests.support.host import MODES, Host

pytestmark = pytest.mark.asyncio

ASKED = "trace_mode: precision or dependencies"


class Person:
    """Answers every question the same way, and remembers what was asked."""

    def __init__(self, action: str, word: str = "") -> None:
        self.action, self.word = action, word
        self.asked: list[ElicitRequestFormParams] = []

    async def __call__(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        assert isinstance(params, ElicitRequestFormParams)
        self.asked.append(params)
        content = {"trace_mode": self.word} if self.action == "accept" else None
        return ElicitResult(action=self.action, content=content)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def host_of(app: MCPServer, project: Path, mode: str, person: Person | None) -> AsyncIterator[Host]:
    async with Client(app, mode=mode, elicitation_callback=person) as client:
        yield Host(client, project)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("said", [{}, {"trace_mode": "ask"}])
async def test_a_host_that_can_ask_its_user_is_asked_for_the_mode_once(
    app: MCPServer, project: Path, mode: str, said: dict[str, str]
) -> None:
    person = Person("accept", "dependencies")
    async with host_of(app, project, mode, person) as host:
        answer = await host.open("tracer", step="Who uses total?", target="total", **said)
        assert ASKED not in answer.open
        assert any("used by" in fact for fact in answer.facts)
        await host.step("tracer", 2, answer.id)
    assert [params.message for params in person.asked] == ["Which trace do you want?"]
    assert person.asked[0].requested_schema["properties"]["trace_mode"]["enum"] == ["precision", "dependencies"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("person", [None, Person("decline"), Person("cancel"), Person("accept", "sideways")])
async def test_where_nobody_answers_the_reply_asks_for_the_mode_in_a_line(
    app: MCPServer, project: Path, mode: str, person: Person | None
) -> None:
    async with host_of(app, project, mode, person) as host:
        answer = await host.open("tracer", step="Trace total", target="total", trace_mode="ask")
        assert ASKED in answer.open
        assert answer.facts[0].startswith("Which trace? Send trace_mode")
        later = await host.step("tracer", 2, answer.id, trace_mode="precision")
        assert ASKED not in later.open
        assert later.facts[0].startswith("total src/cart.py:12")


async def test_nobody_is_asked_for_what_the_call_says(app: MCPServer, project: Path) -> None:
    person = Person("accept", "dependencies")
    async with host_of(app, project, "auto", person) as host:
        answer = await host.open("tracer", target="total", trace_mode="precision")
        assert answer.facts[0].startswith("total src/cart.py:12")
    assert person.asked == []


async def test_a_first_step_that_was_asked_about_is_the_same_call_when_it_is_sent_again(
    app: MCPServer, project: Path
) -> None:
    async with host_of(app, project, "auto", Person("accept", "precision")) as host:
        said = {"step": "Trace it", "target": "total"}
        first = await host.open("tracer", **said)
        again = await host.step("tracer", 1, first.id, working_directory=str(project), **said)
        assert again.id == first.id
        assert again.verdict.startswith("ACCEPTED 1/")
        assert "as before" in again.verdict
