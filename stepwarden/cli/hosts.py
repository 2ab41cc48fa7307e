"""The known hosts: what to paste into their configuration, and whether what is there works."""

import json
import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from stepwarden.cli.findings import CheckResult

HostName = Literal["claude-desktop", "claude-code", "vscode", "cursor", "inspector"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to paste, and where."""

    place: str
    snippet: str


def find_recipe(host: HostName) -> Recipe:
    """Return what sets up this installation in a host."""
    command = server_command()
    entry = {"command": command[0], "args": command[1:]}
    if host == "claude-desktop":
        return Recipe(f"Into {_desktop_file()}, then restart Claude Desktop:", _servers_json("mcpServers", entry))
    if host == "claude-code":
        return Recipe("In a shell:", f"claude mcp add --scope user stepwarden -- {_shell_line(command)}")
    if host == "vscode":
        place = f"Into .vscode/mcp.json of a project, or {_vscode_file()} for all:"
        return Recipe(place, _servers_json("servers", {"type": "stdio", **entry}))
    if host == "cursor":
        return Recipe(f"Into {_cursor_file()}, or .cursor/mcp.json of a project:", _servers_json("mcpServers", entry))
    return Recipe("In a shell (Node 22.19 or newer):", f"npx @modelcontextprotocol/inspector {_shell_line(command)}")


def server_command() -> list[str]:
    """Return the command line with which hosts start this installation, with absolute paths."""
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    for scheme in schemes:
        script = Path(sysconfig.get_path("scripts", scheme)) / ("stepwarden.exe" if os.name == "nt" else "stepwarden")
        if script.is_file():
            return [str(script), "serve"]
    # -P keeps the current directory, which the host chooses, off sys.path.
    return [sys.executable, "-P", "-c", "from stepwarden.cli import main; raise SystemExit(main())", "serve"]


def check_hosts() -> Iterator[CheckResult]:
    """Check the entries of this program in the hosts' configuration files, the user's and this directory's."""
    home, here = Path.home(), Path.cwd()
    yield from _check_host("Claude Desktop", [_desktop_file()])
    yield from _check_host("Claude Code", [home / ".claude.json", here / ".mcp.json"])
    yield from _check_host("VS Code", [_vscode_file(), here / ".vscode" / "mcp.json"])
    yield from _check_host("Cursor", list(dict.fromkeys([_cursor_file(), here / ".cursor" / "mcp.json"])))


def _check_host(host: str, files: list[Path]) -> Iterator[CheckResult]:
    found = [result for file in files for result in _check_file(host, file)]
    yield from found or [CheckResult("ok", host, "not set up")]


def _check_file(host: str, file: Path) -> Iterator[CheckResult]:
    try:
        text = file.read_text("utf-8")
        data = json.loads(text)
    except FileNotFoundError:
        return
    except OSError as error:
        yield CheckResult("note", host, f"{file} cannot be read: {error.strerror}")
        return
    except ValueError as error:
        # VS Code allows comments, which are not parsed here.
        level = "note" if host == "VS Code" else "problem"
        yield CheckResult(level, host, f"{file} is not valid JSON: {error}", "correct it: the host ignores all of it")
        return
    for name, entry in _entries(data):
        if "stepwarden" in f"{name} {json.dumps(entry)}".lower():
            yield _check_entry(host, file, entry)


def _entries(data: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every server entry, at any depth: Claude Code keeps some under their project."""
    if not isinstance(data, dict):
        return
    for key, value in cast("dict[str, Any]", data).items():
        if key in {"mcpServers", "servers"} and isinstance(value, dict):
            servers = cast("dict[str, Any]", value)
            yield from ((name, entry) for name, entry in servers.items() if isinstance(entry, dict))
        else:
            yield from _entries(value)


def _check_entry(host: str, file: Path, entry: dict[str, Any]) -> CheckResult:
    command = entry.get("command")
    if not isinstance(command, str):
        return CheckResult("ok", host, f"{file}: at {entry.get('url', 'a URL')}")
    fix = f"paste it again: stepwarden config {host.lower().replace('vs code', 'vscode').replace(' ', '-')}"
    if shutil.which(command) is None:
        return CheckResult("problem", host, f"{file}: there is no command {command}", fix)
    if not Path(command).is_absolute():
        advice = f"a host started from the desktop may have another PATH; {fix}"
        return CheckResult("note", host, f"{file}: {command} is found on PATH", advice)
    return CheckResult("ok", host, f"{file}: {command}")


def _servers_json(key: str, entry: dict[str, Any]) -> str:
    return json.dumps({key: {"stepwarden": entry}}, indent=2)


def _shell_line(command: list[str]) -> str:
    if os.name == "nt":
        import subprocess

        return subprocess.list2cmdline(command)
    return shlex.join(command)


def _desktop_file() -> Path:
    return _config_directory("Claude") / "claude_desktop_config.json"


def _vscode_file() -> Path:
    return _config_directory("Code") / "User" / "mcp.json"


def _cursor_file() -> Path:
    return Path.home() / ".cursor" / "mcp.json"


def _config_directory(name: str) -> Path:
    from platformdirs import user_config_path

    return user_config_path(name, appauthor=False, roaming=True)
