"""What an entry says of itself to people: where it is, and its upstream's words, without its secrets."""

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from hosting import host
from rigs.faults import Fault
from rigs.faulty import Host

from stepwarden.errors import SettingsError
from stepwarden.logs import configure_logging
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.config_file import MOST_BYTES, load_upstreams

SECRET = "hunter2secret"


def config(**entry: Any) -> UpstreamConfig:
    return UpstreamConfig.model_validate({"name": "rig", **entry})


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"url": "https://host/mcp?key=hunter2secret"}, "https://host/mcp"),
        ({"command": "npx", "args": ["-y", "mcp-remote", SECRET]}, "npx mcp-remote"),
        ({"command": "/usr/bin/python3", "args": ["-m", "jira"]}, "/usr/bin/python3 jira"),
        ({"command": "uv", "args": ["run", "server.py"]}, "uv server.py"),
        ({"command": "node", "args": ["server.js?key=hunter2secret"]}, "node server.js"),
        ({"command": "python", "args": ["-c", f"print('{SECRET}')"]}, "python"),
        ({"command": "npx", "args": ["--token", SECRET, "x"]}, "npx"),
        ({"command": "mcp-x", "args": [SECRET]}, "mcp-x"),
        ({"command": "uvx", "args": [f"git+https://me:{SECRET}@host/x"]}, "uvx git+https://host/x"),
        ({"command": "mcp-x"}, "mcp-x"),
    ],
)
def test_a_place_names_what_runs_and_no_argument_that_could_be_a_secret(entry: dict[str, Any], place: str) -> None:
    assert config(**entry).place == place


def test_the_secrets_of_an_entry_are_masked_and_other_words_are_not() -> None:
    remote = config(
        url="https://host/mcp",
        headers={"Authorization": f"Bearer {SECRET}", "X-Env": "server", "X-Api-Key": "k-123456"},
    )
    assert (
        remote.without_secrets(f"{SECRET} is no key of this server, k-123456")
        == "[secret] is no key of this server, [secret]"
    )
    local = config(command="x", env={"JIRA_API_TOKEN": SECRET, "AUTHOR": "somebody", "DB_PASS": "short"})
    assert local.without_secrets(f"somebody sent {SECRET} in short") == "somebody sent [secret] in short"
    bearer = config(url="https://host/mcp", auth={"type": "bearer", "token": SECRET})
    assert bearer.without_secrets(f"bad token {SECRET}") == "bad token [secret]"


@pytest.mark.asyncio
async def test_a_secret_that_a_command_prints_when_it_ends_is_told_to_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = tmp_path / "dies.py"
    script.write_text(
        "import os, sys\nsys.stderr.write('cannot use key ' + os.environ['MY_TOKEN'] + '.\\n')\nsys.exit(9)\n"
    )
    entries = {"rig": {"command": sys.executable, "args": [str(script)], "env": {"MY_TOKEN": SECRET}}}
    with caplog.at_level(logging.DEBUG):
        async with host(tmp_path, entries) as model:
            said = await model.says(action="status", upstream="rig")
            said += await model.says(action="status")
    assert said.count("ended with code 9: cannot use key [secret]") == 2
    assert "key [secret]. Nothing was sent" in said
    assert SECRET not in said + caplog.text


@pytest.mark.asyncio
async def test_where_no_key_is_there_it_is_said_which_server_wanted_a_sign_in(
    tmp_path: Path, rig: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepwarden.upstream.oauth.keys._suitable_keyring", lambda: None)
    server = rig.serve(Fault.REFUSES, on="*")
    async with host(tmp_path, {"rig": {"url": server.url, "auth": {"type": "oauth"}}}) as model:
        said = await model.says(action="call", tool="rig/echo", arguments={"text": "a"})
    assert said.startswith("rig cannot be signed in at. Nothing was sent. Tokens are kept encrypted or not at all")


def test_the_sdks_client_does_not_log_what_upstreams_send() -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    client = logging.getLogger("mcp.client")
    try:
        configure_logging("INFO")
        assert not logging.getLogger("mcp.client.streamable_http").isEnabledFor(logging.ERROR)
    finally:
        client.setLevel(logging.NOTSET)
        logging.getLogger().handlers[:], level = before
        logging.getLogger().setLevel(level)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ('"allow": "x*"', "allow: send a list [...]"),
        ('"auth": "oauth"', "auth: send an object {...}"),
        ('"auth": {"type": "oath"}', "auth.type: send one of 'none', 'oauth', "),
        ('"headers": []', "headers: send an object {...}"),
        ('"timeout_s": "long"', "timeout_s: send a number"),
        ('"timeout_s": 0', "timeout_s: send more than 0"),
        ('"timeout_s": 9999', "timeout_s: send 3600.0 or less"),
        ('"result_bytes": 1', "result_bytes: send 1000 or more"),
        ('"prefix": "a b"', "prefix: send at most 12 letters, digits and _, such as jira"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_what_to_send(tmp_path: Path, entry: str, told: str) -> None:
    path = tmp_path / "upstreams.json"
    path.write_text(f'{{"upstreams": {{"rig": {{"url": "https://host/mcp", {entry}}}}}}}')
    with pytest.raises(Exception, match="rig: ") as caught:
        load_upstreams(path, {})
    assert told in str(caught.value)


ADDRESS = '"url": "https://host/mcp"'


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ('{"preset": "jora"}', "preset: unknown; the presets are: "),
        ("{}", "send either url, or command with args, or preset"),
        ('{"url": "https://host/mcp", "command": "run"}', "send either url, or command with args, or preset"),
        ('{"command": "run", "type": "sse"}', "type sse needs url, not command"),
        ('{"command": "run", "auth": {"type": "bearer", "token": "x"}}', "give secrets to a command by env"),
        (f'{{{ADDRESS}, "type": "stdio"}}', "type stdio needs command, not url"),
        (f'{{{ADDRESS}, "args": ["x"]}}', "args, env and cwd are for servers with command"),
        ('{"url": "host/mcp"}', "url: send an address such as https://host/mcp"),
        ('{"url": "https://host:99999/mcp"}', "url: send an address such as https://host/mcp"),
        ('{"url": "https://me:pw@host/mcp"}', "url: there is a password in it; use auth"),
        ('{"url": "http://host/mcp", "headers": {"X-Api-Key": "k"}}', "secrets go over https only"),
        (f'{{{ADDRESS}, "timeouts": 3}}', "timeouts is unknown here; did you mean timeout_s?"),
        (f'{{{ADDRESS}, "zzz": 3}}', "zzz is unknown here; leave it out"),
        (f'{{{ADDRESS}, "auth": {{"type": "bearer", "tokn": "x"}}}}', "auth.tokn is unknown here; did you mean token?"),
        (f'{{{ADDRESS}, "name": "other"}}', "name is unknown here; the key is the name"),
        (f'{{{ADDRESS}, "headers": {{"X": "${{NOT_SET}}"}}}}', "${NOT_SET}: the variable NOT_SET is not set"),
        ("7", "send an object {...}"),
    ],
)
def test_an_entry_that_cannot_be_is_told_with_what_to_send(tmp_path: Path, entry: str, told: str) -> None:
    path = tmp_path / "upstreams.json"
    path.write_text(f'{{"upstreams": {{"rig": {entry}}}}}')
    with pytest.raises(SettingsError, match="rig: ") as caught:
        load_upstreams(path, {})
    assert told in str(caught.value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not valid JSON: "),
        ("[]", 'is not {"upstreams": {"name": {...}}}, in JSON'),
        ('{"upstreams": []}', 'is not {"upstreams": {"name": {...}}}, in JSON'),
        ('{"upstreams": {}, "mcpServers": {}}', 'is not {"upstreams": {"name": {...}}}, in JSON'),
        ('{"upstreams": {"a": {}, "a": {}}}', "has 'a' twice"),
        ('{"upstreams": ' + "[" * 100_000, "is nested too deep"),
        ("\udcff", "is not UTF-8 text"),
        (" " * (MOST_BYTES + 1), "is over "),
        ('{"upstreams": {"A b": {}}}', "a name is a letter and up to 31 more of a-z, 0-9, - and _"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "upstreams.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError) as caught:
        load_upstreams(path, {})
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_upstreams(tmp_path, {})


def test_references_are_filled_in_everywhere_and_disabled_entries_left_out(tmp_path: Path) -> None:
    path = tmp_path / "upstreams.json"
    path.write_text(
        '{"mcpServers": {"off": {"disabled": true}, "on": {"command": "${RUN:-npx}", "args": ["${WHAT}"],'
        ' "env": {"KEY": "${SECRET}"}}}}'
    )
    (config,) = load_upstreams(path, {"WHAT": "a-server", "SECRET": "k-1"})
    assert (config.name, config.command, config.args) == ("on", "npx", ("a-server",))
    assert config.env["KEY"].get_secret_value() == "k-1"
    assert load_upstreams(tmp_path / "none.json", {}) == ()


def test_two_servers_may_not_share_the_prefix_of_exposed_tools(tmp_path: Path) -> None:
    path = tmp_path / "upstreams.json"
    entry = f'{{{ADDRESS}, "expose": ["*"], "prefix": "jira"}}'
    path.write_text(f'{{"upstreams": {{"a": {entry}, "b": {entry}}}}}')
    with pytest.raises(SettingsError, match="b: prefix jira is that of a; choose another"):
        load_upstreams(path, {})
