"""Builds what signs the requests to an upstream from its configuration."""

import logging
from pathlib import Path

from stepwarden.errors import SettingsError
from stepwarden.settings import Settings
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.attempt import SignIn
from stepwarden.upstream.oauth.auth import OAuthAuth
from stepwarden.upstream.oauth.machine_token_cache import MachineTokenCache, MemoryVault
from stepwarden.upstream.oauth.static import StaticAuth
from stepwarden.upstream.oauth.vault import TokenStore, Vault


def open_vault(settings: Settings) -> Vault:
    """Return the vault of this user; nothing is read or made before it is used."""
    return Vault(vault_directory(settings), settings.vault_key_file)


def vault_directory(settings: Settings) -> Path:
    """Return where the vault's files are."""
    return settings.home / "signing"


def build_auth(config: UpstreamConfig, vault: TokenStore, sign_in: SignIn | None) -> OAuthAuth | StaticAuth | None:
    """Return the `httpx2.Auth` that signs the requests to an upstream; None where nothing does.

    Make it once for an upstream and use it for every connection: an attempt of a person to sign in and a renewal under
    way belong to it; `close` it at the end. `sign_in` says how a person is asked; None: nobody is, and SignInNeeded
    names the command. Raises SettingsError where a secret would go to whichever server the upstream names.
    """
    auth = config.auth
    if config.url is None or auth.type == "none":
        return None
    if auth.type in {"bearer", "basic"}:
        return StaticAuth(config)
    if auth.client_secret is not None and auth.issuer is None:
        raise SettingsError(
            f"{config.name}: auth.issuer: name the authorization server that gave the client_secret, or the upstream "
            "decides who receives it."
        )
    # The SDK logs failures of its flows with a traceback, and malformed answers in full; we raise them in one line,
    # without secrets.
    logging.getLogger("mcp.client.auth.oauth2").setLevel(logging.CRITICAL)
    if auth.is_machine:
        # With a secret a token is had at once; a key and an ID token are used as seldom as possible.
        kept = (
            MemoryVault()
            if auth.type == "client_credentials" and not auth.has_key
            else MachineTokenCache(vault, config)
        )
        return OAuthAuth(config, kept, None)
    return OAuthAuth(config, vault, sign_in)
