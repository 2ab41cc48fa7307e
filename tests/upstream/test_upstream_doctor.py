"""What the doctor says of upstream servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from stepwarden.cli import main


def told(home: Path, entries: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("STEPWARDEN_HOME", str(home))
    if entries is not None:
        (home / "upstreams.json").write_text(json.dumps({"upstreams": entries}))
    with pytest.raises(SystemExit):
        main(["doctor"])
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    return [f"{row[0]}: {row[2]}; {row[3]}" for row in rows if row[1] == "upstreams"]


def test_the_doctor_looks_at_every_upstream_without_connecting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(tmp_path, None, capsys, monkeypatch)[0].startswith("ok: none")
    entries = {
        "atlassian": {"preset": "atlassian"},
        "local": {"url": "http://127.0.0.1:9/mcp?key=secret", "auth": {"type": "none"}},
        "gone": {"command": "/no/such/command"},
    }
    rows = told(tmp_path, entries, capsys, monkeypatch)
    assert rows == [
        "note: atlassian: https://mcp.atlassian.com/v1/mcp/authv2: signed out; stepwarden login atlassian",
        "ok: local: http://127.0.0.1:9/mcp; ",
        "problem: gone: /no/such/command: there is no such command; use its absolute path",
    ]


def test_the_doctor_tells_of_a_key_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = {"type": "client_credentials", "client_id": "m", "issuer": "https://a.example", "private_key": "hidden-1"}
    (row,) = told(tmp_path, {"api": {"url": "https://x.example", "auth": auth}}, capsys, monkeypatch)
    assert row.startswith("problem: ")
    assert "api: auth.private_key: this is not a private key in PEM" in row
    assert "hidden-1" not in row


def test_the_doctor_tells_each_mistake_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = told(tmp_path, {"a": {"urll": "https://x.example"}, "B": {}}, capsys, monkeypatch)
    assert len(rows) >= 2
    assert all(row.startswith("problem: ") for row in rows)
