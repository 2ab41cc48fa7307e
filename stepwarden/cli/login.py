"""`stepwarden login` and `logout`: signing in at an upstream server, its status, and signing out."""

import asyncio
import contextlib
import difflib
import re
from datetime import UTC, datetime

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.output import plain, show_table
from stepwarden.cli.terminal_sign_in import TerminalSignIn, TypedLines
from stepwarden.errors import SecretsUnavailable, StepwardenError, UnknownUpstream
from stepwarden.settings import Settings, load_settings, variables
from stepwarden.upstream.config import NAME_PATTERN, UpstreamConfig
from stepwarden.upstream.config_file import load_upstreams
from stepwarden.upstream.oauth import AuthStatus, SignIn, Vault, auth_status, build_auth, open_vault
from stepwarden.upstream.oauth.attempt import Attempt
from stepwarden.upstream.oauth.discovery import probe
from stepwarden.upstream.oauth.flow import revoke
from stepwarden.upstream.oauth.machine_token_cache import entry_digest
from stepwarden.upstream.oauth.token_set import TokenSet


def login(name: str, *, browser: bool, timeout_s: float, port: int | None, scopes: tuple[str, ...]) -> None:
    """Sign in at the upstream `name`: opens the browser, or prints the address alone, and waits.

    Raises UnknownUpstream, SignInFailed, UpstreamDown or SecretsUnavailable.
    """
    settings = load_settings()
    config = _found(name, settings)
    if config.auth.type != "oauth":
        typer.echo(_NO_SIGN_IN[config.auth.type].format(name=name), err=True)
        raise typer.Exit(0)
    vault = open_vault(settings)
    vault.ready()
    build_auth(config, vault, None)  # refuses what it would refuse later
    changes: dict[str, object] = {"scopes": _scopes(config, vault, scopes)}
    if port is not None:
        changes["redirect_port"] = port
    config = config.model_copy(update={"auth": config.auth.model_copy(update=changes)})
    token_set = asyncio.run(_signed_in(config, vault, browser=browser, timeout_s=timeout_s))
    account = f" as {token_set.account}" if token_set.account else ""
    typer.echo(
        plain(f"Signed in at {name}{account} ({token_set.issuer}); scopes: {' '.join(token_set.scopes) or 'none'}.")
    )
    missing = [scope for scope in config.auth.scopes if scope not in token_set.scopes]
    if missing:
        typer.echo(plain(f"Asked for and not granted: {' '.join(missing)}."), err=True)
    if token_set.tokens is not None and token_set.tokens.refresh is None and token_set.tokens.expires_at is not None:
        typer.echo("There is no refresh token: you will have to sign in again when this one ends.", err=True)


def show_status() -> None:
    """Show the sign-in of every upstream."""
    settings = load_settings()
    vault = open_vault(settings)
    found = [auth_status(config, vault) for config in load_upstreams(settings.upstreams_file, variables())]
    if not found:
        typer.echo(f"No upstreams in {settings.upstreams_file}.", err=True)
        return
    columns = ("upstream", "sign-in", "account", "issuer", "scopes", "access token until")
    show_table(columns, [(*_row(status), _until(status)) for status in found])
    for status in found:
        for line in _notes(status):
            typer.echo(plain(f"{status.upstream}: {line}"), err=True)


def logout(name: str) -> None:
    """Revoke the tokens of an upstream where its authorization server offers that, and delete them here."""
    settings = load_settings()
    vault = open_vault(settings)
    if not re.fullmatch(NAME_PATTERN, name):
        raise UnknownUpstream(f"There is no upstream '{name}'.")
    problem = None
    try:
        config = _found(name, settings)
        problem = _revoked(config, vault)
    except UnknownUpstream:
        if not vault.holds(name):  # it may have been taken out of the file since
            raise
        problem = "it is not in the file of upstreams any more"
    count = vault.delete(name)
    if count == 0:
        typer.echo(f"Nothing was stored for {name}.", err=True)
        return
    typer.echo(f"Signed out of {name}: what was stored is deleted{'' if problem else ', and its tokens are revoked'}.")
    if problem:
        typer.echo(plain(f"The tokens could not be revoked: {problem}. They end by themselves."), err=True)


_NO_SIGN_IN = {
    "none": "{name} needs no sign-in.",
    "bearer": "{name} is signed in to with the token of its auth entry; there is nothing more to do.",
    "basic": "{name} is signed in to with the e-mail and API token of its auth entry; there is nothing more to do.",
    "client_credentials": "{name} is signed in to with its client credentials; there is nothing more to do.",
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
    terminal = TerminalSignIn(browser=browser)
    how = SignIn(
        waits=True,
        timeout_s=timeout_s,
        open_address=terminal.open_address,
        pasted=TypedLines().line,
        say=terminal.say,
    )
    attempt = Attempt(config, vault, how, await probe(config))
    try:
        token_set = await attempt.finished()
    finally:
        await attempt.give_up()
    assert token_set is not None
    return token_set


def _revoked(config: UpstreamConfig, vault: Vault) -> str | None:
    """Have the tokens revoked; return why that could not be done, None where it was or there are none."""
    entry = entry_digest(config.auth) if config.auth.is_machine else ""
    try:
        token_set = vault.load(config.name, config.url or "", config.auth.issuer, entry)
        return None if token_set is None else asyncio.run(revoke(config, token_set))
    except StepwardenError as error:
        return str(error).rstrip(".")


def _row(status: AuthStatus) -> tuple[str, str, str, str, str]:
    state = status.detail if status.state == "configured" else status.state
    return status.upstream, state, status.account, status.issuer, " ".join(status.scopes)


def _until(status: AuthStatus) -> str:
    if status.expires_at is None:
        return ""
    return datetime.fromtimestamp(status.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _notes(status: AuthStatus) -> list[str]:
    notes: list[str] = []
    if status.state in {"ended", "unreadable"}:
        notes.append(status.detail)
    if status.state in {"ended", "signed out"}:
        notes.append(f"run `stepwarden login {status.upstream}` if it asks for a sign-in")
    if status.missing:
        notes.append(f"configured and not granted: {' '.join(status.missing)}; sign in again to ask for them")
    notes.extend(f"could not be read and is kept: {path}" for path in status.aside)
    return notes
