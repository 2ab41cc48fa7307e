"""An ID token for an ID-JAG, at an enterprise's identity provider: the first half of SEP-990 (RFC 8693).

The ID-JAG is for one authorization server and one MCP server; the second half (`client_credentials.py`) exchanges
it for a token.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from anyio import to_thread
from mcp.client.auth import OAuthFlowError
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    create_oauth_metadata_request,
    handle_auth_metadata_response,
    issuers_match,
)
from mcp.shared.auth import OAuthMetadata

from stepwarden.errors import SignInFailed
from stepwarden.upstream.auth_config import IdpConfig
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.client_authentication import prove_client
from stepwarden.upstream.oauth.http_client import OAuthHttpClient
from stepwarden.upstream.oauth.response_checks import RequestRefused, claims_of, json_object, raise_refusal
from stepwarden.upstream.secret_files import OpenToOthers, read_secret

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - the name of a kind of token
_ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
_MOST_BYTES = 65_536
_OF_THE_TOKEN = frozenset({"invalid_grant", "invalid_request", "invalid_token"})  # RFC 8693, 2.2.2, and what some say


async def fetch_id_jag(config: UpstreamConfig, audience: str, resource: str, scope: str | None) -> str:
    """Exchange the ID token of an entry for an ID-JAG.

    `audience` is the issuer of the MCP server's authorization server, `resource` the MCP server as it names itself.
    Raises SignInFailed with what to correct, UpstreamDown where the identity provider does not answer.
    """
    idp = config.auth.idp
    assert idp is not None  # the entry was checked
    token = await to_thread.run_sync(_read_id_token, idp, config.name)
    form = {
        "grant_type": _EXCHANGE,
        "requested_token_type": _ID_JAG,
        "audience": audience,
        "resource": resource,
        "subject_token": token,
        "subject_token_type": _ID_TOKEN,
    }
    if scope:
        form["scope"] = scope
    async with OAuthHttpClient(config.name) as http:
        metadata = None if idp.issuer is None else await _described(http, idp.issuer, config.name)
        endpoint = str(metadata.token_endpoint) if metadata is not None else idp.token_endpoint or ""
        issuer = str(metadata.issuer) if metadata is not None else endpoint
        form, headers = await prove_client(idp, config.name, issuer, metadata, form)
        request = httpx2.Request("POST", endpoint, data=form, headers=headers)
        response = await http.send(request)
    return _id_jag(config, idp, request, response)


def _id_jag(config: UpstreamConfig, idp: IdpConfig, request: httpx2.Request, response: httpx2.Response) -> str:
    body = json_object(response)
    if response.status_code != 200:
        try:
            raise_refusal(config.name, request, response, body)
        except RequestRefused as refusal:
            raise SignInFailed(_what_to_do(config, idp, refusal)) from None
    found = body.get("access_token")
    if body.get("issued_token_type") != _ID_JAG or not isinstance(found, str) or not found:
        raise SignInFailed(
            f"{request.url.host}, the identity provider of {config.name}, gave another token than the ID-JAG that was "
            "asked for: it has to support identity assertion authorization grants; nothing was sent on."
        )
    return found


def _what_to_do(config: UpstreamConfig, idp: IdpConfig, refusal: RequestRefused) -> str:
    begins = f"The identity provider {idp.place} refuses"
    if refusal.error in _OF_THE_TOKEN:
        return f"{begins} the ID token of {config.name} ({refusal}): {_get_a_new_one(idp)}"
    if refusal.error == "invalid_client":
        return f"{begins} the client {idp.client_id} ({refusal}): put valid credentials into auth.idp of {config.name}."
    return (
        f"{begins} {config.name} to us ({refusal}): whoever administers it has to allow the client {idp.client_id} "
        f"what it asks for at {config.auth.issuer}."
    )


def _get_a_new_one(idp: IdpConfig) -> str:
    if idp.id_token_file is not None:
        return f"get a new one and write it to {idp.id_token_file}; the next call reads it again."
    return (
        "get a new one, put it where auth.idp.id_token takes it from and start stepwarden again; a file that "
        "auth.idp.id_token_file names would be read again by each exchange."
    )


def _read_id_token(idp: IdpConfig, upstream: str) -> str:
    """Return the ID token, where it is one and has not ended by our clock."""
    if idp.id_token_file is None:
        token = idp.id_token.get_secret_value() if idp.id_token else ""
    else:
        token = _from_file(Path(idp.id_token_file).expanduser(), upstream)
    claims = claims_of(token := token.strip())
    if not claims:
        raise SignInFailed(f"The ID token of {upstream} is not a JWT (three parts with dots): {_get_a_new_one(idp)}")
    until = claims.get("exp")
    if isinstance(until, int | float) and until <= time.time():
        ended = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        raise SignInFailed(f"The ID token of {upstream} ended at {ended}: {_get_a_new_one(idp)}")
    return token


def _from_file(path: Path, upstream: str) -> str:
    named = f"The ID token of {upstream}, {path},"
    try:
        return read_secret(path, _MOST_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise SignInFailed(f"{named} cannot be read: {error.strerror}; write a current one there.") from None
    except OpenToOthers:
        raise SignInFailed(f"{named} can be read by others; chmod 600 it.") from None


async def _described(http: OAuthHttpClient, issuer: str, upstream: str) -> OAuthMetadata:
    """Return how an identity provider describes itself (RFC 8414, OpenID Connect Discovery)."""
    for url in build_oauth_authorization_server_metadata_discovery_urls(issuer, issuer):
        goes_on, metadata = await handle_auth_metadata_response(await http.send(create_oauth_metadata_request(url)))
        if metadata is not None and not issuers_match(str(metadata.issuer), issuer):
            raise OAuthFlowError(f"the identity provider at {issuer} says that it is {metadata.issuer}")
        if metadata is not None:
            return metadata
        if not goes_on:
            break
    raise SignInFailed(
        f"The identity provider of {upstream} does not describe itself at {issuer}: correct auth.idp.issuer, or put "
        "its token_endpoint there instead."
    )
