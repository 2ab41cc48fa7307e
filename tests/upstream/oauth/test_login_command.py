"""`stepwarden login` and `logout`, as a person types them."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from idp import Idp
from world import World, config, expire, plain_client, use

from stepwarden.upstream.oauth import Vault, build_auth
from tests.support.processes import ROOT, SCRIPT, Process, ending, environment, start

pytestmark = pytest.mark.asyncio

Ended = tuple[int, str, str]


@dataclass
class Command:
    """A command of ours under way. What blocks is waited for in threads: the servers it asks are in this loop."""

    process: Process

    async def line(self) -> str:
        """Return the next line of its output; empty where there is none any more."""
        assert self.process.stdout
        return (await asyncio.to_thread(self.process.stdout.readline)).decode().strip()

    def type(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode() + b"\n")

    async def over(self) -> Ended:
        """Return its exit code, and all that it still said on both of its outputs."""
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdin.close()
        out, err = await asyncio.gather(
            asyncio.to_thread(self.process.stdout.read), asyncio.to_thread(self.process.stderr.read)
        )
        return await asyncio.to_thread(self.process.wait), out.decode(), err.decode()


@dataclass
class Home:
    """A user of ours, with one file of upstreams."""

    path: Path
    key_file: Path | None

    def upstreams(self, **entries: Any) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "upstreams.json").write_text(json.dumps({"upstreams": entries}))

    @asynccontextmanager
    async def command(self, *arguments: str, fresh: bool = False) -> AsyncGenerator[Command]:
        """Start a command; a `fresh` one begins with an interpreter of its own, as a person's does."""
        more = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        more |= {"STEPWARDEN_VAULT_KEY_FILE": str(self.key_file)} if self.key_file else {}
        process = start([str(SCRIPT), *arguments], environment(self.path, **more), ROOT, fresh=fresh)
        with ending(process):
            yield Command(process)

    async def run(self, *arguments: str) -> Ended:
        async with self.command(*arguments) as command:
            return await command.over()


@pytest.fixture
def home(vault: Vault, key_file: Path, world: World) -> Home:
    made = Home(vault.directory.parent, key_file)
    made.upstreams(jira={"url": world.server, "auth": {"type": "oauth"}})
    return made


async def test_a_person_signs_in_looks_and_signs_out(home: Home, vault: Vault, world: World) -> None:
    login_by = home.command("login", "jira", "--no-browser", fresh=True)
    async with login_by as login, plain_client(follow_redirects=True) as browser:
        address = await login.line()
        page = (await browser.get(address)).text
        code, out, err = await login.over()
    assert "You are signed in at jira" in page
    assert (code, out.startswith(f"Signed in at jira as ana@example.org ({world.issuer})")) == (0, True), err
    assert (await use(world, build_auth(config(world), vault, None))).text == "done"

    code, out, err = await home.run("login", "--status")
    assert code == 0
    assert f"jira\tsigned in\tana@example.org\t{world.issuer}\t" in out
    assert not any(secret in out + err for secret in (*world.access, *world.refreshes))

    assert (await home.run("logout", "jira"))[:2] == (
        0,
        "Signed out of jira: what was stored is deleted, and its tokens are revoked.\n",
    )
    assert world.hits["revoke"] == 1
    assert world.refreshes == {}
    assert vault.load("jira", world.server) is None
    assert "jira\tsigned out" in (await home.run("login", "--status"))[1]


async def test_the_answer_can_be_pasted_from_another_machine(home: Home, world: World) -> None:
    async with home.command("login", "jira", "--no-browser") as login, plain_client() as browser:
        ends_on = (await browser.get(await login.line())).headers["location"]
        login.type("is it this?")
        login.type(ends_on.replace("state=", "state=x"))
        login.type(ends_on)
        code, out, err = await login.over()
    assert code == 0, err
    assert "Signed in at jira" in out
    assert "not an address with an answer" in err
    assert "belongs to another sign-in" in err


async def test_nobody_comes(home: Home) -> None:
    code, _, err = await home.run("login", "jira", "--no-browser", "--timeout", "1")
    assert code == 1
    assert "Nobody signed in at jira within 1 s; nothing was stored." in err
    assert "Traceback" not in err


async def test_giving_up_leaves_no_trace(home: Home, vault: Vault, world: World) -> None:
    async with home.command("login", "jira", "--no-browser") as login:
        await login.line()
        login.process.send_signal(signal.SIGINT)
        code, _, err = await login.over()
    assert code not in {0, None}
    assert "Traceback" not in err
    assert vault.load("jira", world.server) is None


async def test_more_scopes_are_added_to_those_granted(home: Home, world: World) -> None:
    world.challenge_scope = "use"
    for more in ((), ("--scope", "write")):
        async with home.command("login", "jira", "--no-browser", *more) as login, plain_client() as browser:
            await browser.get(await login.line(), follow_redirects=True)
            assert (await login.over())[0] == 0
    assert set(world.authorized[-1]["scope"].split()) == {"use", "offline_access", "write"}


async def test_without_a_key_nobody_is_sent_anywhere(home: Home, world: World) -> None:
    home.key_file = None
    code, out, err = await home.run("login", "jira", "--no-browser")
    assert (code, out) == (1, "")
    assert "STEPWARDEN_VAULT_KEY_FILE" in err
    assert not world.hits


@pytest.mark.parametrize(
    ("name", "words"),
    [("jirra", "did you mean jira?"), ("wiki", "there are: jira"), ("../x", "there are: jira")],
)
async def test_a_name_that_is_none(home: Home, name: str, words: str) -> None:
    code, _, err = await home.run("login", name)
    assert code == 1
    assert words in err


async def test_what_needs_no_sign_in_is_told(home: Home, world: World) -> None:
    home.upstreams(
        api={"url": world.server, "auth": {"type": "basic", "email": "a@b.c", "token": "hidden-1"}},
        local={"command": "server"},
    )
    code, out, err = await home.run("login", "api")
    assert (code, out) == (0, "")
    assert "signed in to with the e-mail and API token of its auth entry" in err
    assert "local needs no sign-in" in (await home.run("login", "local"))[2]
    status = await home.run("login", "--status")
    assert "api\tbasic" in status[1]
    assert "hidden-1" not in "".join(map(str, status))
    assert "Nothing was stored for local" in (await home.run("logout", "local"))[2]


async def test_a_machine_needs_no_login_and_shows_and_gives_back_what_it_got(
    home: Home, vault: Vault, world: World, idp: Idp
) -> None:
    place = {"issuer": idp.issuer, "client_id": "at-idp", "id_token": (token := idp.id_token())}
    auth = {"type": "enterprise", "client_id": "m", "client_secret": "hidden-1", "issuer": world.issuer, "idp": place}
    home.upstreams(jira={"url": world.server, "auth": auth})
    assert "with an ID token of your identity provider" in (await home.run("login", "jira"))[2]
    before = await home.run("login", "--status")
    assert f"jira\tenterprise\t\t{world.issuer}" in before[1]
    assert (await use(world, build_auth(config(world, **auth), vault, None))).text == "done"
    after = await home.run("login", "--status")
    assert f"jira\tsigned in\tana@example.org\t{world.issuer}" in after[1]
    out = await home.run("logout", "jira")
    assert out[:2] == (0, "Signed out of jira: what was stored is deleted, and its tokens are revoked.\n")
    assert world.hits["revoke"] == 1
    secrets = ("hidden-1", token, world.seen[0]["assertion"], *world.access)
    assert not any(secret in "".join(map(str, (*before, *after, *out))) for secret in secrets)


async def test_signing_out_works_where_nothing_can_be_revoked(home: Home, vault: Vault, world: World) -> None:
    world.metadata = {"revocation_endpoint": None}
    async with home.command("login", "jira", "--no-browser") as login, plain_client(follow_redirects=True) as browser:
        await browser.get(await login.line())
        await login.over()
    expire(world, vault)
    assert "jira\trenewable" in (await home.run("login", "--status"))[1]
    home.upstreams()
    code, out, err = await home.run("logout", "jira")
    assert (code, out) == (0, "Signed out of jira: what was stored is deleted.\n")
    assert "it is not in the file of upstreams any more" in err
    assert (await home.run("logout", "jira"))[0] == 1
