"""JSON-RPC messages as lines: read from a host, written to it, and the error for a line that is no message."""

import contextlib
import json
import re
from typing import Any, cast

from mcp.shared.message import SessionMessage
from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]|[^"\[\]{}]+')
_DIGITS = 4000  # of a number that is read exactly; Python refuses to read one of more than 4300


class InvalidLine(ValueError):
    """A line that is no message; `answer` is the error to send for it, None for what was meant as an answer itself."""

    def __init__(self, problem: str, answer: JSONRPCError | None) -> None:
        super().__init__(problem)
        self.answer = answer


def read_line(line: str) -> SessionMessage:
    r"""Return the message of a line; raise InvalidLine for any other.

    What the SDK's fast reader refuses though it is JSON is read by Python's: half a surrogate pair (`"\ud800"`),
    more than 200 levels, numbers of thousands of digits (as infinity). The tool can then say what is wrong with it. A
    byte order mark is skipped.
    """
    line = line.removeprefix("\ufeff")
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        pass
    else:
        # The SDK takes a request with an id that none can have for a notification, and its host would wait.
        if not isinstance(message, JSONRPCNotification) or '"id"' not in line:
            return SessionMessage(message)
    value = _parse(line)
    try:
        message = jsonrpc_message_adapter.validate_python(value, by_name=False)
    except ValidationError:
        raise _not_a_message(value) from None
    if isinstance(message, JSONRPCNotification) and "id" in cast("dict[str, object]", value):
        raise _not_a_message(value)
    return SessionMessage(message)


def format_line(message: JSONRPCMessage) -> bytes:
    """Return the line of a message. Half a surrogate pair becomes a question mark: not every host could read the line.

    In the id it stays, as an escape: the host that chose it has to find it again.
    """
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
    except PydanticSerializationError:
        text = json.dumps(message.model_dump(by_alias=True, exclude_unset=True), ensure_ascii=False)
        whole: dict[str, Any] = json.loads(text.encode(errors="replace"))
        if "id" in whole:
            whole["id"] = getattr(message, "id", None)
        return json.dumps(whole).encode() + b"\n"


def _parse(line: str) -> object:
    try:
        return json.loads(line, parse_int=_parse_int)
    except ValueError as error:
        raise _invalid(PARSE_ERROR, f"Not JSON: {error}") from error
    except RecursionError as error:
        raise _invalid(PARSE_ERROR, "Nested too deeply to be read", _usable_id(_shallow(line))) from error


def _parse_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else float(digits)


def _not_a_message(value: object) -> InvalidLine:
    if isinstance(value, list):
        return _invalid(INVALID_REQUEST, "Batches are not supported: send one request a line")
    if not isinstance(value, dict):
        return _invalid(INVALID_REQUEST, "Not a JSON-RPC request")
    members = cast("dict[str, object]", value)
    if "method" not in members and members.keys() & {"result", "error"}:
        return InvalidLine("Not a JSON-RPC response", None)
    problem = "Not a JSON-RPC 2.0 request: it needs jsonrpc, method, and an id that is a string or an integer"
    if "params" in members and not isinstance(members["params"], dict):
        problem = "Not an MCP request: params has to be an object"
    return _invalid(INVALID_REQUEST, problem, _usable_id(members))


def _usable_id(members: dict[str, object]) -> int | str | None:
    found = members.get("id")
    return found if isinstance(found, int | str) and not isinstance(found, bool) else None


def _shallow(line: str) -> dict[str, object]:
    """Return the members of an object too deep to be read, without what is nested in it; none where it is no JSON."""
    depth, kept = 0, list[str]()
    for part in _TOKENS.findall(line):
        depth -= part in "]}"
        if depth == 0 or (depth == 1 and part not in "[{]}"):
            kept.append(part)
        elif depth == 1 and part in "]}":
            kept.append("null")
        depth += part in "[{"
    with contextlib.suppress(ValueError, RecursionError):
        read = json.loads("".join(kept), parse_int=_parse_int)
        if isinstance(read, dict):
            return cast("dict[str, object]", read)
    return {}


def _invalid(code: int, problem: str, message_id: object = None) -> InvalidLine:
    data = ErrorData(code=code, message=problem)
    return InvalidLine(problem, JSONRPCError(jsonrpc="2.0", id=cast("int | str | None", message_id), error=data))
