"""The SDK's OAuth providers, each made for one flow and thrown away: what lasts is in the token set.

The SDK keeps one provider for the life of a client, holds its lock while a response is awaited, and forgets on a
restart when its token ends and where it came from. So here a flow begins with all that is stored, is driven outside
of any request (`flow.py`), and stops where a person or the vault has to come first.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import httpx2
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.auth.oauth2 import OAuthContext
from mcp.client.auth.utils import issuers_match
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from pydantic import AnyUrl

from stepwarden.errors import SignInFailed
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.token_set import TokenSet

_ENDED = 1.0  # long ago; the SDK takes 0 for "never ends"

SecretMethod = Literal["client_secret_basic", "client_secret_post"]


@dataclass(frozen=True, slots=True)
class BrowserRedirect:
    """A person's way through their browser: it is sent to an address by `show`, and comes back to `redirect_uri`.

    `answer` waits for what it brings back from the authorization server with this metadata.
    """

    redirect_uri: str
    show: Callable[[str], Awaitable[None]]
    answer: Callable[[OAuthMetadata | None], Awaitable[AuthorizationCodeResult]]


class FlowProvider(Protocol):
    """What takes one flow to its token; see `PersonProvider` and `ClientCredentialsProvider`."""

    context: OAuthContext
    pause: httpx2.Request

    @property
    def token_endpoint(self) -> str:
        """Where secrets go."""
        ...

    def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Run the SDK's flow, which hands out `pause` where the token is to be asked for."""
        ...

    async def token_request(self) -> httpx2.Request:
        """Build the request for the token."""
        ...

    async def begin(self) -> None:
        """Fill the context with what is stored, without any flow."""
        ...

    async def prove(self, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return a form and its headers with the proof of who we are in it."""
        ...


class NoStorage:
    """The SDK's storage that keeps nothing: the code that runs a flow stores the whole token set at once."""

    async def get_tokens(self) -> OAuthToken | None:
        """Return none; see `restore`."""
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Leave them in the provider's context."""

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return none; see `restore`."""
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Leave it in the provider's context."""


class PersonProvider(OAuthClientProvider):
    """Signs a person in, or renews what a person signed in for.

    Where the SDK would wait for the person inside its flow, this one hands out `pause` as the next request; the code
    that runs the flow then sends what `token_request` returns instead.
    """

    def __init__(self, config: UpstreamConfig, browser: BrowserRedirect, *, begin: TokenSet | None) -> None:
        async def callback() -> AuthorizationCodeResult:
            return await browser.answer(self.context.oauth_metadata)

        super().__init__(
            config.url or "",
            OAuthClientMetadata(
                redirect_uris=[AnyUrl(browser.redirect_uri)],
                client_name="Stepwarden",
                software_id="stepwarden",
                scope=" ".join(config.auth.scopes) or None,
            ),
            NoStorage(),
            redirect_handler=browser.show,
            callback_handler=callback,
            client_metadata_url=config.auth.client_metadata_url,
        )
        self.pause = httpx2.Request("GET", config.url or "")
        self._config = config
        self._before = begin

    async def begin(self) -> None:
        """Fill the context with what is stored, without any flow."""
        await self._initialize()

    async def _initialize(self) -> None:
        restore(self.context, self._before)
        auth = self._config.auth
        if auth.client_id is not None:
            self.context.client_info = OAuthClientInformationFull(
                client_id=auth.client_id,
                client_secret=auth.client_secret.get_secret_value() if auth.client_secret else None,
                redirect_uris=self.context.client_metadata.redirect_uris,
                issuer=auth.issuer,
            )
            self._choose_method()
        self._initialized = True

    def _choose_method(self) -> None:
        client = self.context.client_info
        if client is not None and client.client_secret and self._config.auth.client_id is not None:
            client.token_endpoint_auth_method = secret_method(self.context.oauth_metadata)

    def _select_authorization_server(self, advertised: list[str]) -> str:
        return chosen_issuer(self._config, advertised)

    async def _perform_authorization(self) -> httpx2.Request:
        return self.pause

    async def token_request(self) -> httpx2.Request:
        """Send the person to the authorization server, and build the request that redeems the code they bring back."""
        metadata = self.context.oauth_metadata
        check_issuer(self._config, metadata)
        if metadata is not None and "S256" not in (metadata.code_challenge_methods_supported or ()):
            raise SignInFailed(
                f"The authorization server of {self._config.name} does not offer PKCE with S256, without which a code "
                "can be stolen; nothing was sent there."
            )
        self._choose_method()
        code, verifier = await self._perform_authorization_code_grant()
        return await self._exchange_token_authorization_code(code, verifier)

    async def prove(self, form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return a form and its headers with the proof of who we are in it."""
        client = self.context.client_info
        form = form | {"client_id": (client.client_id or "") if client else ""}
        return self.context.prepare_token_auth(form, {"Content-Type": "application/x-www-form-urlencoded"})

    @property
    def token_endpoint(self) -> str:
        """Where codes and refresh tokens are redeemed."""
        return self._get_token_endpoint()


def restore(context: OAuthContext, token_set: TokenSet | None) -> None:
    """Fill the context of a flow with what is stored, so that a restart changes nothing.

    The access token counts as ended: a flow is begun only to get another one.
    """
    if token_set is None:
        return
    if token_set.tokens is not None:
        context.current_tokens = OAuthToken(
            access_token=token_set.tokens.access, refresh_token=token_set.tokens.refresh, scope=token_set.tokens.scope
        )
        context.token_expiry_time = _ENDED
    if token_set.client is not None:
        context.client_info = OAuthClientInformationFull.model_validate(token_set.client)
    if token_set.issuer_metadata is not None:
        context.oauth_metadata = OAuthMetadata.model_validate(token_set.issuer_metadata)
        context.auth_server_url = str(context.oauth_metadata.issuer)
    if token_set.resource_metadata is not None:
        context.protected_resource_metadata = ProtectedResourceMetadata.model_validate(token_set.resource_metadata)


def stored(model: Any) -> dict[str, Any] | None:
    """Return one of the SDK's models as it goes into a token set."""
    return None if model is None else cast("dict[str, Any]", model.model_dump(mode="json", exclude_none=True))


def chosen_issuer(config: UpstreamConfig, advertised: list[str]) -> str:
    """Choose among the authorization servers that the upstream names: the configured one, else the first."""
    wanted = config.auth.issuer
    if wanted is None:
        return advertised[0]
    for issuer in advertised:
        if issuers_match(issuer, wanted):
            return issuer
    raise SignInFailed(
        f"{config.name} sends us to {advertised[0]} to sign in, and its entry names the issuer {wanted}; nothing was "
        "sent there. If it moved, change the entry."
    )


def check_issuer(config: UpstreamConfig, metadata: OAuthMetadata | None) -> None:
    """Raise SignInFailed where the authorization server is not the configured one."""
    wanted = config.auth.issuer
    if wanted is None or (metadata is not None and issuers_match(str(metadata.issuer), wanted)):
        return
    found = "none that it describes" if metadata is None else str(metadata.issuer)
    raise SignInFailed(f"The authorization server of {config.name} is {found}, and its entry names {wanted}.")


def secret_method(metadata: OAuthMetadata | None) -> SecretMethod:
    """Choose how a client secret is sent: in a header (RFC 6749, 2.3.1), unless only a form will do."""
    offered = metadata.token_endpoint_auth_methods_supported if metadata is not None else None
    if offered and "client_secret_basic" not in offered and "client_secret_post" in offered:
        return "client_secret_post"
    return "client_secret_basic"
