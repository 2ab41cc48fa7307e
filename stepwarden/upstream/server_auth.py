"""The sign-in of one upstream: built at its first use, kept for all its connections."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import httpx2

from stepwarden.upstream.config import UpstreamConfig

AuthOf = Callable[[UpstreamConfig], httpx2.Auth | None]
"""Returns the `httpx2.Auth` that signs the requests to an upstream; None where nothing does."""

MissingScopes = Callable[[UpstreamConfig], tuple[str, ...]]
"""Returns the configured scopes that a sign-in was not granted; reads files."""


def none_missing(_config: UpstreamConfig) -> tuple[str, ...]:
    """Return that nothing is missing."""
    return ()


@runtime_checkable
class SigningAuth(Protocol):
    """An `httpx2.Auth` that waits for sign-ins and has work in the background to end."""

    async def signed_in(self, timeout_s: float) -> bool:
        """Wait until the sign-in under way is over; return whether there are tokens then."""
        ...

    async def close(self) -> None:
        """End the work in the background."""
        ...


@dataclass
class ServerAuth:
    """The sign-in of one upstream."""

    config: UpstreamConfig
    auth_of: AuthOf
    missing_scopes_of: MissingScopes = none_missing
    _auth: httpx2.Auth | None = None
    _made: bool = False

    def get(self) -> httpx2.Auth | None:
        """Return what signs the requests. Raises SettingsError where the entry cannot be used."""
        if not self._made:
            self._auth, self._made = self.auth_of(self.config), True
        return self._auth

    async def signed_in(self, timeout_s: float) -> bool:
        """Wait until the sign-in that a person was sent to is over; return whether there are tokens then.

        Raises what ended the sign-in.
        """
        auth = self.get()
        return isinstance(auth, SigningAuth) and await auth.signed_in(timeout_s)

    async def missing_scopes(self) -> tuple[str, ...]:
        """Return the configured scopes that the sign-in was not granted."""
        return await asyncio.to_thread(self.missing_scopes_of, self.config)

    async def close(self) -> None:
        """End the work in the background."""
        if isinstance(self._auth, SigningAuth):
            await cast("SigningAuth", self._auth).close()
