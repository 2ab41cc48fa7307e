"""Checks the answers of authorization servers that hold secrets: told in one line, never logged."""

import base64
import binascii
import json
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs

import httpx2
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import ValidationError

from stepwarden.errors import SignInFailed, UpstreamDown
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.provider import FlowProvider
from stepwarden.upstream.oauth.redirect_answer import plain

_ACCOUNT_CLAIMS = ("email", "preferred_username", "name", "sub")
_SECRET_FIELDS = frozenset(
    {"code", "code_verifier", "refresh_token", "client_secret", "client_assertion", "assertion", "subject_token"}
)
_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


class RequestRefused(SignInFailed):
    """A token endpoint refused what it was given; `error` is its code (RFC 6749, 5.2)."""

    def __init__(self, text: str, error: str) -> None:
        super().__init__(text)
        self.error = error


class ResponseChecker:
    """Checks each answer of one flow. `account` is who signed in, as far as the tokens tell; for showing only."""

    def __init__(self, config: UpstreamConfig, provider: FlowProvider) -> None:
        self._config = config
        self._provider = provider
        self.account = ""

    def check(self, request: httpx2.Request, response: httpx2.Response) -> None:
        """Raise RequestRefused, SignInFailed or UpstreamDown where the answer ends the flow."""
        if request.method != "POST" or response.next_request is not None:
            return
        if str(request.url) == self._provider.token_endpoint:
            self._token(request, response)
        elif request.headers.get("content-type") == "application/json":
            self._registration(response)

    def _token(self, request: httpx2.Request, response: httpx2.Response) -> None:
        host, body = response.request.url.host, json_object(response)
        if response.status_code in {200, 201}:
            try:
                OAuthToken.model_validate(body)
            except ValidationError as error:
                fields = ", ".join(sorted({str(item["loc"][0]) for item in error.errors() if item["loc"]}))
                raise SignInFailed(
                    f"{host} gave no usable token for {self._config.name} "
                    f"(it is wrong in: {fields or 'its form'}); nothing was stored."
                ) from None
            self.account = _account(body)
            return
        raise_refusal(self._config.name, request, response, body)

    def _registration(self, response: httpx2.Response) -> None:
        host = response.request.url.host
        if response.status_code in {200, 201}:
            try:
                OAuthClientInformationFull.model_validate(json_object(response))
            except ValidationError:
                raise SignInFailed(
                    f"{host} registered us for {self._config.name} with an answer that is not valid."
                ) from None
            return
        if response.status_code >= 500 or response.status_code == 429:
            raise UpstreamDown(
                f"{host} cannot register us for {self._config.name} now; send the same call again later."
            )
        if self._provider.context.oauth_metadata is None:
            raise SignInFailed(
                f"{self._config.name} names no authorization server. If it needs none, put auth type none into its "
                "entry; if it takes a token, bearer or basic."
            )
        body = json_object(response)
        reason = plain(str(body.get("error_description") or body.get("error") or f"HTTP {response.status_code}"))
        raise SignInFailed(
            f"{host} does not register us for {self._config.name} ({reason}): register a client there yourself and put "
            "its client_id into the auth of the entry."
        )


def raise_refusal(upstream: str, request: httpx2.Request, response: httpx2.Response, body: dict[str, Any]) -> NoReturn:
    """Raise what the answer of a token endpoint without a token means: RequestRefused, or UpstreamDown for now."""
    error = body.get("error")
    if not isinstance(error, str) or error in _PASSING or response.status_code in {408, 429}:
        raise UpstreamDown(
            f"{request.url.host}, where {upstream} signs in, answers with HTTP {response.status_code} and no token; "
            "what is stored is kept. Send the same call again later."
        )
    description = body.get("error_description")
    reason = _without_secrets(description, request) if isinstance(description, str) else ""
    raise RequestRefused(f"{plain(error)}{f': {reason}' if reason else ''}", error)


def _without_secrets(text: str, request: httpx2.Request) -> str:
    """Return what a server said as one line, without what we sent it: some repeat the token they refuse."""
    for name, values in parse_qs(request.content.decode("utf-8", "replace")).items():
        if name in _SECRET_FIELDS:
            for value in values:
                text = text.replace(value, "...")
    return plain(text)


def json_object(response: httpx2.Response) -> dict[str, Any]:
    """Return the JSON object in a response; an empty one where there is no object."""
    try:
        found: object = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _account(body: dict[str, Any]) -> str:
    """Return who signed in by the claims of the tokens, which are believed for showing and nothing else."""
    for name in ("id_token", "access_token"):
        claims = claims_of(body.get(name))
        for claim in _ACCOUNT_CLAIMS:
            if isinstance(value := claims.get(claim), str) and value:
                return plain(value)[:100]
    return ""


def claims_of(token: object) -> dict[str, Any]:
    """Return the claims of a JWT unverified: for showing, and for what its end says; none where it is no JWT."""
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:
        return {}
    try:
        found: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
