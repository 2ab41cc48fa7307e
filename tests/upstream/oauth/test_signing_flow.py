"""Signing in: what is asked of whom, and how a call goes on."""

import asyncio
import base64
import re
import time

import pytest
from world import Browser, World, config, expire, plain_client, signed_in, use

from stepwarden.errors import SettingsError, SignInFailed, SignInNeeded
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth import OAuthAuth, SignIn, Vault, auth_status, build_auth

pytestmark = pytest.mark.asyncio


async def test_a_person_signs_in_once_and_a_restart_needs_no_browser(world: World, vault: Vault) -> None:
    browser = Browser()
    auth = build_auth(config(world), vault, browser.sign_in())
    assert (await use(world, auth)).text == "done"
    assert (await use(world, auth)).text == "done"
    await browser.idle()
    assert len(browser.opened) == 1
    assert "You are signed in at jira" in browser.pages[0]
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"
    assert world.hits["authorize"] == world.hits["register"] == 1
    assert "refresh_token" not in world.hits


async def test_pkce_state_resource_and_scopes_are_sent(world: World, vault: Vault) -> None:
    await signed_in(world, vault, scopes="use write")
    asked = world.authorized[0]
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) > 30
    assert asked["resource"] == world.server
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert set(asked["scope"].split()) == {"use", "write", "offline_access"}


async def test_the_server_says_which_scopes_where_the_entry_does_not(world: World, vault: Vault) -> None:
    world.challenge_scope = "use"
    await signed_in(world, vault)
    assert set(world.authorized[0]["scope"].split()) == {"use", "offline_access"}


async def test_an_ended_token_is_renewed_after_a_restart(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    expire(world, vault)
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"
    assert dict(world.hits) == {"token:refresh_token": 1, "use": 1}
    assert world.seen[0]["resource"] == world.server


async def test_without_anybody_to_ask_the_command_is_named(world: World, vault: Vault) -> None:
    with pytest.raises(SignInNeeded, match="stepwarden login jira") as caught:
        await use(world, build_auth(config(world), vault, None))
    assert (caught.value.upstream, caught.value.address) == ("jira", None)


async def test_calls_at_the_same_time_are_not_held_up(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    auth = build_auth(config(world), vault, None)
    world.together = asyncio.Barrier(5)  # nobody is answered before all five are there
    found = await asyncio.gather(*(use(world, auth) for _ in range(5)))
    assert [response.text for response in found] == ["done"] * 5


async def test_calls_at_the_same_time_share_one_sign_in_and_one_renewal(world: World, vault: Vault) -> None:
    browser = Browser()
    auth = build_auth(config(world), vault, browser.sign_in())
    await asyncio.gather(*(use(world, auth) for _ in range(5)))
    assert len(browser.opened) == 1
    world.end_access()  # by the server's clock: ours thinks that it is good
    await asyncio.gather(*(use(world, auth) for _ in range(5)))
    assert world.hits["token:refresh_token"] == 1


async def test_a_host_gets_the_link_and_the_next_call_goes_on(world: World, vault: Vault) -> None:
    auth = build_auth(config(world), vault, SignIn(waits=False))
    assert isinstance(auth, OAuthAuth)
    with pytest.raises(SignInNeeded) as caught:
        await use(world, auth)
    with pytest.raises(SignInNeeded) as again:
        await use(world, auth)
    assert caught.value.address is not None
    assert caught.value.address == again.value.address
    assert caught.value.address in str(caught.value)
    browser = Browser()
    await browser.show(caught.value.address)
    assert await auth.signed_in(600.0)
    assert (await use(world, auth)).text == "done"
    assert world.hits["register"] == 1


async def test_whoever_signs_in_elsewhere_ends_the_wait_here(world: World, vault: Vault) -> None:
    here = build_auth(config(world), vault, SignIn(waits=False))
    assert isinstance(here, OAuthAuth)
    with pytest.raises(SignInNeeded):
        await use(world, here)
    await signed_in(world, vault)
    assert (await use(world, here)).text == "done"
    assert await here.signed_in(600.0)
    await here.close()


async def test_signing_out_counts_in_every_process_at_once(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    auth = build_auth(config(world), vault, None)
    await use(world, auth)
    assert vault.delete("jira") == 1
    with pytest.raises(SignInNeeded):
        await use(world, auth)


async def test_a_static_client_is_used_as_it_is(world: World, vault: Vault) -> None:
    await signed_in(world, vault, client_id="mine", client_secret="hush", issuer=world.issuer)
    assert world.hits["register"] == 0
    assert world.authorized[0]["client_id"] == "mine"
    expire(world, vault)
    world.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    await use(world, build_auth(config(world, client_id="mine", client_secret="new", issuer=world.issuer), vault, None))
    basic = base64.b64encode(b"mine:new").decode()
    assert world.seen[-1]["authorization"] == f"Basic {basic}"  # what it was when we signed in


async def test_a_secret_goes_into_the_form_where_only_that_is_taken(world: World, vault: Vault) -> None:
    world.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    made = build_auth(
        config(world, client_id="mine", client_secret="hush", issuer=world.issuer), vault, Browser().sign_in()
    )
    await use(world, made)
    assert world.seen[0]["client_secret"] == "hush"
    assert world.seen[0]["authorization"] == ""


async def test_a_secret_without_an_issuer_is_refused(world: World, vault: Vault) -> None:
    with pytest.raises(SettingsError, match=r"auth\.issuer"):
        build_auth(config(world, client_id="mine", client_secret="hush"), vault, None)


async def test_a_client_id_document_comes_before_registration(world: World, vault: Vault) -> None:
    world.metadata = {"client_id_metadata_document_supported": True}
    document = "https://client.example.org/stepwarden.json"
    await signed_in(world, vault, client_metadata_url=document)
    assert world.authorized[0]["client_id"] == document
    assert vault.load("jira", world.server) is not None


async def test_registration_takes_over_where_documents_are_not_known(world: World, vault: Vault) -> None:
    made = config(world, client_metadata_url="https://client.example.org/stepwarden.json")
    await use(world, build_auth(made, vault, Browser().sign_in()))
    assert world.hits["register"] == 1


async def test_a_machine_signs_in_with_its_credentials_and_stores_nothing(world: World, vault: Vault) -> None:
    made = config(
        world, type="client_credentials", client_id="m", client_secret="hush", issuer=world.issuer, scopes="use"
    )
    auth = build_auth(made, vault, None)
    assert (await use(world, auth)).text == "done"
    assert world.seen[0]["scope"].split()[0] == "use"
    assert world.seen[0]["authorization"].startswith("Basic ")
    world.end_access()
    assert (await use(world, auth)).text == "done"
    assert world.hits["token:client_credentials"] == 2
    assert not vault.directory.exists()


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"type": "bearer", "token": "t-1"}, "Bearer t-1"),
        ({"type": "basic", "email": "a@b.c", "token": "t-1"}, "Basic " + base64.b64encode(b"a@b.c:t-1").decode()),
    ],
)
async def test_tokens_of_the_entry_are_sent_and_their_refusal_is_told(
    world: World, vault: Vault, auth: dict[str, str], header: str
) -> None:
    made = build_auth(config(world, **auth), vault, None)
    with pytest.raises(SignInFailed, match=r"jira refuses the .*token of its auth entry") as caught:
        await use(world, made)
    assert world.bearers == [header]
    assert "t-1" not in str(caught.value) + repr(made)


async def test_a_server_that_needs_no_sign_in_is_left_alone(world: World, vault: Vault) -> None:
    assert build_auth(config(world, type="none"), vault, None) is None
    assert build_auth(UpstreamConfig.model_validate({"name": "local", "command": "x"}), vault, None) is None


async def test_no_token_goes_to_another_host_or_where_it_redirects(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    auth = build_auth(config(world), vault, None)
    async with plain_client(auth=auth, follow_redirects=True) as client:
        other = await client.post(world.issuer + "/v1/revoke", data={"token": "x"})
        moved = await client.post(world.server.replace("/mcp", "/moved"))
    assert "authorization" not in other.request.headers
    assert moved.url.path == "/stolen"
    assert "authorization" not in moved.request.headers


async def test_more_rights_are_asked_for_when_a_call_needs_them(world: World, vault: Vault) -> None:
    world.challenge_scope = "use"
    browser = Browser()
    auth = build_auth(config(world), vault, browser.sign_in())
    await use(world, auth)
    world.needs = "write"
    assert (await use(world, auth)).text == "done"
    assert set(world.authorized[-1]["scope"].split()) >= {"use", "write"}
    assert len(browser.opened) == 2


async def test_more_rights_are_told_in_one_line_where_nobody_can_be_asked(world: World, vault: Vault) -> None:
    await signed_in(world, vault, scopes="use")
    world.needs = "write"
    auth = build_auth(config(world, scopes="use"), vault, None)
    with pytest.raises(SignInNeeded, match=r"wants more rights .*stepwarden login jira --scope write`") as caught:
        await use(world, auth)
    assert "\n" not in str(caught.value)


async def test_what_a_server_wants_cannot_become_a_command(world: World, vault: Vault) -> None:
    await signed_in(world, vault, scopes="use")
    world.needs = "$(touch x);`y`"
    with pytest.raises(SignInNeeded, match=re.escape("--scope '$(touch x);`y`'`")):
        await use(world, build_auth(config(world, scopes="use"), vault, None))


async def test_rights_that_are_not_granted_end_in_one_question(world: World, vault: Vault) -> None:
    world.grants = "use"
    browser = Browser()
    auth = build_auth(config(world), vault, browser.sign_in())
    await use(world, auth)
    world.needs = "write"
    with pytest.raises(SignInFailed, match="still wants more rights"):
        await use(world, auth)
    assert len(browser.opened) == 2


async def test_how_it_stands_is_told_without_a_token(world: World, vault: Vault) -> None:
    assert auth_status(config(world), vault).state == "signed out"
    world.grants = "use"
    began = time.time()
    await signed_in(world, vault, scopes="use write")
    found = auth_status(config(world, scopes="use write"), vault)
    assert (found.state, found.issuer, found.account) == ("signed in", world.issuer, "ana@example.org")
    assert (found.scopes, found.missing) == (("use",), ("write",))
    assert found.expires_at is not None
    assert found.expires_at > began
    expire(world, vault)
    assert auth_status(config(world), vault).state == "renewable"
    assert "access-" not in repr(found)
