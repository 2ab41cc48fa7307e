"""The flows of OAuth 2.1, run outside of any request: signing in, renewing, revoking.

The SDK's provider decides what is sent where; this module sends it with a client of its own, which carries none of the
upstream's headers, follows no redirect and reads no more than a megabyte. It checks the answers that hold secrets
before the SDK sees them, because the SDK would log a malformed one.
"""

import time
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.client.auth import OAuthFlowError
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER

from stepwarden.errors import SignInFailed
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.challenge import Challenge
from stepwarden.upstream.oauth.client_credentials import ClientCredentialsProvider
from stepwarden.upstream.oauth.http_client import OAuthHttpClient
from stepwarden.upstream.oauth.provider import BrowserRedirect, FlowProvider, PersonProvider, stored
from stepwarden.upstream.oauth.redirect_answer import plain
from stepwarden.upstream.oauth.response_checks import ResponseChecker
from stepwarden.upstream.oauth.token_set import Tokens, TokenSet, expiry


async def authorize(
    config: UpstreamConfig, browser: BrowserRedirect, challenge: Challenge, before: TokenSet | None
) -> TokenSet:
    """Sign a person in: discovery, registration, their browser, the code, the tokens.

    `before` is the sign-in that this one follows, whose scopes are kept where more are asked for. Raises SignInFailed,
    or UpstreamDown where a server does not answer.
    """
    begin = None if before is None else _grant_of(before)
    return await _run_flow(config, PersonProvider(config, browser, begin=begin), challenge)


async def fetch(config: UpstreamConfig, challenge: Challenge, before: TokenSet | None) -> TokenSet:
    """Sign a machine in with what its entry has. Raises what `authorize` raises, and RequestRefused."""
    return await _run_flow(config, ClientCredentialsProvider(config, begin=before), challenge)


async def renew(config: UpstreamConfig, token_set: TokenSet) -> TokenSet:
    """Redeem the refresh token.

    Raises RequestRefused where the server no longer takes it, UpstreamDown where it does not answer: then it may be
    redeemed again, unless the answer was lost on its way.
    """
    provider = PersonProvider(config, _NO_BROWSER, begin=token_set)
    challenge = Challenge(header=token_set.challenge, protocol=token_set.protocol)
    return await _run_flow(config, provider, challenge, renewing=True)


async def revoke(config: UpstreamConfig, token_set: TokenSet) -> str | None:
    """Have the tokens revoked (RFC 7009); return why that could not be done, None where it was."""
    endpoint = str((token_set.issuer_metadata or {}).get("revocation_endpoint") or "")
    if token_set.tokens is None:
        return None
    if not endpoint:
        return f"{token_set.issuer} offers no revocation"
    person = not config.auth.is_machine
    provider: FlowProvider = (
        PersonProvider(config, _NO_BROWSER, begin=token_set)
        if person
        else ClientCredentialsProvider(config, begin=token_set)
    )
    await provider.begin()
    token, kind = (
        token_set.tokens.refresh or token_set.tokens.access,
        "refresh" if token_set.tokens.refresh else "access",
    )
    form, headers = await provider.prove({"token": token, "token_type_hint": f"{kind}_token"})
    async with OAuthHttpClient(config.name) as http:
        response = await http.send(httpx2.Request("POST", endpoint, data=form, headers=headers))
    return None if response.status_code == 200 else f"{token_set.issuer} answered with HTTP {response.status_code}"


async def _never(*_: object) -> Any:
    raise AssertionError("a flow without a person sent somebody somewhere")


_NO_BROWSER = BrowserRedirect("http://127.0.0.1/callback", _never, _never)
"""For flows that need a redirect address and send nobody anywhere."""


def _grant_of(before: TokenSet) -> TokenSet:
    """Return what a new sign-in takes from a former one: its scopes, and no registration, which may be lost."""
    tokens = None if before.tokens is None else before.tokens.model_copy(update={"refresh": None})
    return before.model_copy(update={"tokens": tokens, "client": None})


async def _run_flow(
    config: UpstreamConfig, provider: FlowProvider, challenge: Challenge, *, renewing: bool = False
) -> TokenSet:
    began = time.time()  # before anything is sent: a token's life is counted from no later than its issue
    url = config.url or ""
    headers = {MCP_PROTOCOL_VERSION_HEADER: challenge.protocol} if challenge.protocol else {}
    probe = httpx2.Request("POST", url, headers=headers)
    pending = None if renewing else challenge.response(url, config.auth.scopes)
    checker = ResponseChecker(config, provider)
    async with OAuthHttpClient(config.name) as http:
        flow = provider.async_auth_flow(probe)
        try:
            out = await anext(flow)
            while out is not probe or pending is not None:
                if out is probe:
                    assert pending is not None
                    response, pending = pending, None
                else:
                    if out is provider.pause:
                        out = await provider.token_request()
                        began = time.time()
                    response = await http.send(out)
                    checker.check(out, response)
                out = await flow.asend(response)
        except OAuthFlowError as error:
            raise SignInFailed(
                f"Signing in at {config.name} failed: {plain(str(error))}; nothing was stored."
            ) from None
        except (ValueError, httpx2.InvalidURL):  # pydantic's errors too
            raise SignInFailed(
                f"Signing in at {config.name} failed: the description of its server is not valid."
            ) from None
        finally:
            await flow.aclose()
    return _token_set_of(config, provider, challenge, checker.account, began)


def _token_set_of(
    config: UpstreamConfig, provider: FlowProvider, challenge: Challenge, account: str, began: float
) -> TokenSet:
    context = provider.context
    tokens = context.current_tokens
    if tokens is None or not tokens.access_token:
        raise SignInFailed(f"The authorization server of {config.name} gave no token.")
    metadata = context.oauth_metadata
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(config.url or ""))
    return TokenSet(
        upstream=config.name,
        server=config.url or "",
        issuer=str(metadata.issuer) if metadata is not None else context.auth_server_url or origin,
        tokens=Tokens(
            access=tokens.access_token,
            refresh=tokens.refresh_token or None,
            scope=tokens.scope,
            obtained_at=began,
            expires_at=expiry(tokens.expires_in, began),
        ),
        # A client of the configuration is read from there each time: its secret may be changed.
        client=None if config.auth.client_id is not None else stored(context.client_info),
        issuer_metadata=stored(metadata),
        resource_metadata=stored(context.protected_resource_metadata),
        protocol=challenge.protocol,
        challenge=challenge.header if challenge.status == 401 else "",
        account=account,
        asked=tuple((context.client_metadata.scope or "").split()),
        saved_at=time.time(),
    )
