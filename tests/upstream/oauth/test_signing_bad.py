"""Everything that can be wrong with a sign-in: one useful sentence, nothing stored."""

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from world import Browser, World, config, free, opened_by, plain_client, signed_in, use

from stepwarden.errors import SecretsUnavailable, SignInFailed, SignInNeeded, UpstreamDown, UpstreamError
from stepwarden.upstream.oauth import SignIn, Vault, build_auth
from stepwarden.upstream.oauth.listener import Listener

pytestmark = pytest.mark.asyncio


async def refused(world: World, vault: Vault, kind: type[UpstreamError] = SignInFailed, **auth: Any) -> str:
    """The sentence with which a sign-in ends."""
    browser = Browser()
    made = build_auth(config(world, **auth), vault, browser.sign_in())
    with pytest.raises(kind) as caught:
        await use(world, made)
    await browser.idle()
    assert vault.load("jira", world.server) is None
    said = str(caught.value)
    assert "\n" not in said
    assert "code-" not in said
    if browser.pages:
        assert "You are signed in" not in browser.pages[0]
    return said


async def test_metadata_of_another_issuer(world: World, vault: Vault) -> None:
    world.metadata = {"issuer": "https://evil.example.org"}
    assert "issuer mismatch: https://evil.example.org" in await refused(world, vault)
    assert world.hits["authorize"] == 0


async def test_an_issuer_that_the_entry_does_not_name(world: World, vault: Vault) -> None:
    said = await refused(world, vault, issuer="https://auth.example.org")
    assert f"sends us to {world.issuer}" in said
    assert "its entry names the issuer https://auth.example.org" in said
    assert world.hits["metadata"] == 0


async def test_an_answer_from_another_issuer(world: World, vault: Vault) -> None:
    world.answer = {"iss": "https://evil.example.org"}
    said = await refused(world, vault)
    assert f"came from https://evil.example.org, and {world.issuer} was asked; nothing was stored" in said
    assert world.seen == []


async def test_an_answer_without_the_issuer_that_was_promised(world: World, vault: Vault) -> None:
    world.answer = {"iss": None}
    assert "a server that does not say who it is" in await refused(world, vault)


async def test_a_declined_sign_in(world: World, vault: Vault) -> None:
    world.answer = {"code": None, "error": "access_denied", "error_description": "not\ntoday\x1b[31m"}
    assert "was declined (not today [31m); nothing was stored" in await refused(world, vault)


async def test_an_authorization_server_that_refuses(world: World, vault: Vault) -> None:
    world.answer = {"code": None, "error": "invalid_scope"}
    assert "refused the sign-in for jira: invalid_scope" in await refused(world, vault)


async def test_a_code_that_was_used_already(world: World, vault: Vault) -> None:
    world.answer = {"code": "code-of-yesterday"}
    said = await refused(world, vault)
    assert "invalid_grant" in said
    assert "A code works once" in said


async def test_an_answer_that_arrives_twice_is_redeemed_once(world: World, vault: Vault) -> None:
    browser = Browser()

    async def twice(url: str) -> None:
        await browser.show(url)
        await browser.show(url)

    auth = build_auth(config(world), vault, browser.sign_in(show=twice))
    assert (await use(world, auth)).text == "done"
    assert world.hits["token:authorization_code"] == 1


@pytest.mark.parametrize("methods", [None, ["plain"]])
async def test_no_pkce(world: World, vault: Vault, methods: list[str] | None) -> None:
    world.metadata = {"code_challenge_methods_supported": methods}
    assert "does not offer PKCE with S256" in await refused(world, vault)
    assert world.hits["authorize"] == 0


async def test_no_registration(world: World, vault: Vault) -> None:
    world.register_status = 403
    said = await refused(world, vault)
    assert "does not register us for jira (by invitation)" in said
    assert "client_id" in said


async def test_a_server_without_any_authorization_server(world: World, vault: Vault) -> None:
    world.protected_metadata = False
    said = await refused(world, vault)
    assert "jira names no authorization server. If it needs none, put auth type none" in said


async def test_endpoints_without_tls(world: World, vault: Vault) -> None:
    world.metadata = {"token_endpoint": "http://auth.example.org/token"}
    assert "names http://auth.example.org for signing in: that is not https" in await refused(world, vault)
    world.metadata = {"authorization_endpoint": "http://auth.example.org/authorize"}
    assert "that is not https" in await refused(world, vault)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (PlainTextResponse("<html>"), "no usable token .*access_token"),
        (JSONResponse({"access_token": "hidden-1", "token_type": "mac"}), r"wrong in: token_type"),
        (JSONResponse({"access_token": "hidden-1", "expires_in": "soon"}), r"wrong in: expires_in"),
        (JSONResponse(["hidden-1"]), "no usable token"),
        (JSONResponse({"error": "invalid_client", "error_description": "who?"}, 401), r"invalid_client: who\?"),
        (PlainTextResponse("x" * 2_000_000), "more than 1000000 bytes"),
    ],
)
async def test_token_endpoints_that_answer_oddly(
    world: World, vault: Vault, fault: Response, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.token_fault = fault
    said = await refused(world, vault)
    assert re.search(words, said)
    assert "hidden-1" not in said + caplog.text


@pytest.mark.parametrize("fault", [PlainTextResponse("busy", 503), JSONResponse({"error": "slow_down"}, 400)])
async def test_a_token_endpoint_that_cannot_now(world: World, vault: Vault, fault: Response) -> None:
    world.token_fault = fault
    assert "Send the same call again later" in await refused(world, vault, UpstreamDown)


async def test_an_authorization_server_that_is_gone(world: World, vault: Vault) -> None:
    with free() as nobody:
        world.issuer = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    said = await refused(world, vault, UpstreamDown)
    assert "127.0.0.1, where jira signs in, does not answer" in said


async def test_nobody_comes_and_a_stranger_is_turned_away(world: World, vault: Vault) -> None:
    pages: list[str] = []

    async def stranger(url: str) -> None:
        where = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        async with plain_client() as client:
            pages.append((await client.get(where, params={"code": "code-x", "state": "guessed"})).text)

    auth = build_auth(config(world), vault, SignIn(waits=True, timeout_s=0.2, open_address=opened_by(stranger)))
    with pytest.raises(SignInFailed, match=r"Nobody signed in at jira within 0 s; .* 1 answers with another state"):
        await use(world, auth)
    assert "its state is another" in pages[0]
    assert world.seen == []


async def test_a_stranger_does_not_end_the_attempt(world: World, vault: Vault) -> None:
    browser = Browser()

    async def stranger_first(url: str) -> None:
        where = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        async with plain_client() as client:
            await client.get(where, params={"error": "access_denied", "state": "guessed"})
        await browser.show(url)

    assert (await use(world, build_auth(config(world), vault, browser.sign_in(show=stranger_first)))).text == "done"


async def test_a_port_that_is_taken(world: World, vault: Vault) -> None:
    with free() as taken:
        said = await refused(world, vault, redirect_port=taken.getsockname()[1])
    assert "another sign-in may be waiting there" in said


async def test_two_sign_ins_at_once_are_both_right_and_the_last_one_stays(world: World, vault: Vault) -> None:
    first, second = Browser(), Browser()
    one = build_auth(config(world), vault, first.sign_in())
    two = build_auth(config(world), Vault(vault.directory, vault.key_file), second.sign_in())
    found = await asyncio.gather(use(world, one), use(world, two))
    assert [response.text for response in found] == ["done", "done"]
    states = {parse_qs(urlsplit(url).query)["state"][0] for url in (*first.opened, *second.opened)}
    ports = {parse_qs(urlsplit(url).query)["redirect_uri"][0] for url in (*first.opened, *second.opened)}
    assert len(states) == len(ports) == 2
    assert len(list(vault.directory.glob("*.token"))) == 1
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"


async def test_nobody_is_sent_anywhere_where_tokens_cannot_be_kept(world: World, tmp_path: Path) -> None:
    browser = Browser()
    auth = build_auth(config(world), Vault(tmp_path / "vault", tmp_path / "none"), browser.sign_in())
    with pytest.raises(SecretsUnavailable, match="cannot be read"):
        await use(world, auth)
    assert (browser.opened, world.hits["register"]) == ([], 0)


async def test_a_damaged_file_is_told_then_a_sign_in_is_asked_for(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    next(vault.directory.glob("*.token")).write_bytes(b"rubbish")
    auth = build_auth(config(world), vault, None)
    with pytest.raises(SecretsUnavailable, match="damaged and is kept as"):
        await use(world, auth)
    with pytest.raises(SignInNeeded):
        await use(world, auth)
    assert vault.set_aside("jira")[0].read_bytes() == b"rubbish"


@pytest.mark.parametrize(
    ("request_line", "host", "status"),
    [
        ("GET /callback?code=c&state=s", "evil.example.org", 421),
        ("POST /callback?code=c&state=s", None, 404),
        ("GET /other?code=c&state=s", None, 404),
        ("GET /callback", None, 400),
        ("GET /callback?code=c&code=d&state=s", None, 400),
        ("GET /callback?code=c&state=s", None, 400),
    ],
)
async def test_the_listener_takes_nothing_but_the_answer(request_line: str, host: str | None, status: int) -> None:
    listener = Listener("/callback")
    await listener.start(0)
    listener.expect("another")
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(f"{request_line} HTTP/1.1\r\nHost: {host or f'127.0.0.1:{listener.port}'}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    await listener.close("over")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"no-referrer" in answer


async def test_the_listener_survives_noise(world: World, vault: Vault) -> None:
    browser = Browser()

    async def noise(url: str) -> None:
        port = urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0]).port
        for sent in (b"", b"\x16\x03\x01\x00", b"GET\r\n\r\n", b"x" * 100_000):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            writer.close()
        await browser.show(url)

    assert (await use(world, build_auth(config(world), vault, browser.sign_in(show=noise)))).text == "done"
