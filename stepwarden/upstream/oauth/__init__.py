"""Signing in at upstream servers: OAuth 2.1 for people and machines, and tokens from the configuration.

`open_vault` returns where tokens are kept, `build_auth` the `httpx2.Auth` that signs requests, `auth_status` the state
of a sign-in; `SignIn` says how a person is asked.
"""

from stepwarden.upstream.oauth.attempt import SignIn
from stepwarden.upstream.oauth.auth import OAuthAuth
from stepwarden.upstream.oauth.auth_status import AuthStatus, auth_status
from stepwarden.upstream.oauth.factory import build_auth, open_vault
from stepwarden.upstream.oauth.static import StaticAuth
from stepwarden.upstream.oauth.vault import Vault

__all__ = [
    "AuthStatus",
    "OAuthAuth",
    "SignIn",
    "StaticAuth",
    "Vault",
    "auth_status",
    "build_auth",
    "open_vault",
]
