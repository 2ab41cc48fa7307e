"""`stepwarden login` and `logout`: signing in at an upstream server, how it stands, and the end of it."""

import asyncio
import contextlib
import difflib
import os
import re
import threading
import webbrowser
from datetime import UTC, datetime

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.output import plain, show_table
from stepwarden.errors import SecretsUnavailable, StepwardenError, UnknownUpstream
from stepwarden.settings import Settings, load_settings, variables
from stepwarden.upstream.config import NAME_PATTERN, UpstreamConfig
from stepwarden.upstream.config_file import load_upstreams
from stepwarden.upstream.oauth import AuthStatus, SignIn, Vault, auth_status, build_auth, open_vault
from stepwarden.upstream.oauth.attempt import Attempt
from stepwarden.upstream.oauth.discovery import probe
from stepwarden.upstream.oauth.flow import revoke
from stepwarden.upstream.oauth.machine_token_cache import digest
from stepwarden.upstream.oauth.token_set import TokenSet


def login(name: str, *, browser: bool, timeout_s: float, port: int | None, scopes: tuple[str, ...]) -> None:
    """Sign in at the upstream `name`: opens the browser, or prints the address alone, and waits.

    Raises UnknownUpstream, SignInFailed, UpstreamDown or SecretsUnavailable.
    """
    settings = load_settings()
    config = _found(name, settings)
    if config.auth.type != "oauth":
        typer.echo(_NOTHING_TO_DO[config.auth.type].format(name=name), err=True)
        raise typer.Exit(0)
    vault = open_vault(settings)
    vault.ready()
    build_auth(config, vault, None)  # refuses what it would refuse later
    changes: dict[str, object] = {"scopes": _scopes(config, vault, scopes)}
    if port is not None:
        changes["redirect_port"] = port
    config = config.model_copy(update={"auth": config.auth.model_copy(update=changes)})
    bundle = asyncio.run(_signed_in(config, vault, browser=browser, timeout_s=timeout_s))
    account = f" as {bundle.account}" if bundle.account else ""
    typer.echo(plain(f"Signed in at {name}{account} ({bundle.issuer}); scopes: {' '.join(bundle.scopes) or 'none'}."))
    missing = [scope for scope in config.auth.scopes if scope not in bundle.scopes]
    if missing:
        typer.echo(plain(f"Asked for and not granted: {' '.join(missing)}."), err=True)
    if bundle.tokens is not None and bundle.tokens.refresh is None and bundle.tokens.expires_at is not None:
        typer.echo("There is no refresh token: you will have to sign in again when this one ends.", err=True)


def show_status() -> None:
    """Show how it stands with every upstream's sign-in."""
    settings = load_settings()
    vault = open_vault(settings)
    found = [auth_status(config, vault) for config in load_upstreams(settings.upstreams_file, variables())]
    if not found:
        typer.echo(f"No upstreams in {settings.upstreams_file}.", err=True)
        return
    columns = ("upstream", "sign-in", "account", "issuer", "scopes", "access token until")
    show_table(columns, [(*_row(stands), _until(stands)) for stands in found])
    for stands in found:
        for line in _notes(stands):
            typer.echo(plain(f"{stands.upstream}: {line}"), err=True)


def logout(name: str) -> None:
    """Revoke the tokens of an upstream where its authorization server offers that, and delete them here."""
    settings = load_settings()
    vault = open_vault(settings)
    if not re.fullmatch(NAME_PATTERN, name):
        raise UnknownUpstream(f"There is no upstream '{name}'.")
    trouble = None
    try:
        config = _found(name, settings)
        trouble = _revoked(config, vault)
    except UnknownUpstream:
        if not vault.holds(name):  # it may have been taken out of the file since
            raise
        trouble = "it is not in the file of upstreams any more"
    count = vault.delete(name)
    if count == 0:
        typer.echo(f"Nothing was stored for {name}.", err=True)
        return
    typer.echo(f"Signed out of {name}: what was stored is deleted{'' if trouble else ', and its tokens are revoked'}.")
    if trouble:
        typer.echo(plain(f"The tokens could not be revoked: {trouble}. They end by themselves."), err=True)


_NOTHING_TO_DO = {
    "none": "{name} needs no sign-in.",
    "bearer": "{name} is signed in to with the token of its auth entry; there is nothing more to do.",
    "basic": "{name} is signed in to with the e-mail and API token of its auth entry; there is nothing more to do.",
    "client_credentials": "{name} is signed in to with its client credentials, without anybody.",
    "enterprise": "{name} is signed in to with an ID token of your identity provider; there is nothing more to do.",
}


def _found(name: str, settings: Settings) -> UpstreamConfig:
    configs = {config.name: config for config in load_upstreams(settings.upstreams_file, variables())}
    if name in configs:
        return configs[name]
    near = difflib.get_close_matches(name, configs, n=1)
    there = f"there are: {', '.join(configs)}" if configs else f"there are none in {settings.upstreams_file}"
    raise UnknownUpstream(f"There is no upstream '{name}'; {f'did you mean {near[0]}?' if near else there}")


def _scopes(config: UpstreamConfig, vault: Vault, more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes to ask for; with more than the configured ones, those that were granted stay."""
    if not more:
        return config.auth.scopes
    granted: tuple[str, ...] = ()
    with contextlib.suppress(SecretsUnavailable):
        before = vault.load(config.name, config.url or "", config.auth.issuer)
        granted = before.scopes if before is not None else ()
    return tuple(dict.fromkeys((*config.auth.scopes, *granted, *more)))


async def _signed_in(config: UpstreamConfig, vault: Vault, *, browser: bool, timeout_s: float) -> TokenSet:
    typed = TypedLines()

    async def show(address: str) -> None:
        typer.echo(f"Open this address to sign in at {config.name}:", err=True)
        typer.echo(address)
        typer.echo(
            "From a browser on another machine, paste the address it ends on here, even if it shows an error.", err=True
        )
        if browser:
            threading.Thread(target=_open, args=(address,), daemon=True).start()

    how = SignIn(
        waits=True,
        timeout_s=timeout_s,
        show=show,
        pasted=typed.line,
        say=lambda text: typer.echo(text, err=True),
    )
    attempt = Attempt(config, vault, how, await probe(config))
    try:
        bundle = await attempt.finished()
    finally:
        await attempt.give_up()
    assert bundle is not None
    return bundle


class TypedLines:
    """The lines that come in on stdin, read by a thread that the end of the process need not wait for."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._reads = False

    async def line(self) -> str:
        """Return the next line that is not empty, "" at the end of stdin."""
        if not self._reads:
            self._reads = True
            threading.Thread(target=self._read, daemon=True).start()
        return await self._lines.get()

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(OSError, RuntimeError):  # no stdin, or nobody listens any more
            while data := os.read(0, 65_536):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if text := line.decode(errors="replace").strip():
                        self._loop.call_soon_threadsafe(self._lines.put_nowait, text)
            self._loop.call_soon_threadsafe(self._lines.put_nowait, rest.decode(errors="replace").strip())


def _open(address: str) -> None:
    try:
        opened = webbrowser.open(address)
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        typer.echo("No browser could be opened here.", err=True)


def _revoked(config: UpstreamConfig, vault: Vault) -> str | None:
    """Have the tokens revoked; give why that could not be done, None where it was or there are none."""
    entry = digest(config.auth) if config.auth.is_machine else ""
    try:
        bundle = vault.load(config.name, config.url or "", config.auth.issuer, entry)
        return None if bundle is None else asyncio.run(revoke(config, bundle))
    except StepwardenError as error:
        return str(error).rstrip(".")


def _row(stands: AuthStatus) -> tuple[str, str, str, str, str]:
    state = stands.detail if stands.state == "configured" else stands.state
    return stands.upstream, state, stands.account, stands.issuer, " ".join(stands.scopes)


def _until(stands: AuthStatus) -> str:
    if stands.expires_at is None:
        return ""
    return datetime.fromtimestamp(stands.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _notes(stands: AuthStatus) -> list[str]:
    notes: list[str] = []
    if stands.state in {"ended", "unreadable"}:
        notes.append(stands.detail)
    if stands.state in {"ended", "signed out"}:
        notes.append(f"run `stepwarden login {stands.upstream}` if it asks for a sign-in")
    if stands.missing:
        notes.append(f"configured and not granted: {' '.join(stands.missing)}; sign in again to ask for them")
    notes.extend(f"could not be read and is kept: {path}" for path in stands.aside)
    return notes
