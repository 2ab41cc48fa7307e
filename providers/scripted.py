"""A model that answers from a script: for our tests and for those of users. It ships."""

import asyncio
import inspect
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from providers.dialect import Dialect
from providers.endpoints import Endpoint
from providers.failures import EndpointFailure, failure
from providers.profiles import SCRIPTED
from providers.thoughts import ShownPieces
from providers.told_tools import with_told_tools
from providers.tool_wire import tool_fields
from providers.wire import reply_of
from stepwarden.errors import SettingsError
from stepwarden.models import ErrorKind, ModelError, ModelInfo, ModelReply, ModelRequest, ModelTier, shown_seconds

_FILE_BYTES = 4_000_000
_PIECE_CHARACTERS = 8


class ScriptedCall(BaseModel):
    """A call of a tool in a script. `arguments` are an object, or a text, which may be broken; `id` may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: Any = {}
    id: str = ""

    @property
    def argument_text(self) -> str:
        """The arguments as they go over the wire."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


class ScriptedReply(BaseModel):
    """One entry of a script: what is answered, and to what.

    It answers a prompt that contains `when` to a model named `model`, `times` times (None: always; the last entry of a
    script is never used up). `answer` is a typed answer, `calls` are calls of tools. `status` of 400 and more is an
    error with the text `text`. `usage` is [input, output] tokens; None reports none. `body` is sent as it stands,
    instead of a completion, `chunks` instead of those of a stream. `location` is where a redirect leads. `cut_after`
    ends a stream after so many pieces without an end; `piece_s` is the time after each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = ""
    answer: Any = None
    calls: tuple[ScriptedCall, ...] = ()
    when: str = ""
    model: str = ""
    times: int | None = Field(default=1, ge=1)
    latency_s: float = Field(default=0.0, ge=0)
    status: int = Field(default=200, ge=200, le=599)
    code: str = ""
    retry_after_s: float | None = None
    location: str = ""
    finish: str = "stop"
    refusal: str | None = None
    reasoning: str = ""
    served_model: str = ""
    usage: tuple[int, int] | None = (10, 5)
    body: str | None = None
    cut_after: int | None = None
    piece_s: float = Field(default=0.0, ge=0)
    chunks: tuple[Any, ...] = ()

    @property
    def finish_reason(self) -> str:
        """Why it ends: as the script says, else that it calls tools where it does."""
        return "tool_calls" if self.calls and "finish" not in self.model_fields_set else self.finish

    @property
    def content(self) -> str:
        """The text of the answer."""
        return self.text if self.answer is None else json.dumps(self.answer)


class ScriptedModel(BaseModel):
    """A model of a script, with what the catalogue says about a real one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: str = ""
    context: int = 128_000
    images: bool = True
    tools: bool = True


class ScriptFile(BaseModel):
    """The form of a script's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: Mapping[str, ScriptedModel] = {"scripted": ScriptedModel()}
    replies: tuple[ScriptedReply, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class ScriptedRequest:
    """One request as a script sees it. `number` counts from 1."""

    model: str
    prompt: str
    number: int
    body: Mapping[str, Any]


Answering = Callable[[ScriptedRequest], "ScriptedReply | str | Awaitable[ScriptedReply | str]"]


class Script:
    """Replies in their order, or a function that returns them; and the requests so far."""

    def __init__(
        self, replies: Sequence[ScriptedReply | str] | Answering, models: Mapping[str, ScriptedModel] | None = None
    ) -> None:
        self.models = models or {"scripted": ScriptedModel()}
        self.asked: list[ScriptedRequest] = []
        self._function = replies if callable(replies) else None
        self._replies = [] if callable(replies) else [_reply(reply) for reply in replies]
        self._used = [0] * len(self._replies)

    async def answer(self, model: str, prompt: str, body: Mapping[str, Any]) -> ScriptedReply:
        """Return the reply to a request, after its latency."""
        asked = ScriptedRequest(model, prompt, len(self.asked) + 1, body)
        self.asked.append(asked)
        if self._function is not None:
            given = self._function(asked)
            reply = _reply(await given if inspect.isawaitable(given) else given)
        else:
            reply = self._next(asked)
        await asyncio.sleep(reply.latency_s)
        return reply

    def _next(self, asked: ScriptedRequest) -> ScriptedReply:
        last = len(self._replies) - 1
        for index, reply in enumerate(self._replies):
            used_up = reply.times is not None and self._used[index] >= reply.times and index != last
            if not used_up and reply.when in asked.prompt and reply.model in {"", asked.model}:
                self._used[index] += 1
                return reply
        return ScriptedReply(status=404, text="the script has no reply to this prompt", code="script_ended")


def _reply(reply: ScriptedReply | str) -> ScriptedReply:
    return ScriptedReply(text=reply, times=1) if isinstance(reply, str) else reply


def read_script(path: Path) -> Script:
    """Return the script in a file. Raises SettingsError for a file that is not a script."""
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(_FILE_BYTES)
        found = ScriptFile.model_validate_json(content)
    except OSError as error:
        raise SettingsError(f"The script {path} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path} is not a script: {where or 'all of it'}: {first['msg']}.") from None
    return Script(found.replies, found.models)


class ScriptedProvider:
    """A script as a provider, without any wire between."""

    def __init__(self, script: Script) -> None:
        self.name = SCRIPTED.name
        self.script = script
        self._endpoint = Endpoint(SCRIPTED, "http://script")

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the script's answer. Raises ModelError as an endpoint that answers so would."""
        reply = await self._answer(request)
        return self._read(reply, request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the script's answer in pieces of eight characters."""
        reply = await self._answer(request)
        whole = self._read(reply, request)
        pieces = ShownPieces()
        for number, piece in enumerate(pieces_of(whole.text if self._told(request) else reply.content)):
            if number == reply.cut_after:
                raise ModelError(ErrorKind.NETWORK, "The script broke off in the middle of its answer: ask again.")
            if shown := pieces.add(piece):
                yield shown
            await asyncio.sleep(reply.piece_s)
        if rest := pieces.rest():
            yield rest
        yield whole

    async def list_models(self) -> Sequence[ModelInfo]:
        """Return the models of the script."""
        return scripted_models(self.script)

    async def warm(self) -> None:
        """Do nothing: a script is ready."""

    async def close(self) -> None:
        """Close nothing."""

    def _told(self, request: ModelRequest) -> bool:
        model = self.script.models.get(request.model)
        return model is not None and not model.tools

    def _read(self, reply: ScriptedReply, request: ModelRequest) -> ModelReply:
        return reply_of(completion(reply, request.model), request, self._endpoint, told=self._told(request))

    def _check_images(self, request: ModelRequest) -> None:
        model = self.script.models.get(request.model)
        if model is not None and not model.images and any(message.images for message in request.messages):
            text = f"{request.model} takes no images: leave them out, or name a model that sees."
            raise ModelError(ErrorKind.UNSUPPORTED, text, model=request.model)

    async def _answer(self, request: ModelRequest) -> ScriptedReply:
        self._check_images(request)
        sent = with_told_tools(request) if self._told(request) else request
        prompt = "\n".join(message.text for message in sent.messages)
        body: dict[str, Any] = {"model": request.model, "messages": [[m.role, m.text] for m in sent.messages]}
        body |= tool_fields(sent, SCRIPTED, Dialect.of(SCRIPTED))
        text = f"The script gave no answer within {shown_seconds(request.deadline_s)}."
        try:
            async with asyncio.timeout(request.deadline_s):
                reply = await self.script.answer(request.model, prompt, body)
        except TimeoutError:
            raise ModelError(ErrorKind.TIMEOUT, text, model=request.model) from None
        if reply.status >= 400:
            refusal = EndpointFailure(reply.status, reply.text, reply.code, reply.retry_after_s)
            raise failure(self._endpoint, request.model, refusal)
        return reply


def scripted_models(script: Script) -> list[ModelInfo]:
    """Describe the models of a script; they are good for every need."""
    base = ModelInfo("", SCRIPTED.name, typed_answers=True, needs=tuple(ModelTier), description="answers from a script")
    return [
        replace(
            base,
            name=name,
            family=model.family or name,
            context_tokens=model.context,
            sees_images=model.images,
            calls_tools=model.tools,
        )
        for name, model in script.models.items()
    ]


def pieces_of(text: str) -> list[str]:
    """Return a text in the pieces of a stream."""
    return [text[at : at + _PIECE_CHARACTERS] for at in range(0, len(text), _PIECE_CHARACTERS)]


def _wire_call(call: ScriptedCall, number: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.argument_text}
    return {"id": call.id or f"call_{number}", "type": "function", "function": function}


def completion(reply: ScriptedReply, model: str) -> dict[str, Any]:
    """Return a reply as the chat completion it is on the wire."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
    if reply.calls:
        message["content"] = reply.content or None
        message["tool_calls"] = [_wire_call(call, number) for number, call in enumerate(reply.calls, 1)]
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    whole: dict[str, Any] = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": reply.served_model or model,
        "choices": [{"index": 0, "finish_reason": reply.finish_reason, "message": message}],
    }
    if reply.usage is not None:
        sent, got = reply.usage
        whole["usage"] = {"prompt_tokens": sent, "completion_tokens": got, "total_tokens": sent + got}
    return whole
