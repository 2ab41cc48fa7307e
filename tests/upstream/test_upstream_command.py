"""`stepwarden upstreams`, as a person types it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hosting import entry
from rigs import listings
from rigs.faulty import Host

from stepwarden.cli import main


class Shell:
    """Runs commands of ours in this process; `code` and `err` are of the last one."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.code: object = 0
        self.err = ""
        self._capsys = capsys

    def upstreams(self, **entries: Any) -> None:
        (self.home / "upstreams.json").write_text(json.dumps({"upstreams": entries}))

    def run(self, *arguments: str) -> str:
        try:
            self.code = main(["upstreams", *arguments])
        except SystemExit as end:
            self.code = end.code or 0
        out, self.err = self._capsys.readouterr()
        return out


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("STEPWARDEN_HOME", str(tmp_path))
    return Shell(tmp_path, capsys)


def test_without_a_file_it_is_said_where_it_would_be(shell: Shell) -> None:
    shell.run("list")
    assert shell.code == 1
    assert "upstreams.json names none" in shell.err


def test_a_check_connects_and_the_list_knows_it_then(shell: Shell, rig: Host) -> None:
    shell.upstreams(rig=entry(rig.serve()), gone={"url": "http://127.0.0.1:9/mcp", "auth": {"type": "none"}})
    assert "rig\t" in (listed := shell.run("list"))
    assert "\tnever\t" in listed
    said = shell.run("check")
    assert "rig: ready, 4 tools" in said
    assert "gone is down" in said
    assert shell.code == 1
    assert "rig: ready" in shell.run("check", "rig")
    assert shell.code == 0
    assert "\t4\t" in shell.run("list")
    shell.run("check", "rik")
    assert "did you mean rig" in shell.err


def test_what_changed_is_shown_and_asked_for(shell: Shell, rig: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    server = rig.serve()
    shell.upstreams(rig=entry(server))
    shell.run("accept", "rig")
    assert "Send the tool with its upstream before it, such as rig/NAME." in shell.err
    shell.run("accept", "rig/echo")
    assert "has listed no tool 'echo'" in shell.err
    shell.run("check")
    shell.run("accept", "rig/echo")
    assert "is trusted as it is" in shell.err
    server.tools = listings.drifting(1)
    shell.run("check")
    assert "\techo\t" in shell.run("list")
    monkeypatch.setattr("typer.confirm", lambda _text: False)
    assert "WIDER: new argument send_to" in shell.run("accept", "rig/echo")
    assert shell.code == 1
    assert "\techo\t" in shell.run("list")
    shell.run("accept", "rig/echo", "--yes")
    assert "is trusted as it is now" in shell.err
    assert "\techo\t" not in shell.run("list")
