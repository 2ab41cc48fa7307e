"""HTTP to an upstream: every answer is bounded, and every failure is the answer to its own request.

The SDK's transports hide statuses, and one request that cannot be sent ends all others of its connection. Here such a
request is answered by a JSON-RPC error of ours, which comes back to its caller alone, with what happened in it.
"""

import json
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import httpx2
from mcp.client.auth import OAuthFlowError

from stepwarden.errors import StepwardenError
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failures import Failure, FailureKind, cited, quoted
from stepwarden.upstream.transport.http_failures import (
    UNAVAILABLE,
    AnswerTooLarge,
    failure_of_exception,
    failure_of_status,
    is_session_lost,
)
from stepwarden.upstream.transport.json_nesting import readable
from stepwarden.upstream.transport.sse_buffer import EventBuffer

ANSWER_BYTES = 8 * 1024 * 1024  # of one answer; a page of a long list is below 1 MB
STREAM_BYTES_PER_MINUTE = 32 * 1024 * 1024  # of a stream that stays open
ERROR_BYTES = 64 * 1024
FAILURES_KEPT = 1_000
FAILURE_CODE = -32_055  # in the range JSON-RPC leaves to implementations; no server means anything by it


class DiagnosticClient(httpx2.AsyncClient):
    """The HTTP client of one connection.

    `mark` is what our own errors are known by: a server cannot know it, so it cannot claim that a call was not sent.
    `on_failure` hears of every request that failed. With `sse`, answers come by the one stream and not by the response
    to their request.
    """

    def __init__(
        self,
        *,
        on_failure: Callable[[Failure], None],
        sse: bool = False,
        answer_bytes: int = ANSWER_BYTES,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.mark = secrets.token_hex(16)
        self._on_failure = on_failure
        self._sse = sse
        self._answer_bytes = answer_bytes
        self._failures: dict[int, Failure] = {}
        self._numbered = 0

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Return the response, or one of ours that says what happened instead."""
        stream = options.pop("stream", False)
        try:
            response = await super().send(request, stream=True, **options)
            try:
                given = await self._inspected(response)
            except BaseException:
                await response.aclose()
                raise
        except (httpx2.RequestError, StepwardenError, OAuthFlowError, ssl.SSLError, OSError) as error:
            return self._failed(request, failure_of_exception(error), 503)
        if isinstance(given, Failure):
            await response.aclose()
            return self._failed(request, given, response.status_code)
        kept = {name: value for name, value in response.headers.items() if name.lower() in _KEPT_HEADERS}
        if isinstance(given, bytes):
            await response.aclose()
            return httpx2.Response(response.status_code, headers=kept, content=given, request=request)
        if given is not None:
            response = httpx2.Response(response.status_code, headers=kept, stream=given, request=request)
        if not stream:
            await response.aread()
        return response

    def failure_in(self, code: int, data: object) -> Failure | None:
        """Return the failure that an error of ours carries; None where the error is the server's."""
        found = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        if code != FAILURE_CODE or found.get("mark") != self.mark:
            return None
        return self._failures.pop(found["number"], None)

    async def _inspected(self, response: httpx2.Response) -> "Failure | bytes | _Events | None":
        """Return what is wrong with a response, or its whole body, or its events (None: leave it as it is)."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code >= 400:
            body = await _body(response, ERROR_BYTES, whole=False)
            known = response.status_code in _KNOWN_BY_STATUS or is_session_lost(response, body)
            if kind == "application/json" and not known and _is_error(body):
                return body  # the server's own words, which the protocol negotiation needs
            return failure_of_status(response, body)
        method, called = response.request.method, _is_tool_call(response.request)
        if method == "DELETE" or (self._sse and method == "POST"):
            return None
        if response.status_code != 200 and not (called and response.is_success):
            return None
        return await self._answer(response, kind, called=called)

    async def _answer(self, response: httpx2.Response, kind: str, *, called: bool) -> "Failure | bytes | _Events":
        """Return the whole body of an answer of this content type, its events, or what is wrong with it.

        `called`: it answers the call of a tool, which may have been carried out, whatever answers for it.
        """
        if response.status_code == 202:
            return Failure(FailureKind.GARBAGE, "it took the call and gave no answer (202)")
        if kind == "text/event-stream":
            return _Events(response, self._answer_bytes)
        if kind == "application/json":
            body = await _body(response, self._answer_bytes, whole=True)
            if _is_json(body):
                return readable(body)
            words = body[:200].decode(errors="replace").strip()
            problem = f"its answer is not valid JSON: {cited(words, 80)}" if words else "its answer is empty"
            return Failure(FailureKind.GARBAGE, problem)
        found = quoted(kind, 40) or "nothing readable"
        if called:
            return Failure(FailureKind.GARBAGE, f"its answer is {found}, not an MCP message")
        return Failure(FailureKind.NOT_MCP, f"there is no MCP server at this address: it answers {found}")

    def _failed(self, request: httpx2.Request, failure: Failure, status: int) -> httpx2.Response:
        """Return the response that says what happened; the SDK passes it to whoever sent the request."""
        if _is_call(request) or (self._sse and request.method == "GET"):
            self._on_failure(failure)
        self._numbered += 1
        self._failures[self._numbered] = failure
        self._failures.pop(self._numbered - FAILURES_KEPT, None)  # nobody asked for it
        data = {"mark": self.mark, "number": self._numbered}
        error = {"code": FAILURE_CODE, "message": failure.words, "data": data}
        body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        headers = {"content-type": "application/json"}
        return httpx2.Response(status if status >= 400 else 502, headers=headers, content=body, request=request)


_KEPT_HEADERS = frozenset({"content-type", "mcp-session-id", "mcp-protocol-version"})
_KNOWN_BY_STATUS = frozenset({401, 403, 429, *UNAVAILABLE})


def new_client(
    config: UpstreamConfig, auth: httpx2.Auth | None, on_failure: Callable[[Failure], None]
) -> DiagnosticClient:
    """Return the HTTP client for one connection; redirects are left to the SDK, which stays on the origin."""
    headers = {name: value.get_secret_value() for name, value in config.headers.items()}
    timeout = httpx2.Timeout(config.connect_timeout_s, read=max(300.0, config.timeout_s + 5.0), pool=config.timeout_s)
    limits = httpx2.Limits(max_connections=config.concurrency + 8, max_keepalive_connections=config.concurrency + 8)
    sse = config.transport == "sse"
    return DiagnosticClient(on_failure=on_failure, sse=sse, headers=headers, auth=auth, timeout=timeout, limits=limits)


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


async def _body(response: httpx2.Response, most_bytes: int, *, whole: bool) -> bytes:
    """Return the body; of a longer one its beginning. Raises AnswerTooLarge where the `whole` is wanted."""
    body = bytearray()
    async for chunk in response.aiter_bytes(65_536):
        body += chunk
        if len(body) > most_bytes:
            if whole:
                raise AnswerTooLarge(
                    f"the answer is over {most_bytes / (1 << 20):.3g} MiB and was dropped", request=response.request
                )
            break
    return bytes(body[:most_bytes])


def _is_call(request: httpx2.Request) -> bool:
    """Return whether somebody waits for the answer: not for a notification, an opened stream or an ended session."""
    return request.method == "POST" and not re.search(rb'"method":\s*"notifications/', request.content[:300])


def _is_tool_call(request: httpx2.Request) -> bool:
    return request.method == "POST" and re.search(rb'"method":\s*"tools/call"', request.content[:300]) is not None


def _is_json(body: bytes) -> bool:
    # Only the shape is looked at: the SDK parses it once more, and ends on anything that is not a message.
    return body[:64].lstrip()[:1] in {b"{", b"["}


def _is_error(body: bytes) -> bool:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "jsonrpc" in found and isinstance(found.get("error"), dict)  # pyright: ignore[reportUnknownMemberType]
