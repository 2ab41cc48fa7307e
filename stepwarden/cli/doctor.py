"""`stepwarden doctor`: checks this installation, and says what to do where it does not work."""

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
from stepwarden.cli.hosts import check_hosts
from stepwarden.cli.model_checks import check_models
from stepwarden.cli.output import show_table
from stepwarden.errors import SettingsError, StoreError
from stepwarden.settings import Settings, load_settings, unknown_variables, variables
from stepwarden.storage import Store

PACKAGES = ("mcp", "pydantic", "sqlalchemy", "anyio", "starlette", "uvicorn", "typer", "rich")
OURS = ("server", "tools", "providers", "prompts")


def run_checks() -> int:
    """Run and show all checks; return 1 if there is a problem, else 0."""
    results = list(_check_all())
    show_table(
        ("", "about", "found", "what to do"),
        [(result.level, result.about, result.found, result.advice) for result in results],
    )
    return 1 if any(result.level == "problem" for result in results) else 0


def _check_all() -> Iterator[CheckResult]:
    yield from _check_installation()
    try:
        settings = load_settings()
    except SettingsError as error:
        yield from (
            CheckResult("problem", "settings", line, "correct the variable") for line in str(error).splitlines()
        )
    else:
        yield from _check_settings(settings)
        yield _check_tools()
        yield from check_models(settings)
        yield _check_home(settings.home)
        yield _check_store(settings)
        yield from _check_roots(settings)
        yield from _check_upstreams(settings)
    yield from check_hosts()


def _check_installation() -> Iterator[CheckResult]:
    place = Path(stepwarden.__file__).parent.parent
    yield CheckResult("ok", "stepwarden", f"{stepwarden.__version__} in {place}, Python {platform.python_version()}")
    missing = [name for name in PACKAGES if not _version(name)]
    if missing:
        yield CheckResult("problem", "packages", f"not installed: {', '.join(missing)}", "reinstall stepwarden")
    else:
        yield CheckResult("ok", "packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES))
    for name in OURS:
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin) if spec and spec.origin else None
        if origin is None or place not in origin.parents:
            found = f"the module {name} comes from {origin or 'nowhere'}, not from {place}"
            yield CheckResult("problem", "modules", found, "remove that directory from PYTHONPATH")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _check_settings(settings: Settings) -> Iterator[CheckResult]:
    from stepwarden.http.access import access

    try:
        access(settings)
    except SettingsError as error:
        yield CheckResult("problem", "settings", str(error), "`serve --transport streamable-http` refuses until then")
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
        yield CheckResult("note", "settings", f"{name} is not a setting", "check its name")


def _check_tools() -> CheckResult:
    try:
        import server

        names = [tool.name for tool in asyncio.run(server.mcp.list_tools())]
    except SettingsError as error:  # its text begins with the variable
        wrong = " ".join(str(error).splitlines())
        return CheckResult("problem", "tools", f"{wrong}: the server does not start", "correct the variable")
    except (ImportError, OSError, ValueError) as error:
        return CheckResult("problem", "tools", f"the server does not start: {error}", "reinstall stepwarden")
    return CheckResult("ok", "tools", f"{len(names)} with their prompts: {', '.join(names)}")


def _check_home(home: Path) -> CheckResult:
    existing = next(path for path in (home, *home.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return CheckResult(
            "problem", "home", f"{existing} is not a writable directory", "make it one, or set STEPWARDEN_HOME"
        )
    if existing != home:
        return CheckResult("ok", "home", f"{home}: the first step creates it")
    if sys.platform != "win32" and stat.S_IMODE(home.stat().st_mode) & 0o077:
        return CheckResult("note", "home", f"{home}: other users can read it", f"chmod 700 {home}")
    return CheckResult("ok", "home", f"{home}: private")


def _check_store(settings: Settings) -> CheckResult:
    path = Path(settings.store_url.removeprefix("sqlite:///"))
    if settings.store_url.startswith("sqlite:///") and not path.exists():
        return CheckResult("ok", "store", f"{path}: the first step creates it")
    try:
        facts = asyncio.run(_read_facts(settings.store_url))
    except (StoreError, SettingsError) as error:
        return CheckResult("problem", "store", str(error))
    mode = f", {facts['journal_mode']}" if "journal_mode" in facts else ""
    size = f"{int(facts['bytes']) / 1_048_576:.1f} MiB, {facts['streams']} threads, {facts['events']} events"
    return CheckResult("ok", "store", f"{facts['database']} {facts['version']} ({facts['driver']}){mode}, {size}")


async def _read_facts(url: str) -> dict[str, str | int]:
    store = Store(url)
    try:
        return await store.maintenance.check()
    finally:
        await store.close()


def _check_upstreams(settings: Settings) -> Iterator[CheckResult]:
    """Check the file of upstream servers; none of them is connected to."""
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
            yield CheckResult("problem", "upstreams", f"{found}: there is no such command", "use its absolute path")
            continue
        status = auth_status(config, vault)
        if status.state in {"signed out", "ended", "unreadable"}:
            yield CheckResult("note", "upstreams", f"{found}: {status.state}", f"stepwarden login {config.name}")
        else:
            yield CheckResult("ok", "upstreams", f"{found}{f': {status.state}' if status.state != 'none' else ''}")


def _check_roots(settings: Settings) -> Iterator[CheckResult]:
    if not settings.roots:
        found = "none set: on stdio the working_directory of each thread; over HTTP no file is read"
        yield CheckResult("ok", "roots", found)
    for root in settings.roots:
        if not Path(root).is_dir():
            yield CheckResult(
                "problem", "roots", f"{root} is not a directory", "create it, or correct STEPWARDEN_ROOTS"
            )
        elif not os.access(root, os.R_OK | os.X_OK):
            yield CheckResult("problem", "roots", f"{root} cannot be read", "allow this user to read it")
        else:
            yield CheckResult("ok", "roots", root)
