"""A server's refusal of a request: what it wants, and whether another token could help."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
from mcp.client.auth.utils import (
    extract_field_from_www_auth,
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
)
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER

from stepwarden.upstream.oauth.token_set import TokenSet

_MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Challenge:
    """What makes a sign-in necessary: the status (401, or 403 for more scopes) and headers of the server's refusal."""

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

    def is_answered_by(self, stored: TokenSet | None) -> bool:
        """Return whether what is stored could be what the server asked for: tokens, and the scopes it misses."""
        if stored is None or stored.tokens is None:
            return False
        return self.status == 401 or set(self.scope.split()) <= set(stored.scopes)

    def _response(self, url: str) -> httpx2.Response:
        headers = {"www-authenticate": self.header} if self.header else {}
        return httpx2.Response(self.status, headers=headers, request=httpx2.Request("POST", url))


def refused(response: httpx2.Response) -> bool:
    """Return whether another token could help: 401, or 403 for want of scopes (RFC 6750, 3.1)."""
    if response.status_code == 403:
        return extract_field_from_www_auth(response, "error") == "insufficient_scope"
    return response.status_code == 401


async def drain(response: httpx2.Response) -> None:
    """Read the body of a refusal, its first 64 kB, so that its connection is free while somebody signs in.

    Kept back, the connection would be used for the repeated request unseen, when the server had long closed it.
    """
    response.stream = _Beginning(response.stream)
    await response.aread()


class _Beginning(httpx2.AsyncByteStream):
    def __init__(self, whole: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> None:
        assert isinstance(whole, httpx2.AsyncByteStream)
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for chunk in self._whole:
            seen += len(chunk)
            if seen > _MOST_BYTES:
                return
            yield chunk

    async def aclose(self) -> None:
        """Close what it is the beginning of."""
        await self._whole.aclose()
