"""Every endpoint that speaks chat completions, through the asynchronous `openai` SDK; the profile says how."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from providers.catalogue import Catalogue
from providers.deadline import Deadline
from providers.endpoints import Endpoint
from providers.failures import EndpointFailure, failure, quoted, refusal_of
from providers.model_names import shown_name
from providers.wire import Dialect, chat_body, piece_of, reply_of
from stepwarden.models import ErrorKind, ModelError, ModelInfo, ModelReply, ModelRequest

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

CONNECT_TIMEOUT_S = 10.0
LISTING_TIMEOUT_S = 10.0

# What the SDK adds of its own accord (organisation, custom headers of the environment) is for no endpoint of ours.
_HEADERS = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}


class _Refused(ModelError):
    """A 4xx, with the words that may say which parameter was not to its taste."""

    def __init__(self, error: ModelError, words: str) -> None:
        super().__init__(error.trouble, str(error), model=error.model, retry_after_s=error.retry_after_s)
        self.words = words


class CompatibleProvider:
    """One endpoint. Its client is made at the first call, in a thread: the SDK takes 0.3 s of CPU to import."""

    def __init__(self, endpoint: Endpoint, catalogue: Catalogue, timeout_s: float) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._catalogue = catalogue
        self._timeout_s = timeout_s
        self._dialects: dict[str, Dialect] = {}
        self._client: AsyncOpenAI | None = None
        self._making = asyncio.Lock()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer; what a 400 says the endpoint does not take is left out from then on."""
        deadline = Deadline(min(self._timeout_s, request.deadline_s))
        while True:
            body = self._body(request, stream=False)
            try:
                completion = await self._send(request, body, deadline)
            except _Refused as error:
                if not self._relent(request, body, error.words):
                    raise _plain(error) from None
                continue
            return reply_of(completion, request, self._endpoint)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the answer in pieces; the same concessions are made before the first one."""
        deadline = Deadline(min(self._timeout_s, request.deadline_s))
        while True:
            body = self._body(request, stream=True)
            try:
                async with aclosing(self._pieces(request, body, deadline)) as pieces:
                    async for piece in pieces:
                        yield piece
            except _Refused as error:
                if not self._relent(request, body, error.words):
                    raise _plain(error) from None
                continue
            return

    async def list_models(self) -> Sequence[ModelInfo]:
        """Ask `/models`, where the profile says that it tells the truth."""
        if not self._endpoint.profile.lists_models:
            return ()
        request = ModelRequest(model="", messages=())
        client = await self._made_client()
        import openai

        failed: ModelError
        try:
            async with asyncio.timeout(LISTING_TIMEOUT_S):
                page = cast("object", await client.models.list(timeout=LISTING_TIMEOUT_S))
            data: object = page.to_dict(warnings=False).get("data") if isinstance(page, openai.BaseModel) else None
            listed = cast("list[object]", data) if isinstance(data, list) else []
            return [self._listed(cast("dict[str, Any]", model)) for model in listed if isinstance(model, dict)]
        except (openai.OpenAIError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError) as error:
            failed = self._failure(error, request, LISTING_TIMEOUT_S)
        raise failed

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _body(self, request: ModelRequest, *, stream: bool) -> dict[str, Any]:
        profile = self._endpoint.profile
        dialect = self._dialects.get(request.model) or Dialect.of(profile)
        return chat_body(request, profile, self._catalogue.at(self.name, request.model), dialect, stream=stream)

    def _relent(self, request: ModelRequest, body: dict[str, Any], words: str) -> bool:
        dialect = self._dialects.get(request.model) or Dialect.of(self._endpoint.profile)
        better = dialect.without(words, body)
        if better is not None:
            self._dialects[request.model] = better
        return better is not None

    async def _send(self, request: ModelRequest, body: dict[str, Any], deadline: Deadline) -> object:
        client = await self._made_client()
        import openai

        allowed_s = deadline.left_s
        failed: ModelError
        try:
            async with asyncio.timeout(allowed_s):
                completion = await self._create(client, body, allowed_s)
            return completion.to_dict(warnings=False) if isinstance(completion, openai.BaseModel) else None
        except (openai.OpenAIError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError) as error:
            failed = self._failure(error, request, allowed_s)
        raise failed  # out of the handler: the SDK's error, which knows the request, is not to travel along

    async def _pieces(
        self, request: ModelRequest, body: dict[str, Any], deadline: Deadline
    ) -> AsyncGenerator[str | ModelReply, None]:
        client = await self._made_client()
        import openai

        allowed_s = deadline.left_s
        failed: ModelError
        whole = _Whole()
        try:
            async with asyncio.timeout(allowed_s):
                chunks = await self._create(client, body, allowed_s)
            async with chunks:
                while True:
                    async with asyncio.timeout(deadline.left_s):  # not over a yield: the consumer's time is its own
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        break
                    told = chunk.to_dict(warnings=False) if isinstance(chunk, openai.BaseModel) else None
                    if text := whole.add(piece_of(told)):
                        yield text
            yield reply_of(whole.completion(self._endpoint, request), request, self._endpoint)
            return
        except (openai.OpenAIError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError) as error:
            failed = self._failure(error, request, allowed_s)
        raise failed

    @staticmethod
    async def _create(client: "AsyncOpenAI", body: dict[str, Any], timeout_s: float) -> Any:
        import httpx2

        known = {name: value for name, value in body.items() if name != "thinking"}
        extra = {"thinking": body["thinking"]} if "thinking" in body else None
        create = cast("Any", client.chat.completions.create)
        timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
        return await create(**known, extra_body=extra, timeout=timeout)

    def _listed(self, told: dict[str, Any]) -> ModelInfo:
        name = str(told.get("id") or "").removeprefix("models/")
        info = self._catalogue.info(self._catalogue.find(name) or "", self.name, name, name)
        context = told.get("context_length") or told.get("max_model_len") or info.context_tokens
        return ModelInfo(
            name,
            self.name,
            family=info.family,
            context_tokens=context if isinstance(context, int) else None,
            output_tokens=info.output_tokens,
            sees_images="image" in str(told.get("architecture", "")) or info.sees_images,
            typed_answers=info.typed_answers,
        )

    def _failure(self, error: Exception, request: ModelRequest, allowed_s: float) -> ModelError:
        import openai

        title, model = self._endpoint.profile.title, shown_name(request.model)
        if isinstance(error, TimeoutError | openai.APITimeoutError):
            text = f"{title} gave no answer within {allowed_s:.0f} s: ask again later, or name a quicker model."
            return ModelError(ErrorKind.TIMEOUT, text, model=model)
        if isinstance(error, openai.APIConnectionError):
            cause = quoted(str(error.__cause__ or ""), self._endpoint.key)
            advice = self._endpoint.profile.url_variable or "the network"
            text = f"{title} at {self._endpoint.host} broke off or cannot be reached ({cause}): see to {advice}."
            return ModelError(ErrorKind.NETWORK, text, model=model)
        if isinstance(error, openai.APIStatusError):
            refusal = refusal_of(error.status_code, error.body or error.response.text, error.response.headers)
            failed = failure(self._endpoint, request.model, refusal)
            return _Refused(failed, refusal.words) if error.status_code in {400, 422} else failed
        if isinstance(error, openai.APIError) and error.body:  # in the middle of a stream
            code = error.code or ""
            return failure(self._endpoint, request.model, EndpointFailure(_status(code), error.message, code))
        text = f"{title} at {self._endpoint.host} answered with something that is no chat completion."
        return ModelError(ErrorKind.SERVER, text, model=model)

    async def _made_client(self) -> "AsyncOpenAI":
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_make_client, self._endpoint, self._timeout_s)
            return self._client


def _plain(error: _Refused) -> ModelError:
    return ModelError(error.trouble, str(error), model=error.model, retry_after_s=error.retry_after_s)


def _status(code: str) -> int:
    return int(code) if code.isdigit() and 400 <= int(code) < 600 else 500


def _make_client(endpoint: Endpoint, timeout_s: float) -> "AsyncOpenAI":
    import openai

    key = endpoint.key or "none"  # the SDK wants one; a local server does not look
    credential = ("api-key", key) if endpoint.api_version else ("authorization", f"Bearer {key}")

    async def send_no_more(request: "httpx2.Request") -> None:
        for name in set(request.headers) - _HEADERS:
            del request.headers[name]
        request.headers[credential[0]] = credential[1]

    http = openai.DefaultAsyncHttpx2Client(
        timeout=timeout_s, follow_redirects=False, event_hooks={"request": [send_no_more]}
    )
    if endpoint.api_version:
        client = openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint.url,
            api_version=endpoint.api_version,
            api_key=key,
            max_retries=0,
            http_client=http,
        )
    else:
        client = openai.AsyncOpenAI(base_url=endpoint.url, api_key=key, max_retries=0, http_client=http)
    _ = client.chat.completions, client.models  # imports what they are made of, here in the thread
    return client


class _Whole:
    """The pieces of a stream put together."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._told: dict[str, Any] = {}

    def add(self, piece: dict[str, Any]) -> str:
        """Take one piece, give its text."""
        text = str(piece.pop("text"))
        if piece["refusal"]:
            piece["refusal"] = f"{self._told.get('refusal', '')}{piece['refusal']}"
        self._told.update({name: value for name, value in piece.items() if value})
        self._texts.append(text)
        return text

    def completion(self, endpoint: Endpoint, request: ModelRequest) -> dict[str, Any]:
        """Return what the same answer would have been in one piece. Raises ModelError if it broke off."""
        told = self._told
        if not told.get("finish"):
            text = f"{endpoint.profile.title} broke off in the middle of its answer: ask again."
            raise ModelError(ErrorKind.NETWORK, text, model=request.model)
        message = {"content": "".join(self._texts), "refusal": told.get("refusal")}
        choice = {"message": message, "finish_reason": told["finish"]}
        return {"id": told.get("id"), "model": told.get("model"), "usage": told.get("usage"), "choices": [choice]}
