"""`stepwarden doctor`: whether this installation works, and what to do where it does not."""

import asyncio
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import stepwarden
from providers.endpoints import check_variables
from providers.profiles import VARIABLES
from stepwarden.cli.findings import CheckResult
from stepwarden.cli.hosts import examined
from stepwarden.cli.output import show_table
from stepwarden.errors import SettingsError, StoreError
from stepwarden.settings import Settings, load_settings, unknown_variables, variables
from stepwarden.storage import Store

PACKAGES = ("mcp", "pydantic", "sqlalchemy", "anyio", "starlette", "uvicorn", "typer", "rich")
OURS = ("server", "tools", "providers", "prompts")


def report() -> int:
    """Show every finding; 1 if one of them is a problem."""
    findings = list(_findings())
    show_table(
        ("", "about", "found", "what to do"),
        [(finding.standing, finding.about, finding.found, finding.advice) for finding in findings],
    )
    return 1 if any(finding.standing == "problem" for finding in findings) else 0


def _findings() -> Iterator[CheckResult]:
    yield from _installation()
    try:
        settings = load_settings()
    except SettingsError as error:
        yield from (
            CheckResult("problem", "settings", line, "correct the variable") for line in str(error).splitlines()
        )
    else:
        yield from _settings(settings)
        yield _tools()
        yield _home(settings.home)
        yield _store(settings)
        yield from _roots(settings)
        yield from _upstreams(settings)
    yield from examined()


def _installation() -> Iterator[CheckResult]:
    place = Path(stepwarden.__file__).parent.parent
    yield CheckResult("ok", "stepwarden", f"{stepwarden.__version__} in {place}, Python {platform.python_version()}")
    missing = [name for name in PACKAGES if not _version(name)]
    if missing:
        yield CheckResult("problem", "packages", f"not installed: {', '.join(missing)}", "install stepwarden anew")
    else:
        yield CheckResult("ok", "packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES))
    for name in OURS:
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin) if spec and spec.origin else None
        if origin is None or place not in origin.parents:
            found = f"the module {name} comes from {origin or 'nowhere'}, not from {place}"
            yield CheckResult("problem", "modules", found, "take that directory out of PYTHONPATH")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _settings(settings: Settings) -> Iterator[CheckResult]:
    from stepwarden.http.access import access

    try:
        access(settings)
    except SettingsError as error:
        yield CheckResult("problem", "settings", str(error), "else `serve --transport streamable-http` refuses")
    else:
        tokens = f"{len(settings.tokens)} tokens" if settings.tokens else "no tokens, loopback only"
        yield CheckResult("ok", "settings", f"HTTP on {settings.host}:{settings.port}, {tokens}")
    try:
        check_variables(settings)
    except SettingsError as error:
        yield from (
            CheckResult("problem", "settings", line, "correct the variable") for line in str(error).splitlines()
        )
    for name in unknown_variables(settings, VARIABLES):
        yield CheckResult("note", "settings", f"{name} is no setting of ours", "see that its name is right")


def _tools() -> CheckResult:
    try:
        import server

        names = [tool.name for tool in asyncio.run(server.mcp.list_tools())]
    except (SettingsError, ImportError, OSError, ValueError) as error:
        return CheckResult("problem", "tools", str(error), "correct STEPWARDEN_TOOLS, or install stepwarden anew")
    return CheckResult("ok", "tools", f"{len(names)} with their prompts: {', '.join(names)}")


def _home(home: Path) -> CheckResult:
    there = next(path for path in (home, *home.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return CheckResult(
            "problem", "home", f"{there} is no directory to write in", "make it one, or set STEPWARDEN_HOME"
        )
    if there != home:
        return CheckResult("ok", "home", f"{home}: the first step makes it")
    if sys.platform != "win32" and stat.S_IMODE(home.stat().st_mode) & 0o077:
        return CheckResult("note", "home", f"{home}: other users can look into it", f"chmod 700 {home}")
    return CheckResult("ok", "home", f"{home}: private")


def _store(settings: Settings) -> CheckResult:
    path = Path(settings.store_url.removeprefix("sqlite:///"))
    if settings.store_url.startswith("sqlite:///") and not path.exists():
        return CheckResult("ok", "store", f"{path}: the first step makes it")
    try:
        facts = asyncio.run(_facts(settings.store_url))
    except (StoreError, SettingsError) as error:
        return CheckResult("problem", "store", str(error))
    mode = f", {facts['journal_mode']}" if "journal_mode" in facts else ""
    size = f"{int(facts['bytes']) / 1_048_576:.1f} MiB, {facts['streams']} threads, {facts['events']} events"
    return CheckResult("ok", "store", f"{facts['database']} {facts['version']} ({facts['driver']}){mode}, {size}")


async def _facts(url: str) -> dict[str, str | int]:
    store = Store(url)
    try:
        return await store.maintenance.check()
    finally:
        await store.close()


def _upstreams(settings: Settings) -> Iterator[CheckResult]:
    """Look at the file of upstream servers; none of them is connected to."""
    from stepwarden.upstream.config_file import load_upstreams
    from stepwarden.upstream.oauth import auth_status, open_vault

    file = settings.upstreams_file
    if not file.exists():
        yield CheckResult("ok", "upstreams", f"none: there is no {file}")
        return
    try:
        configs = load_upstreams(file, variables())
    except SettingsError as error:
        yield from (CheckResult("problem", "upstreams", line, "correct the file") for line in str(error).splitlines())
        return
    vault = open_vault(settings)
    for config in configs:
        found = f"{config.name}: {config.place}"
        if config.command is not None and shutil.which(config.command) is None:
            yield CheckResult("problem", "upstreams", f"{found}: there is no such command", "give its absolute path")
            continue
        signed = auth_status(config, vault)
        if signed.state in {"signed out", "ended", "unreadable"}:
            yield CheckResult("note", "upstreams", f"{found}: {signed.state}", f"stepwarden login {config.name}")
        else:
            yield CheckResult("ok", "upstreams", f"{found}{f': {signed.state}' if signed.state != 'none' else ''}")


def _roots(settings: Settings) -> Iterator[CheckResult]:
    if not settings.roots:
        found = "none set: on stdio the working_directory of each thread; over HTTP no file is read"
        yield CheckResult("ok", "roots", found)
    for root in settings.roots:
        if not Path(root).is_dir():
            yield CheckResult("problem", "roots", f"{root} is no directory", "make it, or correct STEPWARDEN_ROOTS")
        elif not os.access(root, os.R_OK | os.X_OK):
            yield CheckResult("problem", "roots", f"{root} cannot be read", "let this user read it")
        else:
            yield CheckResult("ok", "roots", root)
