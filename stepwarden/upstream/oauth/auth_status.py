"""The status of an upstream's sign-in, for people and for checks before a call; it never holds a token."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stepwarden.errors import SecretsUnavailable
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.machine_token_cache import MachineTokenCache
from stepwarden.upstream.oauth.vault import Vault

State = Literal["none", "configured", "signed in", "renewable", "ended", "signed out", "unreadable"]


@dataclass(frozen=True, slots=True)
class AuthStatus:
    """One upstream's sign-in.

    `state`: "none" needs none; "configured" has its token in the configuration, or
    what gets one; "renewable" has an access token that
    ended and a refresh token; "ended" was ended by the server or by time (`detail` says why); "unreadable" cannot be
    opened. `expires_at` (unix seconds) is the access token's. `missing` are configured scopes that were not granted.
    """

    upstream: str
    state: State
    issuer: str = ""
    account: str = ""
    scopes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    expires_at: float | None = None
    detail: str = ""
    aside: tuple[Path, ...] = ()


def auth_status(config: UpstreamConfig, vault: Vault, *, now: float | None = None) -> AuthStatus:
    """Return the status of a sign-in; nothing is sent anywhere, and nothing renewed."""
    now = time.time() if now is None else now
    if config.url is None or config.auth.type == "none":
        return AuthStatus(config.name, "none")
    if config.auth.is_machine:
        return _of_machine(config, vault, now)
    if config.auth.type != "oauth":
        return AuthStatus(config.name, "configured", detail=config.auth.type)
    try:
        token_set = vault.load(config.name, config.url, config.auth.issuer)
    except SecretsUnavailable as error:
        return AuthStatus(config.name, "unreadable", detail=str(error), aside=tuple(vault.set_aside(config.name)))
    aside = tuple(vault.set_aside(config.name))
    if token_set is None:
        return AuthStatus(config.name, "signed out", aside=aside)
    tokens = token_set.tokens
    state: State = "signed in"
    detail = ""
    if tokens is None or (tokens.over(now) and tokens.refresh is None):
        state, detail = "ended", token_set.ended or "its access token ended, and there is no refresh token"
    elif tokens.over(now):
        state = "renewable"
    granted = set(token_set.scopes)
    return AuthStatus(
        config.name,
        state,
        token_set.issuer,
        token_set.account,
        token_set.scopes,
        tuple(scope for scope in config.auth.scopes if tokens is not None and scope not in granted),
        tokens.expires_at if tokens is not None else None,
        detail,
        aside,
    )


def _of_machine(config: UpstreamConfig, vault: Vault, now: float) -> AuthStatus:
    """Return the status of a machine's sign-in; without a valid token it gets one by itself."""
    token_set = MachineTokenCache(vault, config).load(config.name, config.url or "", config.auth.issuer)
    if token_set is None or token_set.tokens is None or token_set.tokens.over(now):
        return AuthStatus(config.name, "configured", issuer=config.auth.issuer or "", detail=config.auth.type)
    missing = tuple(scope for scope in config.auth.scopes if scope not in token_set.scopes)
    until = token_set.tokens.expires_at
    return AuthStatus(config.name, "signed in", token_set.issuer, token_set.account, token_set.scopes, missing, until)
