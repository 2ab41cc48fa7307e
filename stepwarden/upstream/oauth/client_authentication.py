"""Proves who we are to a token endpoint: by a secret, by what a private key signs, or by a name alone."""

from anyio import to_thread
from mcp.client.auth.oauth2 import OAuthContext
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthMetadata

from stepwarden.errors import SignInFailed
from stepwarden.upstream.auth_config import ClientConfig
from stepwarden.upstream.client_keys import ClientKey, UnfitKey, read_client_key
from stepwarden.upstream.oauth.provider import NoStorage, secret_method

Form = dict[str, str]
FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def prove_client(
    client: ClientConfig, upstream: str, issuer: str, metadata: OAuthMetadata | None, form: Form
) -> tuple[Form, Form]:
    """Return a form and its headers with the proof in it, for the authorization server `issuer`.

    What a key signs names the issuer as audience and never the token endpoint (draft-ietf-oauth-rfc7523bis): one server
    could hand out the endpoint of another. Raises SignInFailed where the key cannot be used.
    """
    client_id = client.client_id or ""
    if client.has_key:
        key = await to_thread.run_sync(_read, client, upstream)
        assertion = key.assertion(client_id, issuer)
        proof = {"client_id": client_id, "client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
        return form | proof, dict(FORM_HEADERS)
    if client.client_secret is None:
        return form | {"client_id": client_id}, dict(FORM_HEADERS)
    context = OAuthContext("", OAuthClientMetadata(redirect_uris=None), NoStorage(), None, None)
    context.client_info = OAuthClientInformationFull(
        client_id=client_id,
        client_secret=client.client_secret.get_secret_value(),
        redirect_uris=None,
        token_endpoint_auth_method=secret_method(metadata),
    )
    return context.prepare_token_auth(form, dict(FORM_HEADERS))


def _read(client: ClientConfig, upstream: str) -> ClientKey:
    try:
        return read_client_key(client)
    except UnfitKey as unfit:
        raise SignInFailed(f"Nothing can be signed for {upstream}: {unfit}.") from None
