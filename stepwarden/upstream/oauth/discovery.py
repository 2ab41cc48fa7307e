"""Asks a server how it wants to be signed in at: `stepwarden login` begins with it."""

import httpx2
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER

from stepwarden.errors import UpstreamDown
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.challenge import Challenge
from stepwarden.upstream.oauth.http_client import TIMEOUT_S, reason

_PROTOCOL = "2025-06-18"  # the first under which tokens are asked for with `resource`
_PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


async def probe(config: UpstreamConfig) -> Challenge:
    """Send a request without a token and return how it was refused; an empty challenge where it was not.

    Raises UpstreamDown where nothing answers.
    """
    headers = {name: value.get_secret_value() for name, value in config.headers.items()}
    headers |= {"Accept": "application/json, text/event-stream", MCP_PROTOCOL_VERSION_HEADER: _PROTOCOL}
    method, body = ("GET", None) if config.transport == "sse" else ("POST", _PING)
    try:
        async with (
            httpx2.AsyncClient(timeout=httpx2.Timeout(TIMEOUT_S), follow_redirects=False) as client,
            client.stream(method, config.url or "", json=body, headers=headers) as response,
        ):
            return Challenge.of(response) if response.status_code == 401 else Challenge(protocol=_PROTOCOL)
    except httpx2.HTTPError as error:
        raise UpstreamDown(f"{config.name} does not answer at {config.url} ({reason(error)}).") from error
