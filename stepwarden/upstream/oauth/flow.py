"""The flows of OAuth 2.1, driven to their end outside of any request: signing in, renewing, revoking.

The SDK's provider decides what is sent where; this module sends it with a client of its own, which carries none of the
upstream's headers, follows no redirect and reads no more than a megabyte, and judges the answers that hold secrets
before the SDK sees them, because it would write an odd one into its log.
"""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.client.auth import OAuthFlowError
from mcp.client.auth.utils import extract_resource_metadata_from_www_auth, extract_scope_from_www_auth
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER

from stepwarden.errors import SignInFailed
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.client_credentials import ClientCredentialsProvider
from stepwarden.upstream.oauth.http_client import OAuthHttpClient
from stepwarden.upstream.oauth.provider import Answered, FlowProvider, PersonProvider, Show, stored
from stepwarden.upstream.oauth.redirect_answer import plain
from stepwarden.upstream.oauth.response_checks import ResponseChecker
from stepwarden.upstream.oauth.token_set import Tokens, TokenSet, expiry

_NOBODY = "http://127.0.0.1/callback"  # stands where a flow needs a redirect address and nobody is sent anywhere


@dataclass(frozen=True, slots=True)
class Challenge:
    """What made a sign-in necessary: the status (401, or 403 for more scopes) and headers of the server's refusal."""

    status: int = 401
    header: str = ""
    protocol: str = ""

    @classmethod
    def of(cls, response: httpx2.Response) -> "Challenge":
        """Read it from a refusal."""
        return cls(
            response.status_code,
            response.headers.get("www-authenticate", ""),
            response.request.headers.get(MCP_PROTOCOL_VERSION_HEADER, ""),
        )

    @property
    def scope(self) -> str:
        """The scopes the server says it wants, separated by blanks."""
        return extract_scope_from_www_auth(self._response("http://127.0.0.1")) or ""

    def response(self, url: str, scopes: tuple[str, ...]) -> httpx2.Response:
        """Return it as the response that the SDK's flow begins with; `scopes` win over what the server wants."""
        found = self._response(url)
        if self.status == 401 and scopes:
            place = extract_resource_metadata_from_www_auth(found)
            parts = [f'resource_metadata="{place}"'] if place else []
            parts.append(f'scope="{" ".join(scopes)}"')
            return Challenge(401, f"Bearer {', '.join(parts)}", self.protocol)._response(url)
        return found

    def _response(self, url: str) -> httpx2.Response:
        headers = {"www-authenticate": self.header} if self.header else {}
        return httpx2.Response(self.status, headers=headers, request=httpx2.Request("POST", url))


async def authorize(
    config: UpstreamConfig,
    redirect_uri: str,
    show: Show,
    answered: Answered,
    challenge: Challenge,
    before: TokenSet | None,
) -> TokenSet:
    """Sign a person in: discovery, registration, their browser, the code, the tokens.

    `show` is given the address for the browser, `answered` waits for what it brings back. `before` is the sign-in that
    this one follows, whose scopes are kept where more are asked for. Raises SignInFailed, or UpstreamDown where a
    server does not answer.
    """
    begin = None if before is None else _grant_of(before)
    provider = PersonProvider(config, redirect_uri, show, answered, begin=begin)
    return await _driven(config, provider, challenge)


async def fetch(config: UpstreamConfig, challenge: Challenge, before: TokenSet | None) -> TokenSet:
    """Sign a machine in with what its entry has; raises as `authorize` does, and Refused."""
    return await _driven(config, ClientCredentialsProvider(config, begin=before), challenge)


async def renew(config: UpstreamConfig, bundle: TokenSet) -> TokenSet:
    """Redeem the refresh token.

    Raises Refused where the server wants it no more, UpstreamDown where it does not answer: then it may be redeemed
    again, unless the answer was lost on its way.
    """
    provider = PersonProvider(config, _NOBODY, _never, _never, begin=bundle)
    challenge = Challenge(header=bundle.challenge, protocol=bundle.protocol)
    return await _driven(config, provider, challenge, renewing=True)


async def revoke(config: UpstreamConfig, bundle: TokenSet) -> str | None:
    """Have the tokens revoked (RFC 7009); give why that could not be done, None where it was."""
    endpoint = str((bundle.issuer_metadata or {}).get("revocation_endpoint") or "")
    if bundle.tokens is None:
        return None
    if not endpoint:
        return f"{bundle.issuer} offers no revocation"
    person = not config.auth.is_machine
    provider: FlowProvider = (
        PersonProvider(config, _NOBODY, _never, _never, begin=bundle)
        if person
        else ClientCredentialsProvider(config, begin=bundle)
    )
    await provider.begin()
    token, kind = bundle.tokens.refresh or bundle.tokens.access, "refresh" if bundle.tokens.refresh else "access"
    form, headers = await provider.proved({"token": token, "token_type_hint": f"{kind}_token"})
    async with OAuthHttpClient(config.name) as sender:
        response = await sender.send(httpx2.Request("POST", endpoint, data=form, headers=headers))
    return None if response.status_code == 200 else f"{bundle.issuer} answered with HTTP {response.status_code}"


async def _never(*_: object) -> Any:
    raise AssertionError("a flow without a person sent somebody somewhere")


def _grant_of(before: TokenSet) -> TokenSet:
    """Return what of a former sign-in a new one may use: its scopes. A registration may be lost, so it is made anew."""
    tokens = None if before.tokens is None else before.tokens.model_copy(update={"refresh": None})
    return before.model_copy(update={"tokens": tokens, "client": None})


async def _driven(
    config: UpstreamConfig, provider: FlowProvider, challenge: Challenge, *, renewing: bool = False
) -> TokenSet:
    began = time.time()  # before anything is sent: a token's life is counted from no later than its issue
    url = config.url or ""
    headers = {MCP_PROTOCOL_VERSION_HEADER: challenge.protocol} if challenge.protocol else {}
    probe = httpx2.Request("POST", url, headers=headers)
    pending = None if renewing else challenge.response(url, config.auth.scopes)
    judge = ResponseChecker(config, provider)
    async with OAuthHttpClient(config.name) as sender:
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
                    response = await sender.send(out)
                    judge.look(out, response)
                out = await flow.asend(response)
        except OAuthFlowError as error:
            raise SignInFailed(
                f"Signing in at {config.name} failed: {plain(str(error))}; nothing was stored."
            ) from None
        except (ValueError, httpx2.InvalidURL):  # pydantic's errors too
            raise SignInFailed(
                f"Signing in at {config.name} failed: what its server says of itself has no valid form."
            ) from None
        finally:
            await flow.aclose()
    return _bundle(config, provider, challenge, judge, began)


def _bundle(
    config: UpstreamConfig, provider: FlowProvider, challenge: Challenge, judge: ResponseChecker, began: float
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
        account=judge.account,
        asked=tuple((context.client_metadata.scope or "").split()),
        saved_at=time.time(),
    )
