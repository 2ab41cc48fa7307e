"""Every endpoint that speaks chat completions; the profile says how it differs from OpenAI's."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

from providers.catalogue import Catalogue
from providers.deadline import Deadline
from providers.dialect import Dialect
from providers.endpoints import Endpoint
from providers.failures import ParameterRefused
from providers.sdk_client import SdkClient
from providers.stream_assembly import StreamedCompletion
from providers.wire import chat_body, reply_of
from stepwarden.models import ModelInfo, ModelReply, ModelRequest


class CompatibleProvider:
    """One endpoint, with what each of its models turned out not to take."""

    def __init__(self, endpoint: Endpoint, catalogue: Catalogue, timeout_s: float) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._catalogue = catalogue
        self._timeout_s = timeout_s
        self._client = SdkClient(endpoint, timeout_s)
        self._dialects: dict[str, Dialect] = {}

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer; a parameter that a 400 refuses is left out from then on."""
        deadline = Deadline(min(self._timeout_s, request.deadline_s))
        while True:
            dialect = self._dialect(request.model)
            body = self._body(request, dialect, stream=False)
            try:
                completion = await self._client.complete(body, deadline)
                return reply_of(completion, request, self._endpoint, told=dialect.tools == "told")
            except ParameterRefused as error:
                if not self._adapt(request, body, error.words):
                    raise error.without_words() from None

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the answer in pieces; a parameter may be refused before the first one only."""
        deadline = Deadline(min(self._timeout_s, request.deadline_s))
        while True:
            dialect = self._dialect(request.model)
            told = dialect.tools == "told"
            body, whole = self._body(request, dialect, stream=True), StreamedCompletion(told=told and request.may_call)
            try:
                async with aclosing(self._client.chunks(body, deadline)) as chunks:
                    async for chunk in chunks:
                        if text := whole.add(chunk):
                            yield text
                completion = whole.completion(self._endpoint, request.model)
                reply = reply_of(completion, request, self._endpoint, told=told)
            except ParameterRefused as error:
                if whole.began or not self._adapt(request, body, error.words):
                    raise error.without_words() from None
                continue
            if text := whole.unshown(reply.text):
                yield text
            yield reply
            return

    async def list_models(self) -> Sequence[ModelInfo]:
        """Return what `/models` lists, where the profile says that it tells the truth."""
        if not self._endpoint.profile.lists_models:
            return ()
        return [self._listed(entry) for entry in await self._client.models()]

    async def warm(self) -> None:
        """Make the client."""
        await self._client.made()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _dialect(self, model: str) -> Dialect:
        profile = self._endpoint.profile
        return self._dialects.get(model) or Dialect.of(profile, self._catalogue.at(self.name, model))

    def _body(self, request: ModelRequest, dialect: Dialect, *, stream: bool) -> dict[str, Any]:
        row = self._catalogue.at(self.name, request.model)
        return chat_body(request, self._endpoint.profile, row, dialect, stream=stream)

    def _adapt(self, request: ModelRequest, body: dict[str, Any], words: str) -> bool:
        """Leave out from now on what these words refuse; tell whether they refuse anything of ours."""
        better = self._dialect(request.model).without(words, body)
        if better is not None:
            self._dialects[request.model] = better
        return better is not None

    def _listed(self, entry: dict[str, Any]) -> ModelInfo:
        name = str(entry.get("id") or "").removeprefix("models/")
        info = self._catalogue.info(self._catalogue.find(name) or "", self.name, name, name)
        context = entry.get("context_length") or entry.get("max_model_len") or info.context_tokens
        calls = info.calls_tools if (listed := _calls_tools(entry)) is None else listed
        if calls is False:
            self._dialects[name] = replace(self._dialect(name), tools="told")
        return ModelInfo(
            name,
            self.name,
            family=info.family,
            context_tokens=context if isinstance(context, int) else None,
            output_tokens=info.output_tokens,
            sees_images=info.sees_images if (sees := _sees_images(entry)) is None else sees,
            typed_answers=info.typed_answers,
            calls_tools=calls,
        )


def _calls_tools(entry: dict[str, Any]) -> bool | None:
    """Return whether an entry of `/models` says that its model can be offered tools, None where it says nothing."""
    parameters, capabilities = entry.get("supported_parameters"), entry.get("capabilities")
    if isinstance(parameters, list):  # OpenRouter's
        return "tools" in parameters
    if isinstance(capabilities, list):  # LM Studio's
        return "tool_use" in capabilities or None
    if isinstance(capabilities, dict):  # Mistral's
        found = cast("dict[str, object]", capabilities).get("function_calling")
        return found if isinstance(found, bool) else None
    return None


def _sees_images(entry: dict[str, Any]) -> bool | None:
    """Return whether an entry of `/models` says that its model takes images, None where it says nothing of it."""
    architecture, capabilities = entry.get("architecture"), entry.get("capabilities")
    for place in (entry, architecture):  # OpenRouter's
        modalities: object = cast("dict[str, Any]", place).get("input_modalities") if isinstance(place, dict) else None
        if isinstance(modalities, list):
            return "image" in modalities
    if isinstance(capabilities, dict) and isinstance(
        cast("dict[str, Any]", capabilities).get("vision"), bool
    ):  # Mistral's
        return bool(cast("dict[str, Any]", capabilities)["vision"])
    return True if entry.get("type") == "vlm" else None  # LM Studio's
