"""Who may talk to the HTTP server: the hosts it answers to, and the bearer tokens it takes."""

import hashlib
import hmac
import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stepwarden.errors import SettingsError
from stepwarden.settings import Settings

logger = logging.getLogger(__name__)

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - addresses to bind, which no honest client sends as its Host
# Health is for load balancers. Well-known paths lead nowhere: that 404 tells clients that there is no OAuth here.
# Pages have sessions of their own, which a browser can keep and a bearer token cannot.
OPEN_PATHS = ("/health", "/.well-known/", "/dashboard")

Place = tuple[str, int | None]
"""A host name in lower case and a port; None stands for any port."""


@dataclass(frozen=True, slots=True)
class Access:
    """Digests of the tokens by principal (none: everybody is anonymous), and the hosts that are answered to."""

    digests: Mapping[str, bytes]
    places: frozenset[Place]

    def owner_of(self, token: bytes) -> str | None:
        """Return the principal of a token, None where it is nobody's."""
        given = _digest(token)
        # Every token is compared, each in constant time: how long it takes says nothing of any of them.
        matches = [name for name, digest in self.digests.items() if hmac.compare_digest(digest, given)]
        return matches[0] if matches else None


def access(settings: Settings) -> Access:
    """Return what `settings` allow.

    Raises SettingsError where the server would be open to other machines without a token.
    """
    if not settings.tokens and not is_loopback(settings.host):
        raise SettingsError(
            f"Other machines can reach {settings.host}, and no tokens are set: "
            "set STEPWARDEN_TOKENS=name:token, or serve on 127.0.0.1."
        )
    names = [*LOOPBACK_NAMES, *settings.allowed_hosts]
    if settings.host not in WILDCARDS:
        names.append(settings.host)
    places = {name: _place(f"[{name}]" if name.count(":") > 1 and "[" not in name else name) for name in names}
    if wrong := [name for name, place in places.items() if place is None]:
        raise SettingsError(f"STEPWARDEN_ALLOWED_HOSTS: '{wrong[0]}' is no host name, with or without a port")
    digests = {name: _digest(token.get_secret_value().encode()) for name, token in settings.tokens.items()}
    return Access(digests, frozenset(place for place in places.values() if place))


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address; a name other than `localhost` could lead anywhere."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HostGuard:
    """Refuses requests for other hosts, and those that pages of other origins make (DNS rebinding).

    It stands before every route, ours and the SDK's, whose own check is therefore off.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._places = access.places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 421 for its Host and 403 for its Origin."""
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] != "lifespan" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._allows(_place(hosts[0])):
            logger.warning("refused a request for the host %.100r", hosts)
            return PlainTextResponse(
                "This server does not answer to that Host; STEPWARDEN_ALLOWED_HOSTS can name more.\n", 421
            )
        for origin in headers.getlist("origin"):
            scheme, _, rest = origin.partition("://")
            if scheme not in {"http", "https"} or not self._allows(_place(rest)):
                logger.warning("refused a request of the origin %.100r", origin)
                return PlainTextResponse(
                    "This server does not answer pages of that Origin; STEPWARDEN_ALLOWED_HOSTS can name more.\n", 403
                )
        return None

    def _allows(self, place: Place | None) -> bool:
        return place is not None and (place in self._places or (place[0], None) in self._places)


class BearerGuard:
    """Lets nobody in without a token, where there are tokens, and notes whose it is.

    The principal goes where the SDK looks for it too: `scope["user"]` binds sessions to who opened them.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its principal, or answer 401."""
        if scope["type"] == "lifespan" or not self._access.digests or scope["path"].startswith(OPEN_PATHS):
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).getlist("authorization")
        name = self._principal(given[0]) if len(given) == 1 else None
        if name is None:
            return await _unauthorized(wrong=bool(given))(scope, receive, send)
        # The secret itself stays out of what handlers can see.
        user = AuthenticatedUser(AccessToken(token="", client_id=name, scopes=[]))
        return await self._app({**scope, "user": user}, receive, send)

    def _principal(self, authorization: str) -> str | None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self._access.owner_of(token.strip().encode("latin-1"))


def _unauthorized(*, wrong: bool) -> Response:
    challenge = 'Bearer realm="stepwarden"' + (', error="invalid_token"' if wrong else "")
    return JSONResponse(
        {"error": "invalid_token", "error_description": "Send one of the bearer tokens of this server."},
        401,
        {"WWW-Authenticate": challenge},
    )


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _place(text: str) -> Place | None:
    """Read `host`, `host:port` or `[v6]:port`; None for anything else."""
    try:
        parts = urlsplit(f"//{text}")
        if parts.netloc != text or parts.username is not None or not parts.hostname:
            return None
        return parts.hostname, parts.port
    except ValueError:
        return None
