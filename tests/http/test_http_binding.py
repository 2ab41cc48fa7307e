"""What the server binds, and to whom it is open there."""

import errno
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from stepwarden.errors import SettingsError
from stepwarden.http.access import access, is_loopback
from stepwarden.settings import Settings, load_settings
from tests.support.http_server import TOKENS_SETTING, HttpServer, bearer, requests
from tests.support.processes import SCRIPT, Ended, environment, run

pytestmark = pytest.mark.anyio

TOKENS = {"ana": SecretStr("ana-0123456789abcdef")}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_only_this_machine_reaches_a_loopback_address(host: str) -> None:
    assert is_loopback(host)
    assert access(Settings(host=host)).digests == {}


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.0.2.1", "example.com", "localhost.example.com", "1270.0.0.1"]
)
def test_any_other_address_wants_tokens(host: str) -> None:
    with pytest.raises(SettingsError, match="set STEPWARDEN_TOKENS"):
        access(Settings(host=host))
    assert access(Settings(host=host or "0.0.0.0", tokens=TOKENS)).digests.keys() == {"ana"}


def test_the_bound_host_and_the_allowed_ones_are_answered_and_a_wildcard_is_none() -> None:
    allowed = ("warden.example", "Other.example:8443", "2001:db8::1")
    places = access(Settings(host="192.0.2.1", tokens=TOKENS, allowed_hosts=allowed)).places
    own = {("localhost", None), ("127.0.0.1", None), ("::1", None)}
    named = {("192.0.2.1", None), ("warden.example", None), ("other.example", 8443), ("2001:db8::1", None)}
    assert places == own | named
    assert access(Settings(host="0.0.0.0", tokens=TOKENS)).places == own


@pytest.mark.parametrize("wrong", ["http://warden.example", "warden.example/mcp", "warden.example:many"])
def test_an_allowed_host_that_is_no_host_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="is no host name"):
        access(Settings(allowed_hosts=(wrong,)))


@pytest.mark.parametrize("name", ["local", "anonymous"])
def test_no_token_makes_anybody_a_caller_without_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWARDEN_TOKENS", f"{name}:0123456789abcdef")
    with pytest.raises(SettingsError, match="stands for callers without a token"):
        load_settings()


def refused(state: Path, *arguments: str, **more: str) -> Ended:
    return run([str(SCRIPT), "serve", "--transport", *arguments], environment(state, **more), state)


def test_an_open_address_without_tokens_is_refused_in_one_line(tmp_path: Path) -> None:
    ended = refused(tmp_path, "sse", "--host", "0.0.0.0", "--port", "0")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Other machines can reach 0.0.0.0, and no tokens are set")
    assert len(ended.stderr.splitlines()) == 1


def test_an_address_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = refused(tmp_path, "http", STEPWARDEN_PORT=str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert (
        ended.stderr
        == f"Cannot listen on 127.0.0.1:{port}: {os.strerror(errno.EADDRINUSE)}; choose another --host or --port.\n"
    )


async def test_an_open_address_with_tokens_answers_allowed_hosts_only(serving: Callable[..., HttpServer]) -> None:
    server = serving("--host", "0.0.0.0", STEPWARDEN_TOKENS=TOKENS_SETTING, STEPWARDEN_ALLOWED_HOSTS="warden.example")
    port = server.base.rpartition(":")[2]
    async with requests(base_url=f"http://127.0.0.1:{port}") as http:
        found = {
            host: (await http.get("/health", headers={"Host": host})).status_code
            for host in (f"warden.example:{port}", f"0.0.0.0:{port}", f"evil.example:{port}")
        }
        assert list(found.values()) == [200, 421, 421]
        assert (await http.get("/mcp", headers=bearer("ana"))).status_code != 401


async def test_the_command_line_wins_over_the_settings(serving: Callable[..., HttpServer]) -> None:
    server = serving("--host", "::1", STEPWARDEN_HOST="127.0.0.1", STEPWARDEN_PORT="1")
    assert server.url.startswith("http://[::1]:")
    async with requests() as http:
        assert (await http.get(f"{server.base}/health")).status_code == 200


async def test_the_records_of_uvicorn_are_json_on_stderr_like_ours(serving: Callable[..., HttpServer]) -> None:
    server = serving(STEPWARDEN_LOG_LEVEL="INFO")
    async with requests() as http:
        assert (await http.get(f"{server.base}/health")).status_code == 200
    server.end()
    records = [json.loads(line) for line in server.log().splitlines()]
    assert any(record["logger"] == "uvicorn.access" and "/health" in record["message"] for record in records)
