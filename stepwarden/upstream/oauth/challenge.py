"""A server's refusal: whether another token could help, and the connection it came on."""

from collections.abc import AsyncIterator

import httpx2
from mcp.client.auth.utils import extract_field_from_www_auth

_MOST_BYTES = 65_536


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
