"""The `openai` SDK at one endpoint: what is sent and read there, and its failures as ours."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, cast

from providers.deadline import Deadline
from providers.endpoints import Endpoint
from providers.failures import EndpointFailure, failure, quoted, refusal_of
from providers.model_names import shown_name
from stepwarden.models import ErrorKind, ModelError

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

CONNECT_TIMEOUT_S = 10.0
LISTING_TIMEOUT_S = 10.0

# What the SDK adds on its own (organisation, custom headers of the environment) is for no endpoint of ours.
_HEADERS = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}


class ParameterRefused(ModelError):
    """A 400 or 422; `words` may say which parameter the endpoint does not take."""

    def __init__(self, error: ModelError, words: str) -> None:
        super().__init__(error.kind, str(error), model=error.model, retry_after_s=error.retry_after_s)
        self.words = words

    def without_words(self) -> ModelError:
        """Return the error as callers get it."""
        return ModelError(self.kind, str(self), model=self.model, retry_after_s=self.retry_after_s)


class SdkClient:
    """One connection pool. It is made at the first call, in a thread: the SDK takes 0.3 s of CPU to import."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._client: AsyncOpenAI | None = None
        self._making = asyncio.Lock()

    async def complete(self, body: dict[str, Any], deadline: Deadline) -> object:
        """Return the completion as the endpoint sent it, None for no object. Raises ModelError."""
        client = await self._made()
        import openai

        allowed_s = deadline.left_s
        failed: ModelError
        try:
            async with asyncio.timeout(allowed_s):
                completion = await _create(client, body, allowed_s)
            return completion.to_dict(warnings=False) if isinstance(completion, openai.BaseModel) else None
        except (openai.OpenAIError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError) as error:
            failed = self._failure(error, body["model"], allowed_s)
        raise failed  # outside the handler: the SDK's error knows the request and must not travel along

    async def chunks(self, body: dict[str, Any], deadline: Deadline) -> AsyncGenerator[object, None]:
        """Return the chunks of a streamed completion as the endpoint sent them. Raises ModelError."""
        client = await self._made()
        import openai

        allowed_s = deadline.left_s
        failed: ModelError
        try:
            async with asyncio.timeout(allowed_s):
                chunks = await _create(client, body, allowed_s)
            async with chunks:
                while True:
                    async with asyncio.timeout(deadline.left_s):  # not over a yield: the consumer's time is its own
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        return
                    yield chunk.to_dict(warnings=False) if isinstance(chunk, openai.BaseModel) else None
        except (openai.OpenAIError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError) as error:
            failed = self._failure(error, body["model"], allowed_s)
        raise failed

    async def models(self) -> list[dict[str, Any]]:
        """Return what `/models` lists. Raises ModelError."""
        client = await self._made()
        import openai

        failed: ModelError
        try:
            async with asyncio.timeout(LISTING_TIMEOUT_S):
                page = cast("object", await client.models.list(timeout=LISTING_TIMEOUT_S))
            data: object = page.to_dict(warnings=False).get("data") if isinstance(page, openai.BaseModel) else None
            listed = cast("list[object]", data) if isinstance(data, list) else []
            return [cast("dict[str, Any]", model) for model in listed if isinstance(model, dict)]
        except (openai.OpenAIError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError) as error:
            failed = self._failure(error, "", LISTING_TIMEOUT_S)
        raise failed

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _made(self) -> "AsyncOpenAI":
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_make_client, self._endpoint, self._timeout_s)
            return self._client

    def _failure(self, error: Exception, asked: str, allowed_s: float) -> ModelError:
        import openai

        title, model = self._endpoint.profile.title, shown_name(asked)
        if isinstance(error, TimeoutError | openai.APITimeoutError):
            text = f"{title} gave no answer within {allowed_s:.0f} s: ask again later, or name a quicker model."
            return ModelError(ErrorKind.TIMEOUT, text, model=model)
        if isinstance(error, openai.APIConnectionError):
            cause = quoted(str(error.__cause__ or ""), self._endpoint.key)
            what = self._endpoint.profile.url_variable if self._endpoint.profile.url_needed else "the network"
            text = f"{title} at {self._endpoint.host} broke off or cannot be reached ({cause}): check {what}."
            return ModelError(ErrorKind.NETWORK, text, model=model)
        if isinstance(error, openai.APIStatusError):
            refusal = refusal_of(error.status_code, error.body or error.response.text, error.response.headers)
            failed = failure(self._endpoint, asked, refusal)
            return ParameterRefused(failed, refusal.words) if error.status_code in {400, 422} else failed
        if isinstance(error, openai.APIError) and error.body:  # in the middle of a stream
            code = error.code or ""
            return failure(self._endpoint, asked, EndpointFailure(_status(code), error.message, code))
        text = f"{title} at {self._endpoint.host} answered with something that is not a chat completion."
        return ModelError(ErrorKind.SERVER, text, model=model)


def _status(code: str) -> int:
    return int(code) if code.isdigit() and 400 <= int(code) < 600 else 500


async def _create(client: "AsyncOpenAI", body: dict[str, Any], timeout_s: float) -> Any:
    import httpx2

    known = {name: value for name, value in body.items() if name != "thinking"}
    extra = {"thinking": body["thinking"]} if "thinking" in body else None
    create = cast("Any", client.chat.completions.create)
    timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
    return await create(**known, extra_body=extra, timeout=timeout)


def _make_client(endpoint: Endpoint, timeout_s: float) -> "AsyncOpenAI":
    import openai

    key = endpoint.key or "none"  # the SDK wants one; a local server does not look
    credential = ("api-key", key) if endpoint.api_version else ("authorization", f"Bearer {key}")

    async def keep_to_our_headers(request: "httpx2.Request") -> None:
        for name in set(request.headers) - _HEADERS:
            del request.headers[name]
        request.headers[credential[0]] = credential[1]

    http = openai.DefaultAsyncHttpx2Client(
        timeout=timeout_s, follow_redirects=False, event_hooks={"request": [keep_to_our_headers]}
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
