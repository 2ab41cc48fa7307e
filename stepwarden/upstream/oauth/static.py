"""Signing in with credentials of the configuration: a bearer token, or e-mail and API token."""

import base64
from collections.abc import AsyncGenerator

import httpx2

from stepwarden.errors import SignInFailed
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.origin import same_origin


class StaticAuth(httpx2.Auth):
    """Sends one header to one server, and says what to do where that is refused."""

    def __init__(self, config: UpstreamConfig) -> None:
        auth = config.auth
        token = auth.token.get_secret_value() if auth.token else ""
        if auth.type == "basic":
            pair = base64.b64encode(f"{auth.email}:{token}".encode()).decode()
            self._header = f"Basic {pair}"
        else:
            self._header = f"Bearer {token}"
        self._config = config

    def __repr__(self) -> str:
        return f"StaticAuth({self._config.name!r})"

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Authenticate one request. Raises SignInFailed where the server refuses the token."""
        if not same_origin(request.url, self._config):
            yield request
            return
        request.headers["Authorization"] = self._header
        response = yield request
        if response.status_code != 401:
            return
        name, kind = self._config.name, "e-mail and API token" if self._config.auth.type == "basic" else "token"
        raise SignInFailed(
            f"{name} refuses the {kind} of its auth entry (HTTP 401): it ended, or was revoked; put a new one there "
            "and start stepwarden again."
        )

    async def ready(self) -> None:
        """Do nothing: there is nothing to renew."""

    async def signed_in(self, timeout_s: float) -> bool:
        """Return that there is nothing to wait for."""
        return True

    async def close(self) -> None:
        """Do nothing: nothing is open."""
