"""HTTP to an upstream: every answer bounded, and every failure told as the answer to its own request.

The SDK's transports hide statuses, and one request that cannot be sent ends all others of its connection. Here such a
request is answered by a JSON-RPC error of ours, which comes back to its caller alone, with what happened in it.
"""

import email.utils
import json
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import httpx2
from mcp.client.auth import OAuthFlowError

from stepwarden.errors import StepwardenError, UpstreamDown
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failures import Failure, FailureKind, cited, quoted
from stepwarden.upstream.transport.json_nesting import readable
from stepwarden.upstream.transport.sse_buffer import EventBuffer

ANSWER_BYTES = 8 * 1024 * 1024  # of one answer; a page of a long list is below 1 MB
STREAM_BYTES_PER_MINUTE = 32 * 1024 * 1024  # of a stream that stays open
ERROR_BYTES = 64 * 1024
MISHAPS_KEPT = 1_000
MISHAP_CODE = -32_055  # in the range JSON-RPC leaves to implementations; no server means anything by it
_UNAVAILABLE = frozenset({502, 503, 504})


class DiagnosticClient(httpx2.AsyncClient):
    """The HTTP client of one connection.

    `mark` is what our own errors are known by: a server cannot know it, so it cannot claim that a call was not sent.
    `on_mishap` hears of every request that failed. With `sse`, answers come by the one stream and not by the response
    to their request.
    """

    def __init__(
        self,
        *,
        on_mishap: Callable[[Failure], None],
        sse: bool = False,
        answer_bytes: int = ANSWER_BYTES,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.mark = secrets.token_hex(16)
        self._on_mishap = on_mishap
        self._sse = sse
        self._answer_bytes = answer_bytes
        self._mishaps: dict[int, Failure] = {}
        self._numbered = 0

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send, and give the response, or one of ours that says what happened instead."""
        stream = options.pop("stream", False)
        try:
            response = await super().send(request, stream=True, **options)
            try:
                given = await self._looked_at(response)
            except BaseException:
                await response.aclose()
                raise
        except (httpx2.RequestError, StepwardenError, OAuthFlowError, ssl.SSLError, OSError) as error:
            return self._told(request, _mishap_of(error), 503)
        if isinstance(given, Failure):
            await response.aclose()
            return self._told(request, given, response.status_code)
        kept = {name: value for name, value in response.headers.items() if name.lower() in _KEPT_HEADERS}
        if isinstance(given, bytes):
            await response.aclose()
            return httpx2.Response(response.status_code, headers=kept, content=given, request=request)
        if given is not None:
            response = httpx2.Response(response.status_code, headers=kept, stream=given, request=request)
        if not stream:
            await response.aread()
        return response

    def mishap_in(self, code: int, data: object) -> Failure | None:
        """Return the mishap that an error of ours carries; None where the error is the server's."""
        found = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        if code != MISHAP_CODE or found.get("mark") != self.mark:
            return None
        return self._mishaps.pop(found["number"], None)

    async def _looked_at(self, response: httpx2.Response) -> "Failure | bytes | _Events | None":
        """Return what is wrong with a response, or its whole body, or its events (None: leave it as it is)."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code >= 400:
            body = await _body(response, ERROR_BYTES, whole=False)
            told = response.status_code in _TOLD_BY_STATUS or _is_lost(response, body)
            if kind == "application/json" and not told and _is_error(body):
                return body  # the server's own words, which the protocol negotiation needs
            return _mishap_of_status(response, body)
        method = response.request.method
        if response.status_code != 200 or method == "DELETE" or (self._sse and method == "POST"):
            return None
        if kind == "text/event-stream":
            return _Events(response, self._answer_bytes)
        if kind == "application/json":
            body = await _body(response, self._answer_bytes, whole=True)
            if _is_json(body):
                return readable(body)
            words = body[:200].decode(errors="replace").strip()
            told = f"it answered with no valid JSON: {cited(words, 80)}" if words else "its answer is empty"
            return Failure(FailureKind.GARBAGE, told)
        found = quoted(kind, 40) or "nothing readable"
        if _is_tool_call(response.request):  # it may have been carried out, whatever answers for it
            return Failure(FailureKind.GARBAGE, f"its answer is {found}, and no MCP message")
        return Failure(FailureKind.NOT_MCP, f"there is no MCP server at this address: it answers {found}")

    def _told(self, request: httpx2.Request, mishap: Failure, status: int) -> httpx2.Response:
        """Return the response that says what happened, as the SDK hands it on to who asked."""
        if _is_call(request) or (self._sse and request.method == "GET"):
            self._on_mishap(mishap)
        self._numbered += 1
        self._mishaps[self._numbered] = mishap
        self._mishaps.pop(self._numbered - MISHAPS_KEPT, None)  # nobody came for it
        data = {"mark": self.mark, "number": self._numbered}
        error = {"code": MISHAP_CODE, "message": mishap.words, "data": data}
        body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        headers = {"content-type": "application/json"}
        return httpx2.Response(status if status >= 400 else 502, headers=headers, content=body, request=request)


_KEPT_HEADERS = frozenset({"content-type", "mcp-session-id", "mcp-protocol-version"})
_TOLD_BY_STATUS = frozenset({401, 403, 429, *_UNAVAILABLE})


def new_client(
    config: UpstreamConfig, auth: httpx2.Auth | None, on_mishap: Callable[[Failure], None]
) -> DiagnosticClient:
    """Return the HTTP client for one connection; redirects are left to the SDK, which stays on the origin."""
    headers = {name: value.get_secret_value() for name, value in config.headers.items()}
    timeout = httpx2.Timeout(config.connect_timeout_s, read=max(300.0, config.timeout_s + 5.0), pool=config.timeout_s)
    limits = httpx2.Limits(max_connections=config.concurrency + 8, max_keepalive_connections=config.concurrency + 8)
    sse = config.transport == "sse"
    return DiagnosticClient(on_mishap=on_mishap, sse=sse, headers=headers, auth=auth, timeout=timeout, limits=limits)


class _Events(httpx2.AsyncByteStream):
    """The events of a response, decoded, each whole; it ends when it holds too much at once."""

    def __init__(self, response: httpx2.Response, most_bytes: int) -> None:
        self._response = response
        self._most_bytes = most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        events = EventBuffer(self._most_bytes)
        since, seen = time.monotonic(), 0
        async for chunk in self._response.aiter_bytes():
            if time.monotonic() - since > 60:
                since, seen = time.monotonic(), 0
            seen += len(chunk)
            if seen > max(STREAM_BYTES_PER_MINUTE, self._most_bytes):
                raise httpx2.SSEError(f"over {STREAM_BYTES_PER_MINUTE >> 20} MiB in a minute")
            if whole := events.feed(chunk):
                yield whole
        if rest := events.rest():
            yield rest

    async def aclose(self) -> None:
        await self._response.aclose()


class _TooLarge(httpx2.RequestError):
    pass


async def _body(response: httpx2.Response, most_bytes: int, *, whole: bool) -> bytes:
    """Read the body; where it is longer, give its beginning, or raise when the `whole` is wanted."""
    body = bytearray()
    async for chunk in response.aiter_bytes(65_536):
        body += chunk
        if len(body) > most_bytes:
            if whole:
                raise _TooLarge(
                    f"the answer is over {most_bytes / (1 << 20):.3g} MiB and was dropped", request=response.request
                )
            break
    return bytes(body[:most_bytes])


def _is_call(request: httpx2.Request) -> bool:
    """Return whether somebody waits for the answer: it is no notice, no stream that is opened, no end of a session."""
    return request.method == "POST" and not re.search(rb'"method":\s*"notifications/', request.content[:300])


def _is_tool_call(request: httpx2.Request) -> bool:
    return request.method == "POST" and re.search(rb'"method":\s*"tools/call"', request.content[:300]) is not None


def _is_json(body: bytes) -> bool:
    # Only the shape is looked at: the SDK parses it once more, and ends on what is no message.
    return body[:64].lstrip()[:1] in {b"{", b"["}


def _is_lost(response: httpx2.Response, body: bytes) -> bool:
    """Return whether the server forgot our session: 404 says so (MCP, transports), and some say 400 in words."""
    if "mcp-session-id" not in response.request.headers:
        return False
    return response.status_code == 404 or (response.status_code == 400 and b"session id" in body.lower())


def _is_error(body: bytes) -> bool:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "jsonrpc" in found and isinstance(found.get("error"), dict)  # pyright: ignore[reportUnknownMemberType]


_BY_KIND: tuple[tuple[tuple[type[Exception], ...], FailureKind, str], ...] = (
    ((OAuthFlowError,), FailureKind.SIGN_IN, "signing in failed: {said}"),
    ((_TooLarge,), FailureKind.TOO_LARGE, "{said}"),
    ((httpx2.ConnectTimeout,), FailureKind.UNREACHABLE, "there is no connection within the time"),
    ((httpx2.PoolTimeout,), FailureKind.UNREACHABLE, "all connections are in use"),
    (
        (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, ssl.SSLError),
        FailureKind.UNREACHABLE,
        "{connecting}",
    ),
    ((httpx2.ReadTimeout, httpx2.WriteTimeout), FailureKind.SILENT, "no answer came within the time"),
    ((httpx2.DecodingError,), FailureKind.GARBAGE, "its answer cannot be decoded: {said}"),
)


def _mishap_of(error: Exception) -> Failure:
    """Return the mishap that an exception of sending stands for."""
    if isinstance(error, StepwardenError):
        trouble = FailureKind.UNREACHABLE if isinstance(error, UpstreamDown) else FailureKind.SIGN_IN
        return Failure(trouble, quoted(str(error), 600), error=error)
    said = quoted(str(error), 120).rstrip(".") or type(error).__name__
    for kinds, trouble, words in _BY_KIND:
        if isinstance(error, kinds):
            return Failure(trouble, words.format(said=said, connecting=_connect_words(str(error))))
    if isinstance(error, httpx2.ReadError) and not str(error):
        said = "it was closed without an answer"
    return Failure(FailureKind.BROKEN, f"the connection broke: {said}")


def _connect_words(said: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in said or "certificate" in said.lower():
        reason = re.search(r"certificate verify failed: ([^(\[]+)", said)
        told = reason[1].strip() if reason else "not trusted"
        return f"its TLS certificate is refused ({quoted(told, 80)}); SSL_CERT_FILE can name an authority of your own"
    if "SSL" in said or "WRONG_VERSION" in said:
        return f"TLS failed ({quoted(said, 100)}): it may not be https there"
    if "Name or service not known" in said or "nodename" in said or "getaddrinfo" in said:
        return "its host name is not known"
    if "All connection attempts failed" in said or "refused" in said:
        return "nothing answers at its address (connection refused)"
    return quoted(said, 100) or "there is no connection"


def _mishap_of_status(response: httpx2.Response, body: bytes) -> Failure:
    status = response.status_code
    said = _said(response, body)
    if status == 401:
        return Failure(FailureKind.SIGN_IN, f"it refuses our credentials (401){said}")
    if status == 403:
        return Failure(FailureKind.FORBIDDEN, _forbidden(response, said))
    if status == 429:
        return Failure(
            FailureKind.LIMITED, "it limits how often it may be asked (429)", retry_after_s(response.headers)
        )
    if status in _UNAVAILABLE:
        return Failure(
            FailureKind.UNAVAILABLE, f"it cannot answer now ({status}){said}", retry_after_s(response.headers)
        )
    if status >= 500:
        return Failure(FailureKind.FAILED, f"it failed ({status}){said}")
    if _is_lost(response, body):
        return Failure(FailureKind.SESSION_LOST, f"it does not know our session any more ({status})")
    if status in {404, 405}:
        return Failure(FailureKind.NOT_MCP, f"there is no MCP server at this address ({status})")
    return Failure(FailureKind.REJECTED, f"it refused the request ({status}){said}")


def _forbidden(response: httpx2.Response, said: str) -> str:
    challenge = response.headers.get("www-authenticate", "")
    scope = re.search(r'scope="([^"]{1,400})"', challenge)
    if "insufficient_scope" in challenge and scope:
        return f"what we may do there is not enough (403); it wants the scopes: {quoted(scope[1], 300)}"
    return f"it does not allow this (403){said}"


def _said(response: httpx2.Response, body: bytes) -> str:
    kind = response.headers.get("content-type", "")
    if "html" in kind or not body:
        return ""
    text = body[:2_000].decode(errors="replace")
    try:
        found = json.loads(body)
        if isinstance(found, dict):
            error = found.get("error", found)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            message = error.get("message") or error.get("error_description") if isinstance(error, dict) else error  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            text = str(message or text)  # pyright: ignore[reportUnknownArgumentType]
    except (ValueError, RecursionError):
        pass
    return f": {cited(text, 120)}"


def retry_after_s(headers: httpx2.Headers) -> float | None:
    """Read Retry-After, in seconds or as a date; None where there is none that makes sense."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return min(86_400.0, max(0.0, float(value)))
    except ValueError:
        moment = email.utils.parsedate_tz(value)
        return None if moment is None else min(86_400.0, max(0.0, email.utils.mktime_tz(moment) - time.time()))
