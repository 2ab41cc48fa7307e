"""Signing in by way of an enterprise's identity provider (SEP-990): ID token, ID-JAG, access token."""

import base64
import logging
import time
from pathlib import Path
from typing import Any

import jwt  # noqa: TID253 - it plays the server
import pytest
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: TID253 - it makes keys
from idp import Idp
from pydantic import ValidationError
from starlette.responses import JSONResponse, PlainTextResponse, Response
from waking import said, waking
from world import JWT_BEARER, World, config, expire, use

from stepwarden.errors import SignInFailed, StepwardenError, UpstreamDown
from stepwarden.upstream.auth_config import AuthConfig
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth import Vault, auth_status, build_auth
from stepwarden.upstream.oauth.machine_token_cache import entry_digest


def by_idp(world: World, idp: Idp, **more: Any) -> UpstreamConfig:
    """An entry; `more` is for its `idp`."""
    place = {"issuer": idp.issuer, "client_id": "at-idp"} | more
    known = {"client_id": "m", "client_secret": "hush", "issuer": world.issuer, "scopes": "use"}
    return config(world, type="enterprise", idp=place, **known)


@pytest.fixture
def token_file(tmp_path: Path, idp: Idp) -> Path:
    path = tmp_path / "id-token"
    path.write_text(idp.id_token() + "\n")
    path.chmod(0o600)
    return path


@pytest.mark.asyncio
async def test_both_exchanges_carry_what_the_standards_ask_for(world: World, idp: Idp, vault: Vault) -> None:
    token = idp.id_token()
    assert (await use(world, build_auth(by_idp(world, idp, id_token=token), vault, None))).text == "done"
    assert idp.seen == [
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type": "urn:ietf:params:oauth:token-type:id-jag",
            "audience": world.issuer,
            "resource": world.server,
            "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "scope": "use",
            "client_id": "at-idp",
            "authorization": "",
        }
    ]
    (form,) = world.seen
    claims = jwt.decode(form.pop("assertion"), world.idp_key, algorithms=["ES256"], audience=world.issuer)
    assert claims["sub"] == "ana"
    basic = "Basic " + base64.b64encode(b"m:hush").decode()
    assert form == {"grant_type": JWT_BEARER, "resource": world.server, "scope": "use", "authorization": basic}


@pytest.mark.asyncio
async def test_an_identity_provider_can_want_a_secret_and_describe_itself_nowhere(
    world: World, idp: Idp, vault: Vault
) -> None:
    place = {"issuer": None, "token_endpoint": idp.issuer + "/token", "client_secret": "s:1"}
    made = by_idp(world, idp, id_token=idp.id_token(), **place)
    assert (await use(world, build_auth(made, vault, None))).text == "done"
    assert idp.seen[0]["authorization"] == "Basic " + base64.b64encode(b"at-idp:s%3A1").decode()


@pytest.mark.asyncio
async def test_a_file_of_the_id_token_is_read_anew_at_each_exchange(
    world: World, idp: Idp, vault: Vault, token_file: Path
) -> None:
    made = by_idp(world, idp, id_token_file=str(token_file))
    auth = build_auth(made, vault, None)
    assert (await use(world, auth)).text == "done"
    token_file.write_text(idp.id_token(life_s=-5))
    assert (await use(world, auth)).text == "done"  # what it got is good for longer than the ID token
    expire(world, vault, entry=entry_digest(made.auth))
    with pytest.raises(SignInFailed, match=r"The ID token of jira ended at .* UTC: get a new one and write it to "):
        await use(world, auth)
    assert len(idp.seen) == 1  # an ended one is not sent
    token_file.write_text(fresh := idp.id_token(jti="second"))
    assert (await use(world, auth)).text == "done"
    assert idp.seen[-1]["subject_token"] == fresh


@pytest.mark.asyncio
async def test_an_id_token_the_provider_refuses_is_told_with_what_to_do_and_never_shown(
    world: World, idp: Idp, vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = Idp(idp.issuer).id_token()  # signed by another key
    made = by_idp(world, idp, id_token=token)
    with pytest.raises(SignInFailed, match=r"refuses the ID token of jira .*: get a new one, put it where") as caught:
        await use(world, build_auth(made, vault, None))
    told = str(caught.value) + caplog.text + repr(made) + made.model_dump_json()
    assert token not in told
    assert "no good: ..." in told
    assert "hush" not in told
    assert world.seen == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (JSONResponse({"error": "invalid_client"}, 401), SignInFailed, "refuses the client at-idp .*auth.idp of jira"),
        (JSONResponse({"error": "access_denied"}, 400), SignInFailed, "whoever administers it has to allow the client"),
        (JSONResponse({"error": "invalid_target"}, 400), SignInFailed, "to allow the client at-idp what it asks for"),
        (JSONResponse({"access_token": "x"}), SignInFailed, "gave another token than the ID-JAG"),
        (PlainTextResponse("busy", 503), UpstreamDown, "HTTP 503 and no token; what is stored is kept"),
        (PlainTextResponse("x" * 2_000_000), SignInFailed, "more than 1000000 bytes"),
    ],
)
async def test_an_identity_provider_that_gives_no_assertion(
    world: World, idp: Idp, vault: Vault, fault: Response, kind: type[StepwardenError], words: str
) -> None:
    idp.fault = fault
    with pytest.raises(kind, match=words) as caught:
        await use(world, build_auth(by_idp(world, idp, id_token=idp.id_token()), vault, None))
    assert "\n" not in str(caught.value)
    assert world.seen == []


@pytest.mark.asyncio
async def test_a_token_of_another_kind_is_not_sent_on(world: World, idp: Idp, vault: Vault) -> None:
    idp.issues = "urn:ietf:params:oauth:token-type:access_token"
    with pytest.raises(SignInFailed, match="another token than the ID-JAG that was asked for"):
        await use(world, build_auth(by_idp(world, idp, id_token=idp.id_token()), vault, None))
    assert world.seen == []


@pytest.mark.asyncio
async def test_an_identity_provider_that_is_another_gets_nothing(world: World, idp: Idp, vault: Vault) -> None:
    idp.names = "https://evil.example.org"
    with pytest.raises(SignInFailed, match=r"says that it is https://evil\.example\.org; nothing was stored"):
        await use(world, build_auth(by_idp(world, idp, id_token=idp.id_token()), vault, None))
    assert idp.seen == []


@pytest.mark.asyncio
async def test_a_provider_that_describes_itself_nowhere_is_told(world: World, idp: Idp, vault: Vault) -> None:
    made = by_idp(world, idp, id_token=idp.id_token(), issuer=idp.issuer + "/elsewhere")
    with pytest.raises(SignInFailed, match=r"does not describe itself .* correct auth\.idp\.issuer"):
        await use(world, build_auth(made, vault, None))


@pytest.mark.asyncio
async def test_nothing_is_asked_for_an_authorization_server_that_is_not_configured(
    world: World, idp: Idp, vault: Vault
) -> None:
    made = by_idp(world, idp, id_token=idp.id_token())
    made = made.model_copy(update={"auth": made.auth.model_copy(update={"issuer": "https://a.example"})})
    with pytest.raises(SignInFailed, match=r"its entry names the issuer https://a\.example; nothing was sent there"):
        await use(world, build_auth(made, vault, None))
    assert idp.seen == world.seen == []


@pytest.mark.asyncio
async def test_a_server_that_does_not_trust_the_provider_is_told_without_the_assertion(
    world: World, idp: Idp, vault: Vault
) -> None:
    world.idp_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(SignInFailed, match=r"it has to trust that provider.*as m and at-idp") as caught:
        await use(world, build_auth(by_idp(world, idp, id_token=idp.id_token()), vault, None))
    assert world.seen[0]["assertion"] not in str(caught.value)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0o600, "cannot be read: No such file or directory; write a current one there"),
        ("a.b.c", 0o644, "can be read by others; chmod 600 it"),
        ("hidden-1", 0o600, "is not a JWT .three parts with dots.: get a new one"),
        ("", 0o600, "is not a JWT .three parts with dots.: get a new one"),
    ],
)
async def test_files_without_a_usable_id_token(
    world: World, idp: Idp, vault: Vault, tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(SignInFailed, match=words) as caught:
        await use(world, build_auth(by_idp(world, idp, id_token_file=str(path)), vault, None))
    assert "hidden-1" not in str(caught.value)
    assert idp.seen == []


@pytest.mark.asyncio
async def test_processes_that_wake_together_exchange_once_and_a_restart_not_at_all(
    world: World, idp: Idp, vault: Vault, token_file: Path
) -> None:
    made = by_idp(world, idp, id_token_file=str(token_file))
    world.token_delay_s = 0.3
    async with waking(made, vault, 2) as (processes, _):
        assert processes.stdin
        processes.stdin.close()
        assert await said(processes) == ["200 0"] * 2
    token_file.unlink()
    assert (await use(world, build_auth(made, vault, None))).text == "done"
    assert len(idp.seen) == world.hits["token:" + JWT_BEARER] == 1
    found = auth_status(made, vault)
    assert (found.state, found.account, found.scopes) == ("signed in", "ana@example.org", ("use",))
    assert found.expires_at is not None
    assert found.expires_at > time.time()


IDP = {"issuer": "https://idp.example", "client_id": "c", "id_token_file": "/run/id-token"}
ENTRY = {"type": "enterprise", "client_id": "m", "client_secret": "s", "issuer": "https://a.example", "idp": IDP}


@pytest.mark.parametrize(
    ("idp", "more", "words"),
    [
        ({"id_token": "t"}, {}, "idp needs either id_token_file or id_token"),
        ({"id_token_file": None}, {}, "idp needs either id_token_file or id_token"),
        ({"token_endpoint": "https://idp.example/t"}, {}, "idp needs either issuer or token_endpoint"),
        ({"issuer": None}, {}, "idp needs either issuer or token_endpoint"),
        ({"issuer": "http://idp.example"}, {}, "secrets go over https only, or to this machine; send an https address"),
        ({"id_token_file": "id-token"}, {}, "id_token_file: send an absolute path"),
        ({"client_id": None}, {}, "idp needs client_id"),
        ({"client_secret": "s", "private_key": "k"}, {}, "client_secret and private_key: send one of them"),
        ({}, {"idp": None}, "enterprise needs idp"),
        ({}, {"issuer": None}, "enterprise needs issuer"),
        ({}, {"client_id": None}, "client_secret needs client_id"),
        ({}, {"client_secret": None}, "enterprise needs client_secret, or private_key_file"),
        ({}, {"type": "oauth"}, "idp is for type enterprise"),
    ],
)
def test_an_entry_that_lacks_something_is_told(idp: dict[str, Any], more: dict[str, Any], words: str) -> None:
    AuthConfig.model_validate(ENTRY)
    with pytest.raises(ValidationError, match=words):
        AuthConfig.model_validate(ENTRY | {"idp": IDP | idp} | more)
