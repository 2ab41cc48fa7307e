"""What comes of a consultation: how it is recorded as JSON, and read back."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from stepwarden.errors import StoreUnreadable
from stepwarden.files.secret_values import hide_in_values
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Usage, shown_seconds
from stepwarden.storage import Consultation, Spending

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model answered. `parsed` is the typed answer as JSON values; the asking took `duration_s` seconds."""

    text: str
    model: str
    provider: str
    usage: Usage
    duration_s: float
    parsed: Any = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class ModelFailure:
    """Why there is no answer, in one line. `trouble` None: it is no model's fault, but ours or somebody's wish."""

    trouble: ErrorKind | None
    text: str
    model: str


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)  # built when the first answer comes, not at every start


def outcome(settled: Consultation) -> ModelAnswer | ModelFailure:
    """Read what came of a settled consultation.

    Raises ValueError for one that is not settled, and StoreUnreadable where a newer stepwarden wrote it.
    """
    if not settled.settled:
        raise ValueError(f"{settled.key} of {settled.stream} is not settled")
    if settled.payload is None:
        return ModelFailure(None, "The consultation was given up.", settled.model)
    adapter = _adapter(ModelAnswer if settled.state == "done" else ModelFailure)
    try:
        return adapter.validate_json(settled.payload)
    except ValidationError as error:
        raise StoreUnreadable("This answer was written by a newer stepwarden; upgrade.") from error


def request_digest(request: ModelRequest) -> str:
    """Return 64 hex digits that are equal for requests that ask the same of the same model, whoever pays for it."""
    asked: dict[str, Any] = {
        "model": request.model,
        "messages": [message.described for message in request.messages],
        "answer": request.answer.model_json_schema() if request.answer else None,
        "form": request.form.asked.model_json_schema() if request.form else None,
        "temperature": request.temperature,
        "max_output_tokens": request.max_output_tokens,
        "thinking": request.thinking,
    }
    if request.tools:
        asked["tools"] = [tool.text for tool in request.tools]
        asked["tool_choice"], asked["parallel_calls"] = request.tool_choice, request.parallel_calls
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """An outcome as it is recorded."""

    state: Literal["done", "failed"]
    payload: str
    spending: Spending


def recorded_outcome(
    asking: asyncio.Task[ModelReply], request: ModelRequest, *, duration_s: float
) -> RecordedOutcome | None:
    """Return what came of a request, None while it has not ended."""
    if not asking.done():
        return None
    if asking.cancelled():
        return _failed(ModelFailure(None, "The request was cancelled from within.", request.model))
    try:
        return _answered(asking.result(), request.secrets, duration_s)
    except ModelError as error:
        text = hide_in_values(str(error), request.secrets)
        return _failed(ModelFailure(error.kind, text, error.model or request.model))
    except Exception as error:  # the edge of the background run
        logger.exception("asking %s ended unexpectedly", request.model)
        text = f"Asking ended unexpectedly ({type(error).__name__}); the log says more."
        return _failed(ModelFailure(None, text, request.model))


def timed_out(request: ModelRequest) -> RecordedOutcome:
    """Return the failure of a request that has not ended in its own time."""
    text = f"{request.model} gave no answer in {shown_seconds(request.deadline_s)}."
    return _failed(ModelFailure(ErrorKind.TIMEOUT, text, request.model))


def _answered(reply: ModelReply, secrets: Sequence[str], duration_s: float) -> RecordedOutcome:
    """Return an answer as it is recorded: without the secrets in it, be it that the model was shown them elsewhere."""
    parsed = None if reply.parsed is None else hide_in_values(reply.parsed.model_dump(mode="json"), secrets)
    usage = reply.usage
    text = hide_in_values(reply.text, secrets)
    answer = ModelAnswer(text, reply.model, reply.provider, usage, duration_s, parsed, reply.cached)
    spending = Spending(usage.input_tokens, usage.output_tokens, usage.cost)
    return RecordedOutcome("done", _json(_adapter(ModelAnswer).dump_python(answer, mode="json")), spending)


def _failed(failure: ModelFailure) -> RecordedOutcome:
    return RecordedOutcome("failed", _json(_adapter(ModelFailure).dump_python(failure, mode="json")), Spending())


def _json(data: object) -> str:
    # Half a surrogate pair, which models do send, fits in no store.
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(errors="replace").decode()
