"""The `openai` SDK at one endpoint: what is sent and read there, and its failures as ours."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from providers.connection_failures import PROXY_WANTS_LOGIN, not_reached, timed_out, unusable_path
from providers.deadline import Deadline
from providers.embedded_failures import embedded_failure
from providers.endpoints import Endpoint
from providers.failures import failure, refusal_of
from providers.model_names import shown_name
from providers.network_path import UnusablePath
from stepwarden.models import ErrorKind, ModelError, shown_seconds

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

CONNECT_TIMEOUT_S = 10.0
LISTING_TIMEOUT_S = 10.0
EVENT_BYTES = 16_000_000  # of one event of a stream: some send all of an answer in one

# What the SDK adds on its own (organisation, custom headers of the environment) is for no endpoint of ours.
_HEADERS = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}


DONE = "[DONE]"
"""What `chunks` returns last, of a stream that says that it is whole."""


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """What an endpoint answered in one piece although it was asked for a stream."""

    body: object


class SdkClient:
    """One connection pool. It is made at the first call, in a thread: the SDK takes 0.3 s of CPU to import."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._client: AsyncOpenAI | None = None
        self._making = asyncio.Lock()

    async def complete(self, body: dict[str, Any], deadline: Deadline) -> object:
        """Return the completion as the endpoint sent it; text where it is no object. Raises ModelError."""
        client = await self.made()
        failed: ModelError
        try:
            async with asyncio.timeout(deadline.left_s):
                return _as_sent(await _create(client, body, deadline.left_s))
        except _failures() as error:
            failed = self._failure(error, body["model"], deadline.seconds)
        raise failed  # outside the handler: the SDK's error knows the request and must not travel along

    async def chunks(self, body: dict[str, Any], deadline: Deadline) -> AsyncGenerator[object, None]:
        """Return the chunks of a streamed completion as the endpoint sent them, and DONE where it says so.

        An endpoint that streams nothing gives one chunk, a WholeAnswer. Raises ModelError.
        """
        client = await self.made()
        failed: ModelError
        try:
            async with asyncio.timeout(deadline.left_s):
                created = await _create(client, body, deadline.left_s)
            async with aclosing(_chunks(created)) as chunks:
                while True:
                    async with asyncio.timeout(deadline.left_s):  # not over a yield: the consumer's time is its own
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        return
                    yield chunk
        except _failures() as error:
            failed = self._failure(error, body["model"], deadline.seconds)
        raise failed

    async def models(self) -> list[dict[str, Any]]:
        """Return what `/models` lists. Raises ModelError."""
        client = await self.made()
        failed: ModelError
        try:
            async with asyncio.timeout(LISTING_TIMEOUT_S):
                page = _as_sent(cast("object", await client.models.list(timeout=LISTING_TIMEOUT_S)))
        except _failures() as error:
            failed = self._failure(error, "", LISTING_TIMEOUT_S)
        else:
            if (refusal := embedded_failure(page)) is not None:
                raise failure(self._endpoint, "", refusal)
            data: object = cast("dict[str, object]", page).get("data") if isinstance(page, dict) else None
            listed = cast("list[object]", data) if isinstance(data, list) else []
            return [cast("dict[str, Any]", model) for model in listed if isinstance(model, dict)]
        raise failed

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def made(self) -> "AsyncOpenAI":
        """Return the client, made now if need be. Raises ModelError where a variable stands in the way."""
        unusable: ModelError
        async with self._making:
            try:
                if self._client is None:
                    self._client = await asyncio.to_thread(_make_client, self._endpoint, self._timeout_s)
                return self._client
            except UnusablePath as error:
                unusable = unusable_path(self._endpoint, error, "")
        raise unusable

    def _failure(self, error: Exception, asked: str, allowed_s: float) -> ModelError:
        import httpx2
        import openai

        endpoint, model = self._endpoint, shown_name(asked)
        cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
        if isinstance(cause, httpx2.ConnectTimeout):
            return not_reached(endpoint, f"no connection within {shown_seconds(CONNECT_TIMEOUT_S)}", model)
        if isinstance(error, TimeoutError | openai.APITimeoutError | httpx2.TimeoutException):
            return timed_out(endpoint, model, allowed_s, self._timeout_s)
        if isinstance(error, openai.APIConnectionError | httpx2.RequestError):
            return not_reached(endpoint, error, model)
        if isinstance(error, openai.APIStatusError):
            response = error.response
            if error.status_code == 407:
                return not_reached(endpoint, PROXY_WANTS_LOGIN, model)
            return failure(
                endpoint, asked, refusal_of(error.status_code, error.body or response.text, response.headers)
            )
        text = f"{endpoint.profile.title} at {endpoint.host} answered with something that is not a chat completion."
        return ModelError(ErrorKind.SERVER, text, model=model)


def _failures() -> tuple[type[Exception], ...]:
    """Return all in which a request can fail."""
    import httpx2
    import openai

    return openai.OpenAIError, httpx2.RequestError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError


def _as_sent(answer: object) -> object:
    """Return an answer as JSON values; text that is no JSON as it is."""
    import openai

    if isinstance(answer, openai.BaseModel):
        return answer.to_dict(warnings=False)
    if isinstance(answer, list):
        return [_as_sent(item) for item in cast("list[object]", answer)]
    if not isinstance(answer, str):
        return None
    try:
        return json.loads(answer)
    except ValueError:
        return answer


async def _chunks(created: object) -> AsyncGenerator[object, None]:
    """Return the chunks of what the SDK returned, whatever it says that it is.

    The SDK's own reading of a stream hides whether the endpoint said that it was done, and words of its errors.
    """
    import httpx2
    import openai

    if not isinstance(created, openai.AsyncStream):
        yield WholeAnswer(_as_sent(created))
        return
    async with created:
        response = created.response
        if "event-stream" not in response.headers.get("content-type", ""):
            for chunk in _read_at_once((await response.aread()).decode(errors="replace")):
                yield chunk
            return
        async for event in httpx2.EventSource(response, EVENT_BYTES):
            if event.data.startswith(DONE):
                yield DONE
                return
            if event.data:
                yield json.loads(event.data)


def _read_at_once(text: str) -> Iterator[object]:
    """Return the chunks of an answer that does not say that it is a stream: events all the same, or one piece."""
    text = text.strip()
    if text and not text.startswith(("data:", "event:", ":")):
        yield WholeAnswer(_as_sent(text))
        return
    for line in text.splitlines():
        data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
        if data:
            yield DONE if data == DONE else json.loads(data)


async def _create(client: "AsyncOpenAI", body: dict[str, Any], timeout_s: float) -> object:
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

    endpoint.path.check_proxy()
    http = openai.DefaultAsyncHttpx2Client(
        timeout=timeout_s,
        follow_redirects=False,
        event_hooks={"request": [keep_to_our_headers]},
        trust_env=False,  # of which `path` is what counts
        proxy=endpoint.path.proxy or None,
        verify=endpoint.path.trusted(),
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
