"""The flow of machines: the SDK finds the authorization server; one request gives what the entry has for a token."""

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import JWT_BEARER_GRANT_TYPE, OAuthClientInformationFull, OAuthClientMetadata, OAuthMetadata

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.client_authentication import Form, prove_client
from stepwarden.upstream.oauth.provider import NoStorage, check_issuer, chosen_issuer, restore
from stepwarden.upstream.oauth.token_exchange import fetch_id_jag
from stepwarden.upstream.oauth.token_set import TokenSet


class ClientCredentialsProvider(OAuthClientProvider):
    """Signs in with client credentials (RFC 6749, 4.4), or with an ID-JAG of an identity provider (RFC 7523, SEP-990).

    The SDK has a class for each grant and each proof; here both are values of the entry. Like `PersonProvider` it hands
    out `pause` where the token is to be asked for.
    """

    def __init__(self, config: UpstreamConfig, *, begin: TokenSet | None) -> None:
        self._grant = "client_credentials" if config.auth.type == "client_credentials" else JWT_BEARER_GRANT_TYPE
        super().__init__(
            config.url or "",
            OAuthClientMetadata(
                redirect_uris=None, grant_types=[self._grant], scope=" ".join(config.auth.scopes) or None
            ),
            NoStorage(),
        )
        self.pause = httpx2.Request("GET", config.url or "")
        self._config = config
        self._before = begin

    async def begin(self) -> None:
        """Fill the context with what is stored, without any flow."""
        await self._initialize()

    async def _initialize(self) -> None:
        restore(self.context, self._before)
        self.context.clear_tokens()
        self.context.client_info = OAuthClientInformationFull(
            client_id=self._config.auth.client_id or "", redirect_uris=None
        )
        self._initialized = True

    def _select_authorization_server(self, advertised: list[str]) -> str:
        return chosen_issuer(self._config, advertised)

    async def _perform_authorization(self) -> httpx2.Request:
        return self.pause

    async def token_request(self) -> httpx2.Request:
        """Build the request that gives the credentials for a token; with an identity provider it is asked first."""
        context = self.context
        scope, resource = context.client_metadata.scope, context.get_resource_url()
        form = {"grant_type": self._grant}
        if self._grant == JWT_BEARER_GRANT_TYPE:
            form["assertion"] = await fetch_id_jag(self._config, str(self._described.issuer), resource, scope)
        if context.should_include_resource_param(context.protocol_version):
            form["resource"] = resource
        if scope:
            form["scope"] = scope
        form, headers = await self.prove(form)
        return httpx2.Request("POST", self.token_endpoint, data=form, headers=headers)

    async def prove(self, form: Form) -> tuple[Form, Form]:
        """Return a form and its headers with the proof of who we are in it."""
        metadata = self._described
        return await prove_client(self._config.auth, self._config.name, str(metadata.issuer), metadata, form)

    @property
    def token_endpoint(self) -> str:
        """Where the credentials go."""
        return self._get_token_endpoint()

    @property
    def _described(self) -> OAuthMetadata:
        """The authorization server as it describes itself, once it is known to be the configured one."""
        metadata = self.context.oauth_metadata
        check_issuer(self._config, metadata)
        assert metadata is not None  # there is no machine without an issuer
        return metadata
