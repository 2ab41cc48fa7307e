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
from tests.support import processes
from tests.support.processes import SCRIPT, Ended, environment

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


def doctor_with(home: Path, variables: dict[str, str]) -> Ended:
    return processes.run([str(SCRIPT), "doctor"], environment(home / "state", **variables), home)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"OPENAI_API_KEY": "sk-abc def"}, "OPENAI_API_KEY: there is a blank in it; copy the key again"),
        ({"OPENAI_API_KEY": '"sk-abc"'}, "OPENAI_API_KEY: there are quotation marks round it; copy the key again"),
        ({"STEPWARDEN_PROVIDERS": "openay"}, "STEPWARDEN_PROVIDERS: no provider 'openay'; did you mean openai"),
        ({"CUSTOM_API_URL": "host:80"}, "CUSTOM_API_URL: send an address such as https://host/v1"),
    ],
)
def test_a_key_or_an_address_that_is_wrong_is_named_with_what_is_wrong_with_it(
    home: Path, variables: dict[str, str], told: str
) -> None:
    ended = doctor_with(home, variables)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert f"problem\tsettings\t{told}" in ended.stdout
    tools = next(line for line in ended.stdout.splitlines() if line.startswith("problem\ttools\t"))
    assert told in tools
    assert tools.endswith(": the server does not start\tcorrect the variable")
    assert "reinstall" not in ended.stdout
    assert "STEPWARDEN_TOOLS" not in ended.stdout


def test_who_may_be_asked_is_told_and_a_key_that_nobody_chose_is_noted(home: Path) -> None:
    """A host may have passed the key on."""
    ended = run(home, "doctor", OPENAI_API_KEY="sk-planted")
    assert ended.returncode == 0
    lines = [line for line in ended.stdout.splitlines() if "\tmodels\t" in line]
    assert lines == [
        "ok\tmodels\texpert: gpt-6.1-sol, first choice for deep, by OPENAI_API_KEY\t",
        (
            "note\tmodels\topenai at api.openai.com, by OPENAI_API_KEY\t"
            "if you did not choose it, name who may be asked in STEPWARDEN_PROVIDERS"
        ),
    ]
    assert "planted" not in ended.stdout
    own = {"CUSTOM_API_URL": "http://127.0.0.1:9/v1", "CUSTOM_MODEL_NAME": "own"}
    ended = doctor_with(home, own | {"OPENAI_API_KEY": "sk-planted"})
    lines = [line for line in ended.stdout.splitlines() if "\tmodels\t" in line]
    assert lines == [
        "ok\tmodels\texpert: own, set by CUSTOM_MODEL_NAME, at CUSTOM_API_URL\t",
        "ok\tmodels\tcustom at 127.0.0.1:9, at CUSTOM_API_URL\t",
        (
            "note\tmodels\topenai: OPENAI_API_KEY is not used, since CUSTOM_API_URL is set: "
            "add openai to STEPWARDEN_PROVIDERS to use it\t"
        ),
    ]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"SSL_CERT_FILE": "/nonexistent"}, "SSL_CERT_FILE names a file that is not there (/nonexistent)"),
        ({"HTTPS_PROXY": "nonsense://x"}, "HTTPS_PROXY is not the address of an http, https or socks5 proxy"),
    ],
)
def test_what_stands_between_here_and_an_endpoint_is_a_problem(
    home: Path, variables: dict[str, str], told: str
) -> None:
    ended = doctor_with(home, variables | {"OPENAI_API_KEY": "k", "STEPWARDEN_PROVIDERS": "openai"})
    assert ended.returncode == 1
    assert f"problem\tmodels\topenai at api.openai.com, at openai: cannot be reached\t{told}" in ended.stdout


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
