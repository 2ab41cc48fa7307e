"""What requests of the API say: queries and bodies of JSON, bounded, checked, and refused in words."""

import json
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tools.workflow.validation_errors import error_lines

BODY_BYTES = 1024 * 1024
"""More of a body is refused."""

_READ_BYTES = 16 * BODY_BYTES  # of a body that is too large, so that its sender reads why
_JSON = "application/json"

_Asked = TypeVar("_Asked", bound=BaseModel)


def read_query(request: Request, model: type[_Asked]) -> _Asked:
    """Return the query of a request. Raises HTTPException."""
    return _checked(dict(request.query_params), model)


async def read_body(request: Request, model: type[_Asked]) -> _Asked:
    """Return the JSON object in a request's body. Raises HTTPException."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != _JSON:  # what a page of another origin can send without asking is none of these
        raise HTTPException(415, f"Send the body as Content-Type: {_JSON}.")
    parts, size = list[bytes](), 0
    async for part in request.stream():
        size += len(part)
        if size > _READ_BYTES:
            break
        if size <= BODY_BYTES:
            parts.append(part)
    if size > BODY_BYTES:
        raise HTTPException(413, f"The body is over the limit of {BODY_BYTES // 1024} KB.")
    try:
        said = json.loads(b"".join(parts), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"The body is no JSON: {error}.") from None
    if not isinstance(said, dict):
        raise HTTPException(400, "The body is no JSON object: send {...}.")
    return _checked(said, model)


def _checked(said: Any, model: type[_Asked]) -> _Asked:
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise HTTPException(400, "\n".join(error_lines(error, model))) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
