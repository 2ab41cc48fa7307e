"""What browsers are told about every page, and which of their requests are taken."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATH = "/dashboard"
MOST_BODY_BYTES = 1_000_000

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none at all, browsers send forms with the Origin `null`
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class PageHeaders:
    """Adds to every answer below the dashboard's path what it does not say itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


def why_refused(request: Request) -> str:
    """Return why a request that changes something is not one of our own pages', "" where it is."""
    origins = request.headers.getlist("origin")
    site = request.headers.get("sec-fetch-site")
    if len(origins) != 1 or urlsplit(origins[0]).netloc.lower() != request.headers.get("host", "").lower():
        return "This form was not sent from a page of this server."
    if site not in {None, "same-origin"}:
        return "This form was sent by another page."
    if _length(request.headers) > MOST_BODY_BYTES:
        return f"A form has at most {MOST_BODY_BYTES:,} bytes."
    return ""


def _length(headers: Headers) -> int:
    """Return how long the body says that it is; more than any where it does not say."""
    given = headers.get("content-length", "")
    return int(given) if given.isascii() and given.isdigit() else MOST_BODY_BYTES + 1
