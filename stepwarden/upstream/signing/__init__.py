"""Signing in at upstream servers, once: OAuth 2.1 for people and machines, tokens from the configuration.

`open_vault` gives where tokens are kept, `build_auth` what signs requests (an `httpx2.Auth`), `SignIn` says how a
person is asked, and `standing` how it stands.
"""

from stepwarden.upstream.signing.attempt import SignIn
from stepwarden.upstream.signing.auth import OAuthAuth
from stepwarden.upstream.signing.building import build_auth, open_vault
from stepwarden.upstream.signing.standing import Standing, standing
from stepwarden.upstream.signing.static import StaticAuth
from stepwarden.upstream.signing.vault import Vault

__all__ = [
    "OAuthAuth",
    "SignIn",
    "Standing",
    "StaticAuth",
    "Vault",
    "build_auth",
    "open_vault",
    "standing",
]
