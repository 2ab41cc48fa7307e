"""Keeping signed in: renewals, their failures, and several processes at once."""

import asyncio
import os
import signal
import time

import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from waking import said, waking
from world import Browser, World, config, expire, signed_in, use

from stepwarden.errors import SignInFailed, SignInNeeded, UpstreamDown
from stepwarden.upstream.oauth import OAuthAuth, Vault, auth_status, build_auth
from stepwarden.upstream.oauth.token_set import TokenSet

pytestmark = pytest.mark.asyncio


def stored(world: World, vault: Vault) -> TokenSet:
    found = vault.load("jira", world.server)
    assert found is not None
    return found


async def test_a_rotated_token_is_stored_before_it_is_used(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    ended = expire(world, vault)
    await use(world, build_auth(config(world), vault, None))
    tokens, before = stored(world, vault).tokens, ended.tokens
    assert tokens is not None
    assert before is not None
    assert world.bearers[-1] == f"Bearer {tokens.access}"
    assert tokens.refresh != before.refresh
    assert tokens.refresh in world.refreshes


async def test_a_server_that_does_not_rotate_keeps_its_refresh_token(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    before = expire(world, vault).tokens
    world.refresh = False
    await use(world, build_auth(config(world), vault, None))
    after = stored(world, vault).tokens
    assert before is not None
    assert after is not None
    assert after.refresh == before.refresh


async def test_a_revoked_refresh_token_is_asked_once_and_then_a_person(
    world: World, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    await signed_in(world, vault)
    ended = expire(world, vault)
    world.refreshes.clear()
    for _ in range(3):
        with pytest.raises(SignInNeeded, match=r"sign in again \(the authorization server ended it: invalid_grant"):
            await use(world, build_auth(config(world), vault, None))
    assert world.hits["token:refresh_token"] == 1
    assert world.hits["use"] == 3
    assert auth_status(config(world), vault).state == "ended"
    assert ended.tokens is not None
    assert str(ended.tokens.refresh) not in caplog.text + str(auth_status(config(world), vault))


async def test_a_lost_registration_is_made_anew(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    expire(world, vault)
    world.token_fault = JSONResponse({"error": "invalid_client"}, 401)
    with pytest.raises(SignInNeeded, match="invalid_client"):
        await use(world, build_auth(config(world), vault, None))
    assert stored(world, vault).client is None
    world.token_fault = None
    assert (await use(world, build_auth(config(world), vault, Browser().sign_in()))).text == "done"
    assert world.hits["register"] == 1


async def test_a_passing_failure_keeps_the_sign_in(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    expire(world, vault)
    world.token_fault = PlainTextResponse("busy", 503)
    auth = build_auth(config(world), vault, None)
    for _ in range(2):
        with pytest.raises(UpstreamDown, match="HTTP 503 and no token; what is stored is kept"):
            await use(world, auth)
    assert world.hits["token:refresh_token"] == 1  # the second call did not ask again at once
    world.token_fault = None
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"


async def test_a_token_that_is_still_good_is_used_while_it_cannot_be_renewed(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    found = stored(world, vault)
    assert found.tokens is not None
    due = found.tokens.model_copy(update={"obtained_at": time.time() - 3_590, "expires_at": time.time() + 10})
    vault.save(found.model_copy(update={"tokens": due}))
    world.token_fault = PlainTextResponse("busy", 503)
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"
    world.token_fault = None
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"
    assert world.hits["token:refresh_token"] == 2


async def test_a_fresh_token_that_is_refused_is_tried_once(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    world.refuse_all = True
    with pytest.raises(SignInFailed, match="refuses a token that was just given"):
        await use(world, build_auth(config(world), vault, None))
    assert (world.hits["use"], world.hits["token:refresh_token"]) == (2, 1)


async def test_clocks_that_differ_cost_one_renewal(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    world.end_access()  # the server's clock is an hour ahead of ours
    auth = build_auth(config(world), vault, None)
    assert (await use(world, auth)).text == "done"
    assert world.hits["token:refresh_token"] == 1
    behind = OAuthAuth(config(world), vault, None, clock=lambda: time.time() - 7_200)
    assert (await use(world, behind)).text == "done"
    assert world.hits["token:refresh_token"] == 2


async def test_a_call_that_is_given_up_does_not_lose_the_new_token(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    expire(world, vault)
    world.token_delay_s = 0.2
    auth = build_auth(config(world), vault, None)
    assert isinstance(auth, OAuthAuth)
    call = asyncio.create_task(use(world, auth))
    while not world.hits["token:refresh_token"]:
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait({call})
    await auth.close()
    found = stored(world, vault).tokens
    assert found is not None
    assert found.refresh in world.refreshes


async def test_a_token_is_not_spent_where_its_successor_could_not_be_kept(
    world: World, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signed_in(world, vault)
    expire(world, vault)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Exception, match="No space left on device"):
            await use(world, build_auth(config(world), vault, None))
    assert world.hits["token:refresh_token"] == 0
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"


async def test_twenty_processes_that_wake_together_renew_once_and_open_no_window(world: World, vault: Vault) -> None:
    await signed_in(world, vault)
    expire(world, vault)
    world.token_delay_s = 0.3
    async with waking(config(world), vault, 20) as (processes, _):
        assert processes.stdin
        processes.stdin.close()
        assert await said(processes) == ["200 0"] * 20
    assert world.hits["token:refresh_token"] == 1
    assert world.hits["authorize"] == world.families_revoked == 0


async def test_a_process_that_hangs_in_its_renewal_is_named_and_no_token_is_spent_twice(
    world: World, vault: Vault
) -> None:
    await signed_in(world, vault)
    expire(world, vault)
    world.token_delay_s = 0.3
    async with waking(config(world), vault, 1) as (processes, hung):
        assert processes.stdin
        processes.stdin.close()
        while not world.hits["token:refresh_token"]:
            await asyncio.sleep(0.001)
        os.kill(hung, signal.SIGSTOP)
        waiting = OAuthAuth(config(world), vault, None, lock_wait_s=0.3)
        with pytest.raises(UpstreamDown, match=f"Process {hung} has been signing in at jira"):
            await use(world, waiting)
        os.kill(hung, signal.SIGCONT)
        assert await said(processes) == ["200 0"]
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"
    assert (world.hits["token:refresh_token"], world.families_revoked) == (1, 0)
