"""GLM through Zhipu's own `zai-sdk` (extra `zhipu`), which blocks: it runs in a thread.

A cancelled call returns at once, but its request goes on until it is answered or times out. Where that matters, the
compatible endpoint is the better choice; this one is for those who need the vendor's client.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any, cast

from providers.catalogue import Catalogue
from providers.connection_failures import PROXY_WANTS_LOGIN, not_reached, timed_out, unusable_path
from providers.deadline import Deadline
from providers.dialect import Dialect
from providers.endpoints import Endpoint
from providers.failures import failure, refusal_of
from providers.network_path import UnusablePath
from providers.wire import chat_body, reply_of
from stepwarden.models import ErrorKind, ModelError, ModelInfo, ModelReply, ModelRequest

if TYPE_CHECKING:
    from zai import ZaiClient


class ZhipuProvider:
    """One account at Zhipu."""

    def __init__(self, endpoint: Endpoint, catalogue: Catalogue, timeout_s: float) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._catalogue = catalogue
        self._timeout_s = timeout_s
        self._client: ZaiClient | None = None
        self._making = asyncio.Lock()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer."""
        profile = self._endpoint.profile
        row = self._catalogue.at(self.name, request.model)
        dialect = Dialect.of(profile, row)
        body = chat_body(request, profile, row, dialect)
        told = dialect.tools == "told"
        return reply_of(await self._sent(request, body), request, self._endpoint, told=told)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the whole answer as one piece: the SDK's stream blocks too."""
        reply = await self.complete(request)
        if reply.text:
            yield reply.text
        yield reply

    async def list_models(self) -> Sequence[ModelInfo]:
        """Return none: the SDK cannot list models, and the catalogue has them."""
        return ()

    async def warm(self) -> None:
        """Make the client."""
        await self._made_client("")

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    async def _sent(self, request: ModelRequest, body: dict[str, Any]) -> object:
        deadline = Deadline(min(self._timeout_s, request.deadline_s))
        client = await self._made_client(request.model)
        import zai.core._errors as zai

        failed: ModelError
        try:
            async with asyncio.timeout(deadline.left_s):
                create = cast("Any", client.chat.completions.create)
                completion: Any = await asyncio.to_thread(create, **body, timeout=deadline.left_s)
            return completion.model_dump()
        except (zai.ZaiError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError) as error:
            failed = self._failure(error, request, deadline.seconds)
        raise failed

    def _failure(self, error: Exception, request: ModelRequest, allowed_s: float) -> ModelError:
        import zai.core._errors as zai

        endpoint = self._endpoint
        if isinstance(error, TimeoutError | zai.APITimeoutError):
            return timed_out(endpoint, request.model, allowed_s, self._timeout_s)
        if isinstance(error, zai.APIConnectionError):
            return not_reached(endpoint, error, request.model)
        if isinstance(error, zai.APIStatusError):
            response = error.response
            if response.status_code == 407:
                return not_reached(endpoint, PROXY_WANTS_LOGIN, request.model)
            try:
                body: object = response.json()
            except ValueError:
                body = response.text
            return failure(endpoint, request.model, refusal_of(response.status_code, body, response.headers))
        text = f"{endpoint.profile.title} answered with something that is not a chat completion."
        return ModelError(ErrorKind.SERVER, text, model=request.model)

    async def _made_client(self, model: str) -> "ZaiClient":
        unusable: ModelError
        async with self._making:
            try:
                if self._client is None:
                    self._client = await asyncio.to_thread(_make_client, self._endpoint)
                return self._client
            except UnusablePath as error:
                unusable = unusable_path(self._endpoint, error, model)
        raise unusable


def _make_client(endpoint: Endpoint) -> "ZaiClient":
    import httpx
    from zai import ZaiClient

    endpoint.path.check_proxy()
    http = httpx.Client(trust_env=False, proxy=endpoint.path.proxy or None, verify=endpoint.path.trusted())
    return ZaiClient(api_key=endpoint.key, base_url=endpoint.url, max_retries=0, http_client=http)
