"""The HTTP client for signing in: none of the upstream's own settings, no redirects, small answers, https only."""

import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx2

from stepwarden.errors import SignInFailed, UpstreamDown
from stepwarden.upstream.addresses import sends_safely
from stepwarden.upstream.oauth.redirect_answer import plain

TIMEOUT_S = 20.0
MOST_BYTES = 1_000_000


class OAuthHttpClient:
    """Sends the requests of one flow."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._client = httpx2.AsyncClient(timeout=httpx2.Timeout(TIMEOUT_S), follow_redirects=False)

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """Return the whole response.

        Raises UpstreamDown where none comes, SignInFailed where the address is not https or the answer is too big.
        """
        check_address(str(request.url), self._upstream)
        host = request.url.host
        try:
            response = await self._client.send(request, stream=True)
            try:
                return await self._read(response, host)
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:
            raise UpstreamDown(
                f"{host}, where {self._upstream} signs in, does not answer ({reason(error)}); what is stored is kept. "
                "Send the same call again later."
            ) from error

    async def _read(self, response: httpx2.Response, host: str) -> httpx2.Response:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                raise SignInFailed(
                    f"{host}, where {self._upstream} signs in, answers with more than {MOST_BYTES} bytes; "
                    "that is not a sign-in."
                )
        dropped = {"content-encoding", "content-length", "transfer-encoding"}  # of the body as it came
        headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in dropped]
        whole = httpx2.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)
        whole.next_request = response.next_request
        return whole


def check_address(url: str, upstream: str) -> None:
    """Raise SignInFailed where what is sent there could be read on its way."""
    if sends_safely(url):
        return
    parts = urlsplit(url)
    raise SignInFailed(
        f"{upstream} names {parts.scheme}://{parts.netloc} for signing in: that is not https; nothing was sent there."
    )


def reason(error: httpx2.HTTPError) -> str:
    """Return in a few words why no answer came."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {plain(str(cause.reason or cause))}"
        cause = cause.__cause__ or cause.__context__
    return plain(str(error)) or type(error).__name__
