"""Signing in at a certified OpenID provider before an MCP server on the SDK: only the client is ours."""

import asyncio
import base64
import json
import os
import socket
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from oidc import AuthorizationServer, Person, ResourceServer, address_of, authorization_server, plain_client
from oidc import resource_server as served
from pydantic import AnyUrl
from waking import waking

from stepwarden.errors import SignInFailed, SignInNeeded
from stepwarden.upstream.call_request import CallRequest
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.connection import Connection
from stepwarden.upstream.oauth import OAuthAuth, SignIn, Vault, auth_status, build_auth
from stepwarden.upstream.oauth.flow import revoke
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.sign_in import SignInAnswer, SignInRequest
from stepwarden.upstream.tool_call import ToolCaller

pytestmark = [pytest.mark.slow, pytest.mark.asyncio, pytest.mark.timeout(400)]


@dataclass
class World:
    """Both servers, a vault of this machine, and a person before a browser."""

    authority: AuthorizationServer
    resource: ResourceServer
    vault: Vault
    person: Person

    def config(self, **auth: Any) -> UpstreamConfig:
        entry = {"name": "notes", "url": self.resource.url, "auth": {"type": "oauth", **auth}}
        return UpstreamConfig.model_validate(entry)

    def sign_in(self, **more: Any) -> SignIn:
        tasks: set[asyncio.Task[str]] = set()

        async def open_address(request: SignInRequest) -> SignInAnswer:
            tasks.add(asyncio.create_task(self.person.sign_in(request.address)))
            return request.answer("opened")

        return SignIn(**({"waits": True, "timeout_s": 600.0, "open_address": open_address} | more))

    @asynccontextmanager
    async def line(self, how: SignIn | None = None, **auth: Any) -> AsyncGenerator[ToolCaller]:
        """Return the way to the upstream as a process that starts now has it."""
        config = self.config(**auth)
        signing = build_auth(config, self.vault, how)
        connection = Connection(config, lambda: signing, lambda _: None)
        try:
            yield ToolCaller(config, connection)
        finally:
            await connection.close()
            if isinstance(signing, OAuthAuth):
                await signing.close()

    async def call(self, text: str, how: SignIn | None = None, **auth: Any) -> str:
        """Make one call as a process that starts now does; without `how` nobody is there to sign in."""
        async with self.line(how, **auth) as line:
            return await noted(line, text)

    def stored(self) -> TokenSet:
        found = self.vault.load("notes", self.resource.url)
        assert found is not None
        return found

    def expire(self) -> None:
        """Let the access token end, at the server and by our clock."""
        self.authority.ask("end_access")
        found = self.stored()
        assert found.tokens is not None
        tokens = found.tokens.model_copy(update={"obtained_at": time.time() - 3_700, "expires_at": time.time() - 100})
        self.vault.save(found.model_copy(update={"tokens": tokens}))


async def noted(line: ToolCaller, text: str) -> str:
    got = await line.call(CallRequest("note", {"text": text}), repeatable=True)
    return got.answer.content[0].text  # pyright: ignore


@contextmanager
def world_of(node_modules: Path, folder: Path, *, by_keys: bool = False, **options: Any) -> Iterator[World]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        resource = address_of(listener)
        asked = {"resource": resource, "format": "jwt" if by_keys else "opaque", **options}
        with (
            authorization_server(node_modules, **asked) as authority,
            served(listener, authority, by_keys=by_keys) as server,
        ):
            key = folder / "key"
            key.write_bytes(base64.b64encode(bytes(range(32))))
            key.chmod(0o600)
            yield World(authority, server, Vault(folder / "state" / "signing", key), Person())


@pytest.fixture
def world(node_modules: Path, tmp_path: Path) -> Iterator[World]:
    with world_of(node_modules, tmp_path) as found:
        yield found


async def test_the_rig_lets_the_sdks_own_client_in(world: World) -> None:
    came: list[str] = []

    async def show(address: str) -> None:
        came.append(await world.person.sign_in(address, stop_before="http://127.0.0.1:9/callback"))

    async def answered() -> AuthorizationCodeResult:
        query = {name: values[0] for name, values in parse_qs(urlsplit(came[-1]).query).items()}
        return AuthorizationCodeResult(code=query["code"], state=query["state"], iss=query["iss"])

    class Memory:
        def __init__(self) -> None:
            self.tokens = self.client = None

        async def get_tokens(self) -> Any:
            return self.tokens

        async def set_tokens(self, tokens: Any) -> None:
            self.tokens = tokens

        async def get_client_info(self) -> Any:
            return self.client

        async def set_client_info(self, client_info: Any) -> None:
            self.client = client_info

    metadata = OAuthClientMetadata(redirect_uris=[AnyUrl("http://127.0.0.1:9/callback")], client_name="sdk")
    provider = OAuthClientProvider(world.resource.url, metadata, Memory(), show, answered)
    async with (
        plain_client(auth=provider) as http,
        Client(streamable_http_client(world.resource.url, http_client=http)) as client,
    ):
        answer = await client.call_tool("note", {"text": "hello"})
    assert answer.content[0].text == "noted: hello"  # pyright: ignore
    assert len(world.person.opened) == 1


@pytest.mark.parametrize("by_keys", [False, True])
async def test_one_sign_in_lasts_over_calls_expiry_and_restarts(
    node_modules: Path, tmp_path: Path, by_keys: bool
) -> None:
    with world_of(node_modules, tmp_path, by_keys=by_keys) as world:
        assert await world.call("one", world.sign_in()) == "noted: one"
        assert await world.call("two") == "noted: two"  # a restart: nobody is there to sign in
        assert world.authority.renewals == []
        world.expire()
        assert await world.call("three") == "noted: three"
        assert await world.call("four") == "noted: four"
    assert len(world.person.opened) == 1
    assert world.resource.calls == ["one", "two", "three", "four"]


async def test_the_sign_in_is_what_the_specification_asks_for(world: World) -> None:
    await world.call("one", world.sign_in())
    (authorized,) = world.authority.asked("authorization", status=303)
    (redeemed,) = world.authority.asked("token")
    assert authorized["code_challenge_method"] == "S256"
    assert authorized["resource"] == redeemed["resource"] == world.resource.url
    assert "notes:read" in authorized["scope"].split()
    assert len(world.authority.asked("registration", status=201)) == 1
    query = parse_qs(urlsplit(world.person.opened[0]).query)
    assert query["state"][0]
    assert urlsplit(query["redirect_uri"][0]).hostname == "127.0.0.1"
    stands = auth_status(world.config(), world.vault)
    assert (stands.state, stands.issuer) == ("signed in", world.authority.issuer)
    assert world.authority.counted("server_error") == 0


async def test_a_token_that_ended_without_our_knowing_is_renewed_once(world: World) -> None:
    await world.call("one", world.sign_in())
    world.authority.ask("end_access")
    async with world.line() as line:
        answers = await asyncio.gather(*(noted(line, f"n{number}") for number in range(8)))
    assert answers == [f"noted: n{number}" for number in range(8)]
    assert [one["status"] for one in world.authority.renewals] == [200]
    assert len(world.person.opened) == 1


async def test_calls_go_on_while_tokens_of_three_seconds_end_under_them(node_modules: Path, tmp_path: Path) -> None:
    with world_of(node_modules, tmp_path, by_keys=True, ttl_s=3) as world:
        async with world.line(world.sign_in()) as line:
            count = 0
            while len(renewals := world.authority.renewals) < 3:
                texts = [f"{count}-{number}" for number in range(4)]
                assert await asyncio.gather(*(noted(line, text) for text in texts)) == [f"noted: {t}" for t in texts]
                count += 1
        assert {one["status"] for one in renewals} == {200}
        assert world.authority.counted("grant.revoked") == 0
        assert len(world.person.opened) == 1


async def test_a_chain_of_rotations_never_looks_like_a_stolen_token(world: World) -> None:
    await world.call("one", world.sign_in())
    seen = [world.stored().tokens.refresh]  # pyright: ignore
    for number in range(6):
        world.expire()
        assert await world.call(f"{number}") == f"noted: {number}"
        seen.append(world.stored().tokens.refresh)  # pyright: ignore
    assert len(set(seen)) == 7  # the provider rotates every time
    assert [one["status"] for one in world.authority.renewals] == [200] * 6
    assert world.authority.counted("refresh_token.consumed") == 6
    assert world.authority.counted("grant.revoked") == 0


async def test_the_provider_really_detects_a_token_that_is_used_twice(world: World) -> None:
    await world.call("one", world.sign_in())
    first = world.stored()
    world.expire()
    await world.call("two")
    world.vault.save(first)  # what a thief, or a careless client, would do
    world.expire()
    with pytest.raises(SignInNeeded, match="sign in again"):
        await world.call("three")
    assert world.authority.counted("grant.revoked") == 1
    assert world.resource.calls == ["one", "two"]


async def test_a_revoked_refresh_token_asks_for_a_sign_in_by_name_and_once(world: World) -> None:
    await world.call("one", world.sign_in())
    world.expire()
    world.authority.ask("end_grants")
    for _ in range(3):
        with pytest.raises(SignInNeeded, match=r"stepwarden login notes") as raised:
            await world.call("two")
        assert raised.value.upstream == "notes"
    assert [one["error"] for one in world.authority.renewals] == ["invalid_grant"]
    assert await world.call("three", world.sign_in()) == "noted: three"
    assert len(world.person.opened) == 2


async def test_a_client_that_the_provider_forgot_registers_anew(world: World) -> None:
    await world.call("one", world.sign_in())
    world.expire()
    world.authority.ask("end_clients")
    with pytest.raises(SignInNeeded, match="invalid_client"):
        await world.call("two")
    assert await world.call("three", world.sign_in()) == "noted: three"
    assert len(world.authority.asked("registration", status=201)) == 2


async def test_a_person_who_declines_is_told_so_and_nothing_is_stored(world: World) -> None:
    world.person.decline = True
    with pytest.raises(SignInFailed, match="was declined"):
        await world.call("one", world.sign_in())
    assert world.vault.load("notes", world.resource.url) is None
    assert not world.resource.calls


async def test_logging_out_ends_the_grant_at_the_provider(world: World) -> None:
    await world.call("one", world.sign_in())
    bundle = world.stored()
    assert world.authority.kept("RefreshToken") == 1
    assert await revoke(world.config(), bundle) is None
    assert world.authority.kept("RefreshToken") == 0
    world.expire()
    with pytest.raises(SignInNeeded):
        await world.call("two")


async def test_a_client_id_metadata_document_is_preferred_to_a_registration(node_modules: Path, tmp_path: Path) -> None:
    document = "https://stepwarden.example/client.json"
    client = {
        "client_id": document,
        "client_name": "Stepwarden",
        "application_type": "native",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    with world_of(node_modules, tmp_path, documents={document: client}) as world:
        assert await world.call("one", world.sign_in(), client_metadata_url=document) == "noted: one"
        world.expire()
        assert await world.call("two", client_metadata_url=document) == "noted: two"
        assert world.authority.asked("registration") == []
        assert {one["client_id"] for one in world.authority.asked("token")} == {document}


async def test_a_provider_without_registration_is_told_with_what_to_configure(
    node_modules: Path, tmp_path: Path
) -> None:
    with world_of(node_modules, tmp_path, registration=False) as world:
        with pytest.raises(SignInFailed, match="client_id"):
            await world.call("one", world.sign_in())
        assert not world.person.opened


async def test_two_sign_ins_at_once_end_with_one_that_works(world: World) -> None:
    answers = await asyncio.gather(*(world.call(f"{number}", world.sign_in()) for number in range(2)))
    assert sorted(answers) == ["noted: 0", "noted: 1"]
    assert await world.call("after") == "noted: after"


async def test_twenty_processes_that_wake_with_an_ended_token_renew_once_and_open_no_window(world: World) -> None:
    await world.call("one", world.sign_in())
    world.expire()
    async with waking(world.config(), world.vault, 20, "note") as callers:
        await callers.wake()
        assert await callers.lines() == ["noted: awake 0"] * 20
    assert [one["status"] for one in world.authority.renewals] == [200]
    assert world.authority.counted("grant.revoked") == 0
    assert len(world.person.opened) == 1


async def test_a_user_signs_in_by_the_command_an_agent_calls_and_the_user_signs_out(
    world: World, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "upstreams.json").write_text(json.dumps({"upstreams": {"notes": {"url": world.resource.url}}}))
    command = str(Path(sys.executable).with_name("stepwarden"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPWARDEN_")}
    ours = {"STEPWARDEN_HOME": str(home), "STEPWARDEN_VAULT_KEY_FILE": str(world.vault.key_file)}
    pipe = asyncio.subprocess.PIPE

    async def run(*arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(command, *arguments, env=kept | ours, stdout=pipe, stderr=pipe)

    async def agent_calls() -> str:
        server = StdioServerParameters(command=command, args=["serve"], env=kept | ours)
        async with Client(server) as client:
            call = {"action": "call", "tool": "notes/note", "arguments": {"text": "hello"}}
            answer = await client.call_tool("upstream", call)
        return answer.content[0].text  # pyright: ignore

    assert "stepwarden login notes" in await agent_calls()
    login = await run("login", "notes", "--no-browser")
    assert login.stdout
    await world.person.sign_in((await login.stdout.readline()).decode().strip())
    said, _ = await login.communicate()
    assert f"Signed in at notes ({world.authority.issuer})" in said.decode()
    assert "noted: hello" in await agent_calls()
    assert world.authority.kept("RefreshToken") == 1
    said, _ = await (await run("logout", "notes")).communicate()
    assert "its tokens are revoked" in said.decode()
    assert world.authority.kept("RefreshToken") == 0
    assert "stepwarden login notes" in await agent_calls()
