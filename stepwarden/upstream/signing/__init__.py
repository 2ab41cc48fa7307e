"""Signing in at upstream servers, once: OAuth 2.1 for people and machines, tokens from the configuration.

`open_vault` gives where tokens are kept, `build_auth` what signs requests (an `httpx2.Auth`), `SignIn` says how a
person is asked, `standing` how it stands, and `collected_troubles` brings errors past a transport to the caller.
"""

from stepwarden.upstream.signing.attempt import SignIn
from stepwarden.upstream.signing.auth import OAuthAuth
from stepwarden.upstream.signing.building import build_auth, open_vault
from stepwarden.upstream.signing.standing import Standing, standing
from stepwarden.upstream.signing.static import StaticAuth
from stepwarden.upstream.signing.troubles import collected_troubles
from stepwarden.upstream.signing.vault import Vault

__all__ = [
    "OAuthAuth",
    "SignIn",
    "Standing",
    "StaticAuth",
    "Vault",
    "build_auth",
    "collected_troubles",
    "open_vault",
    "standing",
]
