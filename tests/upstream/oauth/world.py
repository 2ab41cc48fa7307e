"""A small authorization server and a small resource server on loopback, whose behaviour a test can bend."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx2
import jwt  # noqa: TID253 - the tests' own servers
from idp import decoded
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth import SignIn, Vault, build_auth
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.sign_in import OpenAddress, SignInAnswer, SignInRequest
from tests.support.http_apps import address_of, free_listener, served

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class World:
    """Both servers. Everything that differs between tests is a field; `hits` counts what was asked of them."""

    issuer: str
    server: str
    ttl: int | None = 3600
    scopes: str = "use"
    grants: str | None = None  # the scopes that are granted; None: those asked for
    refresh: bool = True
    protected_metadata: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)  # over the authorization server's document
    answer: Mapping[str, str | None] = field(default_factory=dict)  # over the authorization response
    token_fault: Response | None = None  # instead of what the token endpoint would say
    token_gate: asyncio.Event = field(default_factory=_open_gate)
    token_asked: asyncio.Event = field(default_factory=asyncio.Event)
    together: asyncio.Barrier | None = None  # the resource answers when so many requests are there at once
    register_status: int = 201
    redeem_twice: bool = False
    challenge_scope: str = ""
    needs: str = ""  # the scope without which the resource answers 403
    refuse_all: bool = False  # the resource takes no token at all
    hits: Counter[str] = field(default_factory=Counter)
    seen: list[dict[str, str]] = field(default_factory=list)  # the forms of the token endpoint
    authorized: list[dict[str, str]] = field(default_factory=list)  # the queries of the authorization endpoint
    bearers: list[str] = field(default_factory=list)  # of the resource
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    access: dict[str, tuple[float, str]] = field(default_factory=dict)  # token -> when it ends, its scopes
    refreshes: dict[str, str] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    families_revoked: int = 0
    client_key: Any = None  # the public key of the one client that proves itself with what its key signs
    idp_key: Any = None  # the public key of the identity provider whose assertions are taken
    jtis: list[str] = field(default_factory=list)  # of the assertions of the client

    def app(self) -> Starlette:
        get, post = ["GET"], ["POST"]
        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._metadata, methods=get),
                Route("/register", self._register, methods=post),
                Route("/authorize", self._authorize, methods=get),
                Route("/v1/token", self._token, methods=post),
                Route("/v1/revoke", self._revoke, methods=post),
            ]
        )

    def resource(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/oauth-protected-resource/mcp", self._protected, methods=["GET"]),
                Route("/mcp", self._use, methods=["POST"]),
                Route("/moved", lambda _: RedirectResponse(self.issuer + "/stolen", 307), methods=["POST"]),
            ]
        )

    def forget(self) -> None:
        self.hits.clear()
        self.seen.clear()

    def hold_tokens(self) -> None:
        """Let the token endpoint answer nobody until `token_gate` is set; `token_asked` tells that somebody came."""
        self.token_gate.clear()
        self.token_asked.clear()

    def end_access(self) -> None:
        """Let every access token be refused from now on."""
        self.access.clear()

    async def _metadata(self, _: Request) -> Response:
        self.hits["metadata"] += 1
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/v1/token",
            "registration_endpoint": self.issuer + "/register",
            "revocation_endpoint": self.issuer + "/v1/revoke",
            "scopes_supported": ["use", "write", "offline_access"],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }
        return JSONResponse({name: value for name, value in document.items() if value is not None})

    async def _protected(self, _: Request) -> Response:
        if not self.protected_metadata:
            return PlainTextResponse("no", 404)
        return JSONResponse({"resource": self.server, "authorization_servers": [self.issuer]})

    async def _register(self, request: Request) -> Response:
        self.hits["register"] += 1
        if self.register_status != 201:
            return JSONResponse({"error": "access_denied", "error_description": "by invitation"}, self.register_status)
        return JSONResponse({**await request.json(), "client_id": "client-" + secrets.token_hex(4)}, 201)

    async def _authorize(self, request: Request) -> Response:
        self.hits["authorize"] += 1
        query = dict(request.query_params)
        self.authorized.append(query)
        code = "code-" + secrets.token_hex(8)
        self.codes[code] = query
        values = {"code": code, "state": query["state"], "iss": self.issuer} | dict(self.answer)
        kept = {name: value for name, value in values.items() if value is not None}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(kept)}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.seen.append(form | {"authorization": request.headers.get("authorization", "")})
        self.hits["token:" + form["grant_type"]] += 1
        self.token_asked.set()
        await self.token_gate.wait()
        if self.token_fault is not None:
            return self.token_fault
        refusal = self._refusal(form)
        if refusal is not None:
            return refusal
        if form["grant_type"] in {"client_credentials", JWT_BEARER}:
            return self._issued(form.get("scope", ""), refresh=False)
        if form["grant_type"] == "authorization_code":
            return self._redeemed(form)
        scope = self.refreshes.pop(form["refresh_token"], None)
        if scope is None:
            self.families_revoked += form["refresh_token"] in self.spent
            said = f"the token {form['refresh_token']} is not valid"
            return JSONResponse({"error": "invalid_grant", "error_description": said}, 400)
        self.spent.add(form["refresh_token"])
        return self._issued(scope)

    def _refusal(self, form: dict[str, str]) -> Response | None:
        """Judge the assertions of a form; a refusal repeats what it refuses, as some servers do."""
        try:
            if self.client_key is not None:
                claims = decoded(form["client_assertion"], self.client_key, self.issuer)
                assert claims["iss"] == claims["sub"] == form["client_id"] == "m"
                assert claims["jti"] not in self.jtis
                self.jtis.append(claims["jti"])
            if form["grant_type"] == JWT_BEARER:
                claims = decoded(form["assertion"], self.idp_key, self.issuer)
                assert (claims["client_id"], claims["resource"]) == ("m", self.server)
        except (jwt.PyJWTError, KeyError, AssertionError) as error:
            code = "invalid_grant" if "assertion" in form else "invalid_client"
            repeated = form.get("assertion") or form.get("client_assertion")
            said = f"{type(error).__name__} in {repeated}"
            return JSONResponse({"error": code, "error_description": said}, 401 if code == "invalid_client" else 400)
        return None

    def _redeemed(self, form: dict[str, str]) -> Response:
        query = self.codes.get(form["code"]) if self.redeem_twice else self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if (
            query is None
            or query["code_challenge"] != challenge.rstrip("=")
            or query["redirect_uri"] != form["redirect_uri"]
            or query["client_id"] != form["client_id"]
        ):
            return JSONResponse({"error": "invalid_grant", "error_description": "code used or not yours"}, 400)
        return self._issued(query.get("scope", ""))

    def _issued(self, scope: str, *, refresh: bool = True) -> Response:
        access = "access-" + secrets.token_hex(8)
        scope = scope if self.grants is None else self.grants
        self.access[access] = (time.time() + (self.ttl if self.ttl is not None else 3600), scope)
        said: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "scope": scope}
        if self.ttl is not None:
            said["expires_in"] = self.ttl
        if refresh and self.refresh:
            said["refresh_token"] = "refresh-" + secrets.token_hex(8)
            self.refreshes[said["refresh_token"]] = scope
        claims = base64.urlsafe_b64encode(json.dumps({"email": "ana@example.org"}).encode()).decode().rstrip("=")
        return JSONResponse(said | {"id_token": f"e30.{claims}.c2ln"})

    async def _revoke(self, request: Request) -> Response:
        self.hits["revoke"] += 1
        form = await request.form()
        self.refreshes.pop(str(form["token"]), None)
        return Response(status_code=200)

    async def _use(self, request: Request) -> Response:
        self.hits["use"] += 1
        sent = request.headers.get("authorization", "")
        self.bearers.append(sent)
        token = sent.removeprefix("Bearer ")
        until, scopes = self.access.get(token, (0.0, ""))
        if until <= time.time() or self.refuse_all:
            where = f'resource_metadata="{self.server.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")}"'
            scope = f', scope="{self.challenge_scope}"' if self.challenge_scope else ""
            header = f"Bearer {where}{scope}" if self.protected_metadata else "Bearer"
            return PlainTextResponse("no", 401, {"WWW-Authenticate": header})
        if self.needs and self.needs not in scopes.split():
            header = f'Bearer error="insufficient_scope", scope="{self.needs}"'
            return PlainTextResponse("no", 403, {"WWW-Authenticate": header})
        if self.together is not None:
            await self.together.wait()
        return PlainTextResponse("done")


@asynccontextmanager
async def serving(app: ASGIApp | None = None) -> AsyncGenerator[World]:
    """Serve a world; `app` is its resource where that is more than `World.resource`."""
    issuer, server = free_listener(), free_listener()
    made = World(address_of(issuer), address_of(server) + "/mcp")
    async with served(made.app(), issuer), served(Guarded(made, app) if app else made.resource(), server):
        yield made


@dataclass
class Guarded:
    """An application that wants a token of the world's."""

    world: World
    inner: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            token = Request(scope).headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.world.access:
                await self.world.resource()(scope, receive, send)
                return
        await self.inner(scope, receive, send)


class Browser:
    """What a person's browser does: it opens the address and follows it to its end, in the background."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.pages: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def show(self, url: str) -> None:
        self.opened.append(url)
        task = asyncio.create_task(self._follow(url))
        self._tasks.add(task)

    async def _follow(self, url: str) -> None:
        async with plain_client(follow_redirects=True) as client:
            self.pages.append((await client.get(url)).text)

    async def idle(self) -> None:
        """Wait until every page is there."""
        await asyncio.gather(*self._tasks)

    def sign_in(self, show: Callable[[str], Awaitable[None]] | None = None, **more: Any) -> SignIn:
        return SignIn(**({"waits": True, "timeout_s": 600.0, "open_address": opened_by(show or self.show)} | more))


def opened_by(show: Callable[[str], Awaitable[None]]) -> OpenAddress:
    """Return the prompt of a person who opens every address in this way."""

    async def open_address(request: SignInRequest) -> SignInAnswer:
        await show(request.address)
        return request.answer("opened")

    return open_address


def plain_client(**more: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=None, verify=False, **more)


def config(world: World, name: str = "jira", **auth: Any) -> UpstreamConfig:
    return UpstreamConfig.model_validate({"name": name, "url": world.server, "auth": {"type": "oauth"} | auth})


async def use(world: World, auth: httpx2.Auth | None, **more: Any) -> httpx2.Response:
    async with plain_client(auth=auth) as client:
        return await client.post(world.server, **more)


def expire(world: World, vault: Vault, name: str = "jira", entry: str = "") -> TokenSet:
    """Let the access token end, here and at the server; gives what is stored then."""
    world.end_access()
    found = vault.load(name, world.server, entry=entry)
    assert found is not None
    assert found.tokens is not None
    tokens = found.tokens.model_copy(update={"obtained_at": time.time() - 3_700, "expires_at": time.time() - 100})
    ended = found.model_copy(update={"tokens": tokens})
    vault.save(ended)
    return ended


async def signed_in(world: World, vault: Vault, **auth: Any) -> None:
    """Sign in, and forget what it took."""
    made = build_auth(config(world, **auth), vault, Browser().sign_in())
    assert (await use(world, made)).text == "done"
    world.forget()
