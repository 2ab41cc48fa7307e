"""Signing in from inside a host that opens addresses: the call that needed it goes on by itself."""

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hosting import Model, host
from mcp.server.mcpserver import MCPServer
from mcp.types import ElicitCompleteNotification, ElicitRequestURLParams, ElicitResult, ToolAnnotations
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from world import Browser, World, address, free, served

pytestmark = pytest.mark.asyncio


@dataclass
class Guarded:
    """The application of an MCP server that wants a token of the world's."""

    world: World
    inner: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = Request(scope).headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.world.access:
                await self.world.resource()(scope, receive, send)
                return
        await self.inner(scope, receive, send)


@dataclass
class User:
    """What a user does whose host asks to open an address: `action`; the browser is theirs."""

    action: Any = "accept"
    signs_in: bool = True
    browser: Browser = field(default_factory=Browser)
    asked: list[Any] = field(default_factory=list[Any])

    async def __call__(self, _context: Any, params: Any) -> ElicitResult:
        self.asked.append(params)
        if not isinstance(params, ElicitRequestURLParams):
            return ElicitResult(action="accept", content={"approve": True})
        if self.action == "accept" and self.signs_in:
            await self.browser.show(params.url)
        return ElicitResult(action=self.action)


@asynccontextmanager
async def guarding() -> AsyncGenerator[World]:
    mcp = MCPServer("guarded", log_level="ERROR")

    @mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def peek() -> str:
        return "seen"

    @mcp.tool()
    async def write() -> str:
        return "written"

    assert peek is not write
    issuer, server = free(), free()
    made = World(address(issuer), address(server) + "/mcp")
    app = mcp.streamable_http_app(stateless_http=True)
    async with mcp.session_manager.run(), served(made.app(), issuer), served(Guarded(made, app), server):  # pyright: ignore
        yield made


@asynccontextmanager
async def signing_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: User, mode: str, **options: Any
) -> AsyncGenerator[tuple[World, Model]]:
    key = tmp_path / "key"
    key.write_bytes(base64.b64encode(bytes(range(32))))
    key.chmod(0o600)
    monkeypatch.setenv("STEPWARDEN_VAULT_KEY_FILE", str(key))
    home = tmp_path / "home"
    home.mkdir()
    async with guarding() as world:
        entries = {"jira": {"url": world.server, "auth": {"type": "oauth"}}}
        async with host(home, entries, mode=mode, elicitation_callback=user, **options) as model:
            yield world, model


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_call_goes_on_after_the_sign_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    user = User()
    heard: list[Any] = []

    async def hear(message: Any) -> None:
        heard.append(type(message))

    async with signing_host(tmp_path, monkeypatch, user, mode, message_handler=hear) as (_, model):
        assert "seen" in await model.says(action="call", tool="jira/peek")
        assert not model.failed
        assert "written" in await model.says(action="call", tool="jira/write")
        await user.browser.idle()
    assert [type(asked).__name__ for asked in user.asked] == ["ElicitRequestURLParams", "ElicitRequestFormParams"]
    assert "Sign in at jira" in user.asked[0].message
    assert (ElicitCompleteNotification in heard) is (mode == "legacy")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_write_that_was_allowed_is_not_asked_for_again_after_the_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    user = User()
    async with signing_host(tmp_path, monkeypatch, user, mode) as (world, model):
        await model.says(action="search", query="write")
        world.end_access()
        world.refreshes.clear()
        assert "written" in await model.says(action="call", tool="jira/write")
        await user.browser.idle()
    kinds = [type(asked).__name__ for asked in user.asked]
    assert kinds == ["ElicitRequestURLParams", "ElicitRequestFormParams", "ElicitRequestURLParams"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_first_search_sends_the_user_to_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    user = User()
    async with signing_host(tmp_path, monkeypatch, user, mode) as (_, model):
        assert "jira/peek (read)" in await model.says(action="search", query="peek")
        await user.browser.idle()
    assert len(user.asked) == 1


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_who_does_not_want_to_is_not_sent_again_in_the_same_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, action: str
) -> None:
    user = User(action)
    async with signing_host(tmp_path, monkeypatch, user, mode) as (_, model):
        assert "did not want to sign in at jira" in await model.says(action="call", tool="jira/peek")
        assert model.failed
        said = await model.says(action="search", query="peek")
        assert said.startswith("jira needs you to sign in")
        assert "stepwarden login jira" in said
    assert len(user.asked) == 2


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_who_takes_long_gets_the_address_in_words_and_the_next_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr("stepwarden.upstream.calls.guarded_call.SIGN_IN_S", 0.2)
    user = User(signs_in=False)
    async with signing_host(tmp_path, monkeypatch, user, mode) as (_, model):
        said = await model.says(action="call", tool="jira/peek")
        assert "then send the same call again" in said
        assert user.asked[0].url in said
        await user.browser.show(user.asked[0].url)
        await user.browser.idle()
        assert "seen" in await model.says(action="call", tool="jira/peek")
    assert len(user.asked) == 1
