"""The hosts we know: what to paste into their configuration, and whether what stands there works."""

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


def recipe(host: HostName) -> Recipe:
    """Return what sets this installation up in a host."""
    command = server_command()
    entry = {"command": command[0], "args": command[1:]}
    if host == "claude-desktop":
        return Recipe(f"Into {_desktop_file()}, then restart Claude Desktop:", _servers("mcpServers", entry))
    if host == "claude-code":
        return Recipe("In a shell:", f"claude mcp add --scope user stepwarden -- {_shell_line(command)}")
    if host == "vscode":
        place = f"Into .vscode/mcp.json of a project, or {_vscode_file()} for all:"
        return Recipe(place, _servers("servers", {"type": "stdio", **entry}))
    if host == "cursor":
        return Recipe(f"Into {_cursor_file()}, or .cursor/mcp.json of a project:", _servers("mcpServers", entry))
    return Recipe("In a shell (Node 22.19 or newer):", f"npx @modelcontextprotocol/inspector {_shell_line(command)}")


def server_command() -> list[str]:
    """Return the command line by which hosts start this installation, with absolute paths."""
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    for scheme in schemes:
        script = Path(sysconfig.get_path("scripts", scheme)) / ("stepwarden.exe" if os.name == "nt" else "stepwarden")
        if script.is_file():
            return [str(script), "serve"]
    # -P keeps the directory that the host starts us in off sys.path.
    return [sys.executable, "-P", "-c", "from stepwarden.cli import main; raise SystemExit(main())", "serve"]


def examined() -> Iterator[CheckResult]:
    """Look for ourselves in the configuration files of the hosts, the user's and this directory's."""
    home, here = Path.home(), Path.cwd()
    yield from _examined("Claude Desktop", [_desktop_file()])
    yield from _examined("Claude Code", [home / ".claude.json", here / ".mcp.json"])
    yield from _examined("VS Code", [_vscode_file(), here / ".vscode" / "mcp.json"])
    yield from _examined("Cursor", list(dict.fromkeys([_cursor_file(), here / ".cursor" / "mcp.json"])))


def _examined(host: str, files: list[Path]) -> Iterator[CheckResult]:
    found = [finding for file in files for finding in _in_file(host, file)]
    yield from found or [CheckResult("ok", host, "not set up")]


def _in_file(host: str, file: Path) -> Iterator[CheckResult]:
    try:
        text = file.read_text("utf-8")
        data = json.loads(text)
    except FileNotFoundError:
        return
    except OSError as error:
        yield CheckResult("note", host, f"{file} cannot be read: {error.strerror}")
        return
    except ValueError as error:
        # VS Code allows comments, which we cannot read.
        standing = "note" if host == "VS Code" else "problem"
        yield CheckResult(standing, host, f"{file} is no valid JSON: {error}", "correct it: the host reads none of it")
        return
    for name, entry in _entries(data):
        if "stepwarden" in f"{name} {json.dumps(entry)}".lower():
            yield _judged(host, file, entry)


def _entries(data: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every server entry, however deep: Claude Code keeps some under the project they are for."""
    if not isinstance(data, dict):
        return
    for key, value in cast("dict[str, Any]", data).items():
        if key in {"mcpServers", "servers"} and isinstance(value, dict):
            servers = cast("dict[str, Any]", value)
            yield from ((name, entry) for name, entry in servers.items() if isinstance(entry, dict))
        else:
            yield from _entries(value)


def _judged(host: str, file: Path, entry: dict[str, Any]) -> CheckResult:
    command = entry.get("command")
    if not isinstance(command, str):
        return CheckResult("ok", host, f"{file}: by {entry.get('url', 'an address')}")
    fix = f"paste anew: stepwarden config {host.lower().replace('vs code', 'vscode').replace(' ', '-')}"
    if shutil.which(command) is None:
        return CheckResult("problem", host, f"{file}: there is no command {command}", fix)
    if not Path(command).is_absolute():
        advice = f"a host that the desktop starts may have another PATH; {fix}"
        return CheckResult("note", host, f"{file}: {command} is found by PATH", advice)
    return CheckResult("ok", host, f"{file}: {command}")


def _servers(key: str, entry: dict[str, Any]) -> str:
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
