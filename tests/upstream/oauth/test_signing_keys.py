"""Machines that sign in with what their private key signs (RFC 7523)."""

import asyncio
import json
import logging
import re
import time
from pathlib import Path
from typing import Any

import jwt  # noqa: TID253 - it plays the server
import pytest
from cryptography.hazmat.primitives import serialization  # noqa: TID253 - it makes keys
from cryptography.hazmat.primitives.asymmetric import (  # noqa: TID253 - it makes keys
    dsa,
    ec,
    ed25519,
    rsa,
)
from starlette.responses import JSONResponse
from waking import said, waking
from world import World, config, expire, use

from stepwarden.errors import SettingsError, SignInFailed, UpstreamDown
from stepwarden.upstream.client_keys import read_client_key
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.config_file import load_upstreams
from stepwarden.upstream.oauth import Vault, auth_status, build_auth
from stepwarden.upstream.oauth.flow import revoke
from stepwarden.upstream.oauth.machine_token_cache import entry_digest

KEYS: dict[str, Any] = {
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "odd": ec.generate_private_key(ec.SECP256K1()),
    "rsa": rsa.generate_private_key(65_537, 2_048),
    "short": rsa.generate_private_key(65_537, 1_024),
    "ed": ed25519.Ed25519PrivateKey.generate(),
    "dsa": dsa.generate_private_key(2_048),
}


def pem(name: str, password: bytes | None = None) -> str:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return KEYS[name].private_bytes(serialization.Encoding.PEM, form, how).decode()


@pytest.fixture
def client_key(tmp_path: Path, world: World) -> Path:
    """The file of the key that the authorization server knows."""
    return written(tmp_path, world, "ec")


def written(folder: Path, world: World, name: str) -> Path:
    world.client_key = KEYS[name].public_key()
    path = folder / "client.pem"
    path.write_text(pem(name))
    path.chmod(0o600)
    return path


def by_key(world: World, **more: Any) -> UpstreamConfig:
    return config(world, type="client_credentials", client_id="m", issuer=world.issuer, **more)


@pytest.mark.asyncio
@pytest.mark.parametrize(("key", "algorithm"), [("ec", "ES256"), ("rsa", "RS256"), ("ed", "EdDSA")])
async def test_an_assertion_is_for_the_issuer_alone_short_and_never_the_same(
    world: World, vault: Vault, tmp_path: Path, key: str, algorithm: str
) -> None:
    made = by_key(world, private_key_file=str(written(tmp_path, world, key)), key_id="k-1", scopes="use")
    for _ in range(2):
        assert (await use(world, build_auth(made, vault, None))).text == "done"
        expire(world, vault, entry=entry_digest(made.auth))
    for form in world.seen:
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert (form["grant_type"], form["resource"], form["scope"]) == ("client_credentials", world.server, "use")
        assert form["authorization"] == ""
        assertion = form["client_assertion"]
        assert jwt.get_unverified_header(assertion) == {"alg": algorithm, "typ": "JWT", "kid": "k-1"}
        claims = jwt.decode(assertion, world.client_key, algorithms=[algorithm], audience=world.issuer)
        assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti"}
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("m", "m", world.issuer)
        assert abs(claims["iat"] - time.time()) < 30
        assert claims["exp"] - claims["iat"] == 120
    assert len(set(world.jtis)) == len(world.seen) == 2


@pytest.mark.asyncio
async def test_a_key_the_server_does_not_know_is_told_with_what_to_do_and_nothing_of_it(
    world: World, vault: Vault, client_key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.client_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    auth = build_auth(by_key(world, private_key_file=str(client_key), key_id="k-1"), vault, None)
    with pytest.raises(SignInFailed, match=r"register its public key \(key id k-1\) there for the client m") as caught:
        await use(world, auth)
    told = str(caught.value) + repr(auth) + caplog.text
    assert world.seen[0]["client_assertion"] not in told
    assert "PRIVATE KEY" not in told
    assert "invalid_client: InvalidSignatureError in ..." in told


@pytest.mark.asyncio
async def test_a_restart_uses_the_stored_token_and_nothing_stored_is_readable(
    world: World, vault: Vault, client_key: Path
) -> None:
    made = by_key(world, private_key_file=str(client_key))
    for _ in range(3):
        fresh = Vault(vault.directory, vault.key_file)
        assert (await use(world, build_auth(made, fresh, None))).text == "done"
    assert world.hits["token:client_credentials"] == 1
    (kept,) = vault.directory.glob("*.token")
    assert not any(token.encode() in kept.read_bytes() for token in world.access)
    found = auth_status(made, vault)
    assert (found.state, found.issuer, found.expires_at is not None) == ("signed in", world.issuer, True)
    expire(world, vault, entry=entry_digest(made.auth))
    assert auth_status(made, vault).state == "configured"


@pytest.mark.asyncio
async def test_processes_that_wake_together_ask_for_one_token(world: World, vault: Vault, client_key: Path) -> None:
    made = by_key(world, private_key_file=str(client_key))
    world.token_delay_s = 0.3
    for count in (1, 2):
        async with waking(made, vault, 5) as (processes, _):
            assert processes.stdin
            processes.stdin.close()
            assert await said(processes) == ["200 0"] * 5
        assert world.hits["token:client_credentials"] == count
        expire(world, vault, entry=entry_digest(made.auth))


@pytest.mark.asyncio
async def test_parallel_calls_share_a_renewal_and_do_not_wait_for_each_other(
    world: World, vault: Vault, client_key: Path
) -> None:
    auth = build_auth(by_key(world, private_key_file=str(client_key)), vault, None)
    began = time.monotonic()
    await asyncio.gather(*(use(world, auth, nap_s=0.5) for _ in range(8)))
    assert time.monotonic() - began < 3
    assert world.hits["token:client_credentials"] == 1


@pytest.mark.asyncio
async def test_without_a_key_of_the_vault_each_process_asks_for_itself(
    world: World, tmp_path: Path, client_key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = by_key(world, private_key_file=str(client_key))
    for count in (1, 2):
        keyless = Vault(tmp_path / "none", tmp_path / "no-key")
        auth = build_auth(made, keyless, None)
        for _ in range(3):
            assert (await use(world, auth)).text == "done"
        assert world.hits["token:client_credentials"] == count
    assert "each process signs in at jira for itself" in caplog.text
    assert not list(tmp_path.glob("none/*.token"))


@pytest.mark.asyncio
async def test_what_was_stored_damaged_or_by_another_entry_is_got_anew(
    world: World, vault: Vault, client_key: Path
) -> None:
    await use(world, build_auth(by_key(world, private_key_file=str(client_key)), vault, None))
    more = by_key(world, private_key_file=str(client_key), scopes="use write")
    await use(world, build_auth(more, vault, None))
    assert world.seen[-1]["scope"] == "use write"
    next(vault.directory.glob("*.token")).write_bytes(b"rubbish")
    assert (await use(world, build_auth(more, vault, None))).text == "done"
    assert world.hits["token:client_credentials"] == 3
    assert vault.load("jira", world.server) is None  # a person's, there is none


@pytest.mark.asyncio
async def test_an_issuer_with_a_slash_too_many_finds_what_it_stored(
    world: World, vault: Vault, client_key: Path
) -> None:
    made = config(
        world, type="client_credentials", client_id="m", issuer=world.issuer + "/", private_key_file=str(client_key)
    )
    for _ in range(2):
        assert (await use(world, build_auth(made, vault, None))).text == "done"
    assert world.hits["token:client_credentials"] == 1
    assert len(world.jtis) == 1


@pytest.mark.asyncio
async def test_nothing_is_signed_for_another_issuer_than_the_configured_one(
    world: World, vault: Vault, client_key: Path
) -> None:
    made = config(
        world, type="client_credentials", client_id="m", issuer="https://a.example", private_key_file=str(client_key)
    )
    with pytest.raises(SignInFailed, match=r"its entry names the issuer https://a\.example; nothing was sent"):
        await use(world, build_auth(made, vault, None))
    world.metadata = {"issuer": "https://evil.example.org"}
    with pytest.raises(SignInFailed, match="issuer mismatch"):
        await use(world, build_auth(by_key(world, private_key_file=str(client_key)), vault, None))
    assert world.seen == []


@pytest.mark.asyncio
async def test_a_key_file_that_goes_away_is_told_and_a_good_token_is_used_until_then(
    world: World, vault: Vault, client_key: Path
) -> None:
    made = by_key(world, private_key_file=str(client_key))
    auth = build_auth(made, vault, None)
    assert (await use(world, auth)).text == "done"
    client_key.unlink()
    found = vault.load("jira", world.server, entry=entry_digest(made.auth))
    assert found is not None
    assert found.tokens is not None
    now = time.time()
    nearly = found.tokens.model_copy(update={"obtained_at": now - 3_600, "expires_at": now + 30})  # due, and yet good
    vault.save(found.model_copy(update={"tokens": nearly}))
    assert (await use(world, auth)).text == "done"
    expire(world, vault, entry=entry_digest(made.auth))
    with pytest.raises(SignInFailed, match=r"Nothing can be signed for jira: private_key_file: .* cannot be read"):
        await use(world, auth)


@pytest.mark.asyncio
async def test_a_server_that_cannot_now_is_asked_again_later(world: World, vault: Vault, client_key: Path) -> None:
    world.token_fault = JSONResponse({"error": "slow_down"}, 400)
    with pytest.raises(UpstreamDown, match="Send the same call again later"):
        await use(world, build_auth(by_key(world, private_key_file=str(client_key)), vault, None))


@pytest.mark.asyncio
async def test_a_token_that_is_refused_or_lacks_rights_is_told_for_a_machine(
    world: World, vault: Vault, client_key: Path
) -> None:
    auth = build_auth(by_key(world, private_key_file=str(client_key), scopes="use"), vault, None)
    await use(world, auth)
    world.needs = "write"
    with pytest.raises(SignInFailed, match=r"refuses what its auth entry gives: jira wants more rights .*write"):
        await use(world, auth)
    world.refuse_all = True
    with pytest.raises(SignInFailed, match=r"refuses a token that http.* just gave for it \(HTTP 401\)"):
        await use(world, auth)
    assert world.hits["token:client_credentials"] == 2


@pytest.mark.asyncio
async def test_a_machine_signs_out_with_its_key(world: World, vault: Vault, client_key: Path) -> None:
    made = by_key(world, private_key_file=str(client_key))
    await use(world, build_auth(made, vault, None))
    found = vault.load("jira", world.server, entry=entry_digest(made.auth))
    assert found is not None
    assert await revoke(made, found) is None
    assert world.hits["revoke"] == 1


def loaded(folder: Path, auth: dict[str, Any], **variables: str) -> UpstreamConfig:
    file = folder / "upstreams.json"
    file.write_text(json.dumps({"upstreams": {"jira": {"url": "https://mcp.example", "auth": auth}}}))
    (found,) = load_upstreams(file, variables)
    return found


MACHINE = {"type": "client_credentials", "client_id": "m", "issuer": "https://auth.example"}


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"private_key": "${KEY}", "algorithm": "RS256"}, "auth.algorithm: RS256 does not go with a key on secp256r1"),
        ({"private_key": "${KEY}", "algorithm": "RS256"}, "send ES256, or leave it out"),
        ({"private_key": "${KEY}", "algorithm": "HS256"}, "auth.algorithm: send one of 'RS256', "),
        ({"private_key": "${ODD}"}, "auth.private_key: a key on secp256k1 cannot be used; make"),
        ({"private_key": "${SHORT}"}, "auth.private_key: an RSA key of 1024 bits cannot be used; make"),
        ({"private_key": "${DSA}"}, "auth.private_key: a DSA key cannot be used; make"),
        ({"private_key": "${LOCKED}"}, "auth.private_key: the key has a passphrase; send one without: openssl"),
        ({"private_key": "hidden-1"}, "auth.private_key: this is not a private key in PEM"),
        ({"private_key": "${NONE}"}, "the variable NONE is not set"),
        ({"private_key_file": "{folder}/none.pem"}, "none.pem cannot be read: No such file or directory"),
        ({"private_key_file": "{folder}"}, "cannot be read: Is a directory"),
        ({"private_key_file": "{folder}/open.pem"}, "open.pem can be read by others; chmod 600 it"),
        ({"private_key_file": "client.pem"}, "private_key_file: send an absolute path, or one that begins with ~/"),
        ({"private_key": "${KEY}", "client_secret": "hidden-1"}, "client_secret and private_key: send one of them"),
        ({"private_key": "${KEY}", "client_id": ""}, "auth: private_key needs client_id"),
        ({"private_key": "${KEY}", "issuer": ""}, "auth: a private key needs issuer, the authorization server"),
        ({"private_key": "${KEY}", "type": "oauth"}, "a private key is for types client_credentials and enterprise"),
        ({"key_id": "k"}, "auth: algorithm and key_id go with private_key_file or private_key"),
        ({}, "auth: client_credentials needs client_secret, or private_key_file"),
        ({"private_keyfile": "x"}, "auth.private_keyfile is unknown here; did you mean private_key_file?"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_when_the_file_is_read(
    tmp_path: Path, auth: dict[str, Any], words: str
) -> None:
    open_to_all = tmp_path / "open.pem"
    open_to_all.write_text(pem("ec"))
    open_to_all.chmod(0o644)
    auth = {key: value.replace("{folder}", str(tmp_path)) for key, value in auth.items()}
    variables = {"KEY": pem("ec"), "ODD": pem("odd"), "SHORT": pem("short"), "DSA": pem("dsa")}
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, MACHINE | auth, LOCKED=pem("ec", b"hush"), **variables)
    told = str(caught.value)
    assert words in told
    assert "hidden-1" not in told
    assert "PRIVATE KEY-----\n" not in told


@pytest.mark.parametrize("in_one_line", [False, True])
def test_a_key_in_a_variable_is_taken_and_never_shown(tmp_path: Path, in_one_line: bool) -> None:
    text = pem("ed")
    key = text.splitlines()[1]
    text = text.replace("\n", "\\n") if in_one_line else text
    found = loaded(tmp_path, MACHINE | {"private_key": "${KEY}", "algorithm": "EdDSA"}, KEY=text)
    assert key not in repr(found) + found.model_dump_json() + repr(read_client_key(found.auth))


def test_the_sample_in_the_docs_is_a_good_one(tmp_path: Path) -> None:
    docs = Path(__file__).resolve().parents[3] / "docs" / "signing-in.md"
    sample = re.search(r"```json\n(\{\n  \"upstreams\".*?)```", docs.read_text("utf-8"), re.DOTALL)
    assert sample
    (tmp_path / "upstreams.json").write_text(sample[1])
    found = load_upstreams(tmp_path / "upstreams.json", {"BUILDS_KEY": pem("ec"), "WIKI_SECRET": "s"})
    assert [config.auth.type for config in found] == ["client_credentials", "enterprise"]
