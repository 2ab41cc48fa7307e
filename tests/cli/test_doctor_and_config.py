"""`stepwarden doctor`, `config`, `--version` and `--help`."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_process import run

from stepwarden import __version__
from stepwarden.cli import doctor
from stepwarden.cli.findings import CheckResult
from stepwarden.cli.hosts import HostName, check_hosts, find_recipe, server_command
from tests.support.processes import SCRIPT

Output = pytest.CaptureFixture[str]


def findings(output: Output) -> dict[str, tuple[str, str, str]]:
    _, *lines = [line.split("\t") for line in output.readouterr().out.splitlines()]
    return {about: (standing, found, advice) for standing, about, found, advice in lines}


def test_a_fresh_installation_is_well_and_nothing_is_made(here: Path, capsys: Output) -> None:
    assert doctor.run_checks() == 0
    found = findings(capsys)
    assert {standing for standing, _, _ in found.values()} == {"ok"}
    assert {"stepwarden", "packages", "settings", "tools", "home", "store", "roots", "Cursor"} <= found.keys()
    assert not (here / "state").exists()


def test_a_store_in_use_is_described(here: Path, thread: Callable[[], str], capsys: Output) -> None:
    assert thread()
    assert doctor.run_checks() == 0
    standing, found, _ = findings(capsys)["store"]
    assert standing == "ok"
    assert "1 threads, 3 events" in found


def test_a_store_that_is_none_is_a_problem(here: Path, capsys: Output) -> None:
    (here / "state").mkdir(mode=0o700)
    (here / "state" / "stepwarden.db").write_bytes(b"something else entirely" * 100)
    assert doctor.run_checks() == 1
    assert findings(capsys)["store"][0] == "problem"


def test_a_home_that_others_can_look_into_is_noted(here: Path, capsys: Output) -> None:
    (here / "state").mkdir()
    (here / "state").chmod(0o755)
    assert doctor.run_checks() == 0
    assert findings(capsys)["home"] == (
        "note",
        f"{here / 'state'}: other users can read it",
        f"chmod 700 {here / 'state'}",
    )


@pytest.mark.parametrize(
    ("variable", "value", "about"),
    [
        ("STEPWARDEN_PORT", "many", "settings"),
        ("STEPWARDEN_HOST", "192.0.2.1", "settings"),
        ("STEPWARDEN_ROOTS", "/no/such/directory", "roots"),
        ("STEPWARDEN_HOME", "/dev/null", "home"),
    ],
)
def test_a_wrong_setting_is_a_problem(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, variable: str, value: str, about: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert doctor.run_checks() == 1
    assert findings(capsys)[about][0] == "problem"


def test_a_tool_that_does_not_exist_is_a_problem(home: Path) -> None:
    ended = run(home, "doctor", STEPWARDEN_TOOLS="debgu")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "problem\ttools\tSTEPWARDEN_TOOLS: no tool 'debgu'" in ended.stdout


def test_a_misspelt_setting_is_noted(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setenv("STEPWARDEN_ROOT", "/work")
    assert doctor.run_checks() == 0
    assert findings(capsys)["settings"][:2] == ("note", "STEPWARDEN_ROOT is not a setting")


def test_a_package_of_our_name_in_front_of_ours_is_a_problem(home: Path) -> None:
    (home / "tools.py").write_text("")
    ended = run(home, "doctor", fresh=True, PYTHONPATH=str(home))
    assert ended.returncode == 1
    assert "the module tools comes from" in ended.stdout


def host_findings(host: str) -> list[CheckResult]:
    return [finding for finding in check_hosts() if finding.about == host]


def configure(file: Path, command: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"mcpServers": {"stepwarden": {"command": command, "args": ["serve"]}}}))


def test_hosts_that_are_not_set_up_are_no_problem(here: Path) -> None:
    assert {(finding.level, finding.found) for finding in check_hosts()} == {("ok", "not set up")}


@pytest.mark.parametrize(
    ("command", "standing"),
    [(str(SCRIPT), "ok"), ("python3", "note"), ("/no/such/stepwarden", "problem"), ("stepwarden-gone", "problem")],
)
def test_the_command_in_a_hosts_configuration_is_looked_for(here: Path, command: str, standing: str) -> None:
    configure(here / ".cursor" / "mcp.json", command)
    (finding,) = host_findings("Cursor")
    assert finding.level == standing
    assert ("stepwarden config cursor" in finding.advice) is (standing != "ok")


def test_a_configuration_that_cannot_be_parsed_is_a_problem(here: Path) -> None:
    (here / ".mcp.json").write_text("{ stepwarden")
    (finding,) = host_findings("Claude Code")
    assert finding.level == "problem"


def test_a_server_that_claude_code_keeps_for_one_project_is_found(here: Path) -> None:
    entry = {"command": str(SCRIPT), "args": ["serve"]}
    data = {"projects": {"/work": {"mcpServers": {"warden": entry, "other": {"command": "gone"}}}}}
    (here / ".claude.json").write_text(json.dumps(data))
    (finding,) = host_findings("Claude Code")
    assert finding.level == "ok"


@pytest.mark.parametrize(
    ("host", "key"), [("claude-desktop", "mcpServers"), ("cursor", "mcpServers"), ("vscode", "servers")]
)
def test_a_snippet_for_a_file_names_this_installation_by_absolute_path(home: Path, host: str, key: str) -> None:
    printed = run(home, "config", host)
    assert printed.returncode == 0
    entry = json.loads(printed.stdout)[key]["stepwarden"]
    assert [entry["command"], *entry["args"]] == server_command() == [str(SCRIPT), "serve"]
    assert printed.stderr.startswith("Into ")


@pytest.mark.parametrize("host", ["claude-code", "inspector"])
def test_a_snippet_for_a_shell_names_this_installation_by_absolute_path(host: HostName) -> None:
    assert shlex.split(find_recipe(host).snippet)[-2:] == [str(SCRIPT), "serve"]


def test_the_version_is_shown(home: Path) -> None:
    assert run(home, "--version").stdout == f"stepwarden {__version__}\n"


def test_help_names_every_command_and_no_command_is_help(home: Path) -> None:
    shown = run(home, "--help")
    assert shown.returncode == 0
    for name in ("serve", "threads", "calibration", "doctor", "config", "demo", "--version"):
        assert name in shown.stdout
    assert "Usage: stepwarden" in run(home).stdout + run(home).stderr


def test_an_address_without_http_is_a_mistake(home: Path) -> None:
    ended = run(home, "serve", "--port", "8000")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--transport" in ended.stderr
