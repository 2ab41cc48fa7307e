"""The two servers of a real sign-in on loopback, and the person before the browser.

`authorization_server.mjs` is the npm package oidc-provider; the resource server is a small MCP server on the SDK,
which asks it about each token (introspection) or verifies them by its keys (JWT).
"""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import jwt  # noqa: TID253 - the tests' own server
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from tests.support.http_apps import served_by_thread

SCRIPT = Path(__file__).with_name("authorization_server.mjs")


def plain_client(**more: Any) -> httpx2.AsyncClient:
    """A client that loads no certificates: everything here is on loopback, without TLS."""
    return httpx2.AsyncClient(timeout=None, verify=False, **more)


@dataclass
class AuthorizationServer:
    """The provider's process, and what it counted."""

    issuer: str
    process: "subprocess.Popen[str]"

    def ask(self, action: str) -> Any:
        return httpx2.get(f"{self.issuer}/_test/{action}", timeout=None, verify=False).json()

    def forget(self) -> None:
        """Begin to count anew."""
        self.ask("forget")

    def asked(self, route: str, **fits: Any) -> list[dict[str, Any]]:
        """Return the requests to one of its endpoints, with what came of them."""
        found = self.ask("seen")["asked"]
        return [one for one in found if one["route"] == route and all(one.get(key) == fits[key] for key in fits)]

    @property
    def renewals(self) -> list[dict[str, Any]]:
        return self.asked("token", grant_type="refresh_token")

    def counted(self, event: str) -> int:
        """How often the provider told of one of its events."""
        return self.ask("seen")["counted"].get(event, 0)

    def kept(self, kind: str) -> int:
        """How many rows of one kind it keeps, such as RefreshToken."""
        return self.ask("seen")["kinds"].count(kind)


@contextmanager
def authorization_server(node_modules: Path, **options: Any) -> Iterator[AuthorizationServer]:
    library = (node_modules / "oidc-provider" / "lib" / "index.js").as_uri()
    command = [str(node_modules / "node" / "bin" / "node"), str(SCRIPT), library, json.dumps(options)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            issuer = process.stdout.readline().strip()
            assert issuer, "the authorization server did not start"
            yield AuthorizationServer(issuer, process)
        finally:
            process.kill()


@dataclass
class Verifier:
    """Verifies tokens: by the server's keys where they are JWTs, else by asking it."""

    resource: str
    issuer: str = ""
    by_keys: bool = False
    refused: list[str] = field(default_factory=list[str])
    _keys: dict[str, Any] = field(default_factory=dict[str, Any])

    async def verify_token(self, token: str) -> AccessToken | None:
        claims = await (self._verified(token) if self.by_keys else self._introspected(token))
        if claims is None or claims.get("aud") != self.resource or claims.get("iss") != self.issuer:
            self.refused.append(token)
            return None
        scopes = str(claims.get("scope", "")).split()
        return AccessToken(
            token=token, client_id=claims["client_id"], scopes=scopes, expires_at=claims["exp"], resource=claims["aud"]
        )

    async def _verified(self, token: str) -> dict[str, Any] | None:
        if not self._keys:
            async with plain_client() as client:
                found = (await client.get(self.issuer + "/jwks")).json()["keys"]
            self._keys = {key["kid"]: jwt.PyJWK(key) for key in found}
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            return jwt.decode(token, key, algorithms=["RS256"], audience=self.resource, issuer=self.issuer)
        except (jwt.PyJWTError, KeyError):
            return None

    async def _introspected(self, token: str) -> dict[str, Any] | None:
        async with plain_client(auth=("resource", "resource")) as client:
            answer = await client.post(self.issuer + "/token/introspection", data={"token": token})
        claims = answer.json()
        return claims if claims.get("active") else None


@dataclass
class ResourceServer:
    """An MCP server whose tools need a token; `calls` are the texts its `note` was called with."""

    url: str
    verifier: Verifier
    calls: list[str] = field(default_factory=list[str])


def _notes(server: ResourceServer, issuer: str) -> MCPServer:
    auth = AuthSettings(
        issuer_url=issuer,  # pyright: ignore[reportArgumentType]
        resource_server_url=server.url,  # pyright: ignore[reportArgumentType]
        required_scopes=["notes:read"],
        validate_token_resource=True,
    )
    mcp = MCPServer("notes", auth=auth, token_verifier=server.verifier)

    @mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def note(text: str) -> str:
        """Give back a note."""
        server.calls.append(text)
        return f"noted: {text}"

    return mcp


@contextmanager
def resource_server(listener: socket.socket, authority: AuthorizationServer, **more: Any) -> Iterator[ResourceServer]:
    """Serve from a thread on a listening socket; `more` is for the verifier."""
    url = address_of(listener)
    server = ResourceServer(url, Verifier(url, authority.issuer, **more))
    app = _notes(server, authority.issuer).streamable_http_app()
    with served_by_thread(app, listener):
        yield server


def address_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"


class _Forms(HTMLParser):
    """The first form of a page: where it goes, and its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = given.get("action")
        if tag == "input" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""


@dataclass
class Person:
    """Opens an address in a browser without a window, signs in, consents, and follows it to its end.

    `stops_at` keeps them from the last hop: the address that would go back to us is given instead of opened.
    """

    opened: list[str] = field(default_factory=list[str])
    pages: list[str] = field(default_factory=list[str])
    decline: bool = False

    async def sign_in(self, url: str, *, stop_before: str | None = None) -> str:
        """Return the address of the last page, or the one that begins with `stop_before`."""
        self.opened.append(url)
        async with plain_client() as client:
            page = await client.get(url)
            for _ in range(20):
                if page.has_redirect_location:
                    url = urljoin(str(page.url), page.headers["location"])
                    if stop_before is not None and url.startswith(stop_before):
                        return url
                    page = await client.get(url)
                    continue
                self.pages.append(page.text)
                form = _Forms()
                form.feed(page.text)
                if form.action is None:
                    return str(page.url)
                url = urljoin(str(page.url), form.action)
                if self.decline and form.fields.get("prompt") == "consent":
                    page = await client.get(f"{page.url}/abort")
                    continue
                page = await client.post(url, data={**form.fields, "login": "ana", "password": "x"})
        raise AssertionError(f"the sign-in went round in circles: {url}")
