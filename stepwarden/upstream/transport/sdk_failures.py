"""What an error of the SDK means: from what its client raises to failures of ours."""

import logging
import re
from dataclasses import dataclass
from typing import Any, cast

import mcp_types as types
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from stepwarden.upstream.failures import CallFailed, Failure, FailureKind, cited, quoted

logger = logging.getLogger(__name__)

_NOT_DONE = frozenset({types.PARSE_ERROR, types.INVALID_REQUEST, types.METHOD_NOT_FOUND, types.INVALID_PARAMS})
"""Codes by which JSON-RPC says that a request was not carried out; every other one leaves that open."""

_NOT_DONE_SINCE_2026 = frozenset(
    {types.HEADER_MISMATCH, types.MISSING_REQUIRED_CLIENT_CAPABILITY, types.UNSUPPORTED_PROTOCOL_VERSION}
)
"""The same of MCP 2026-07-28; to a server of an earlier protocol they are codes of its own."""

_CODES_OF_THE_SDK = frozenset({types.CONNECTION_CLOSED, types.REQUEST_TIMEOUT, types.PARSE_ERROR})
_WORDS_OF_THE_SDK = (  # its HTTP transport puts errors of its own among those of the server
    "SSE stream ",
    "Failed to parse JSON response: ",
    "Failed to parse SSE message: ",
)
_REDIRECT = re.compile(r"Redirect to (\S+) not followed")  # the SDK's words


@dataclass(frozen=True, slots=True)
class AnsweredError:
    """Marks the data of an error that a server answered with a code by which the SDK tells its own troubles."""

    data: Any


def mark_answered(error: types.ErrorData) -> None:
    """Mark an error that came over the wire, where its code alone would not tell it from one of the SDK's."""
    if error.code in _CODES_OF_THE_SDK and not error.message.startswith(_WORDS_OF_THE_SDK):
        error.data = AnsweredError(error.data)


def failure_of_error(error: MCPError, earlier: Failure | None, *, modern: bool = False) -> Failure:
    """Return what a protocol error means; `earlier` is what the transport found wrong with the connection.

    `modern`: a protocol of 2026 is spoken.
    """
    if error.code in _CODES_OF_THE_SDK and not isinstance(error.data, AnsweredError):
        return _failure_of_the_sdk(error, earlier)
    if error.code == types.INVALID_REQUEST and (elsewhere := _elsewhere(error.message)):
        return Failure(FailureKind.NOT_MCP, elsewhere)
    if error.code == types.URL_ELICITATION_REQUIRED:
        return Failure(FailureKind.REJECTED, f"it wants the user to open an address first: {_addresses(error.data)}")
    not_done = error.code in _NOT_DONE or (modern and error.code in _NOT_DONE_SINCE_2026)
    kind = FailureKind.REJECTED if not_done else FailureKind.FAILED
    return Failure(kind, f"it answered with the error {error.code}: {cited(error.message)}")


def _failure_of_the_sdk(error: MCPError, earlier: Failure | None) -> Failure:
    if error.code == types.PARSE_ERROR:
        return Failure(FailureKind.GARBAGE, "its answer is not a JSON-RPC message")
    if error.code == types.REQUEST_TIMEOUT:
        return Failure(FailureKind.SILENT, "no answer came within the time")
    if "byte limit" in error.message:  # of one event
        return Failure(FailureKind.TOO_LARGE, "the answer is over 8 MiB and was dropped")
    return earlier or Failure(FailureKind.BROKEN, f"the connection broke: {quoted(error.message, 100)}")


def failure_of_end(error: BaseException, earlier: Failure | None) -> Failure | MCPError:
    """Return why a connection ended with `error`; a protocol error as it is, for whoever knows its request."""
    error = _innermost(error)
    if isinstance(error, CallFailed):
        return error.failure
    if earlier is not None:
        return earlier
    if isinstance(error, MCPError):
        return error
    if isinstance(error, ValidationError):
        return Failure(FailureKind.GARBAGE, "its answer is not a valid MCP message")
    logger.info("a connection to an upstream ended: %s", type(error).__name__)
    return Failure(FailureKind.BROKEN, f"the connection ended: {quoted(f'{type(error).__name__} {error}', 120)}")


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _elsewhere(message: str) -> str:
    """Return what to know where the SDK found that another address or transport is meant, "" where it did not."""
    if message == "server answered a request with 202 Accepted":
        return "it answers as a server of the older transport"
    redirect = _REDIRECT.match(message)
    return f"it sends us on to {quoted(redirect[1])}, which is not followed" if redirect else ""


def _addresses(data: object) -> str:
    try:
        urls = [item.url for item in types.ElicitationRequiredErrorData.model_validate(data).elicitations]
    except ValidationError:
        urls = []
    return ", ".join(quoted(url, 300) for url in urls[:3]) or "it names none"
