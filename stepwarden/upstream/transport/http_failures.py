"""What a failed HTTP request means: from the exceptions and statuses of the client to failures of ours."""

import email.utils
import json
import re
import ssl
import time

import httpx2
from mcp.client.auth import OAuthFlowError

from stepwarden.errors import StepwardenError, UpstreamDown
from stepwarden.upstream.failures import Failure, FailureKind, cited, quoted

UNAVAILABLE = frozenset({502, 503, 504})


class AnswerTooLarge(httpx2.RequestError):
    """The answer is over our limit and was dropped."""


def is_session_lost(response: httpx2.Response, body: bytes) -> bool:
    """Return whether the server forgot our session: 404 says so (MCP, transports), and some say 400 in words."""
    if "mcp-session-id" not in response.request.headers:
        return False
    return response.status_code == 404 or (response.status_code == 400 and b"session id" in body.lower())


_BY_KIND: tuple[tuple[tuple[type[Exception], ...], FailureKind, str], ...] = (
    ((OAuthFlowError,), FailureKind.SIGN_IN, "signing in failed: {message}"),
    ((AnswerTooLarge,), FailureKind.TOO_LARGE, "{message}"),
    ((httpx2.ConnectTimeout,), FailureKind.UNREACHABLE, "there is no connection within the time"),
    ((httpx2.PoolTimeout,), FailureKind.UNREACHABLE, "all connections are in use"),
    (
        (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, ssl.SSLError),
        FailureKind.UNREACHABLE,
        "{connecting}",
    ),
    ((httpx2.ReadTimeout, httpx2.WriteTimeout), FailureKind.SILENT, "no answer came within the time"),
    ((httpx2.DecodingError,), FailureKind.GARBAGE, "its answer cannot be decoded: {message}"),
)


def failure_of_exception(error: Exception) -> Failure:
    """Return the failure that an exception of sending stands for."""
    if isinstance(error, StepwardenError):
        kind = FailureKind.UNREACHABLE if isinstance(error, UpstreamDown) else FailureKind.SIGN_IN
        return Failure(kind, quoted(str(error), 600), error=error)
    message = quoted(str(error), 120).rstrip(".") or type(error).__name__
    for kinds, kind, words in _BY_KIND:
        if isinstance(error, kinds):
            return Failure(kind, words.format(message=message, connecting=_connect_words(str(error))))
    if isinstance(error, httpx2.ReadError) and not str(error):
        message = "it was closed without an answer"
    return Failure(FailureKind.BROKEN, f"the connection broke: {message}")


def _connect_words(message: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in message or "certificate" in message.lower():
        reason = re.search(r"certificate verify failed: ([^(\[]+)", message)
        cause = reason[1].strip() if reason else "not trusted"
        return f"its TLS certificate is refused ({quoted(cause, 80)}); SSL_CERT_FILE can name an authority of your own"
    if "SSL" in message or "WRONG_VERSION" in message:
        return f"TLS failed ({quoted(message, 100)}): it may not be https there"
    if "Name or service not known" in message or "nodename" in message or "getaddrinfo" in message:
        return "its host name is not known"
    if "All connection attempts failed" in message or "refused" in message:
        return "nothing answers at its address (connection refused)"
    return quoted(message, 100) or "there is no connection"


def failure_of_status(response: httpx2.Response, body: bytes) -> Failure:
    """Return the failure that the status of a response stands for, in the server's own words where it has some."""
    status = response.status_code
    words = _server_words(response, body)
    if status == 401:
        return Failure(FailureKind.SIGN_IN, f"it refuses our credentials (401){words}")
    if status == 403:
        return Failure(FailureKind.FORBIDDEN, _forbidden(response, words))
    if status == 429:
        return Failure(
            FailureKind.LIMITED, "it limits how often it may be asked (429)", retry_after_s(response.headers)
        )
    if status in UNAVAILABLE:
        return Failure(
            FailureKind.UNAVAILABLE, f"it cannot answer now ({status}){words}", retry_after_s(response.headers)
        )
    if status >= 500:
        return Failure(FailureKind.FAILED, f"it failed ({status}){words}")
    if is_session_lost(response, body):
        return Failure(FailureKind.SESSION_LOST, f"it does not know our session any more ({status})")
    if status in {404, 405}:
        return Failure(FailureKind.NOT_MCP, f"there is no MCP server at this address ({status})")
    return Failure(FailureKind.REJECTED, f"it refused the request ({status}){words}")


def _forbidden(response: httpx2.Response, words: str) -> str:
    challenge = response.headers.get("www-authenticate", "")
    scope = re.search(r'scope="([^"]{1,400})"', challenge)
    if "insufficient_scope" in challenge and scope:
        return f"what we may do there is not enough (403); it wants the scopes: {quoted(scope[1], 300)}"
    return f"it does not allow this (403){words}"


def _server_words(response: httpx2.Response, body: bytes) -> str:
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
    """Read Retry-After, in seconds or as a date; None where it is missing or makes no sense."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return min(86_400.0, max(0.0, float(value)))
    except ValueError:
        moment = email.utils.parsedate_tz(value)
        return None if moment is None else min(86_400.0, max(0.0, email.utils.mktime_tz(moment) - time.time()))
