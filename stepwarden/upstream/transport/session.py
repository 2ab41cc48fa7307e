"""One open connection to an upstream: a task that holds the SDK's client, and the calls that go through it."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import httpx2
import mcp_types as types
from mcp.client import Client
from mcp.client.session import ClientRequestContext
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from mcp_types.version import LATEST_MODERN_VERSION, MODERN_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from stepwarden import __version__
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failures import CallFailed, Failure, FailureKind, cited, quoted
from stepwarden.upstream.transport.http import DiagnosticClient, new_client
from stepwarden.upstream.transport.stdio import left_to_end, stdio_streams
from stepwarden.upstream.transport.tool_list_filter import FilteredStream, sifting
from stepwarden.upstream.transport.tool_pages import all_tools

logger = logging.getLogger(__name__)

PERSON_S = 300.0  # for a person's answer in the middle of a call
RELISTEN_S = 5.0  # between two streams of changes, where a server ends them in good order

_MODES = {"auto": "auto", "legacy": "legacy", "modern": LATEST_MODERN_VERSION}
_NOT_DONE = frozenset({types.INVALID_PARAMS, types.METHOD_NOT_FOUND, types.INVALID_REQUEST, types.HEADER_MISMATCH})
_REDIRECT = re.compile(r"Redirect to (\S+) not followed")  # the SDK's words

Answer = types.CallToolResult | types.InputRequiredResult
Asker = Callable[[types.ElicitRequestParams], Awaitable[types.ElicitResult | types.ErrorData]]
"""Puts a question of an upstream to the person behind the call that it belongs to."""

asking: ContextVar[Asker | None] = ContextVar("asking", default=None)
"""Who answers the questions that an upstream asks in the middle of the call being made here."""

# Lets a server of the 2025 era ask in the middle of a call.
_NOBODY = types.ElicitResult(action="cancel")


@dataclass(frozen=True)
class CallQuestion:
    """What a call sends: `state` and `answers` go back to a server that asked something in an earlier round."""

    tool: str
    arguments: dict[str, Any]
    on_progress: ProgressFnT | None = None
    answers: types.InputResponses | None = None
    state: str | None = None


@dataclass(eq=False)
class UpstreamSession:
    """One connection. `tools` are what the server listed last; `on_tools` hears of every new list.

    `open` returns once it is usable, and the task ends when it is retired, broken or left idle. Calls in flight are
    let finish after it was retired: only new ones go elsewhere.
    """

    config: UpstreamConfig
    auth: httpx2.Auth | None
    on_tools: Callable[[Sequence[types.Tool]], None]
    on_over: Callable[["UpstreamSession"], None]
    tools: Sequence[types.Tool] = ()
    mishap: Failure | None = None
    calls: int = 0
    used: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    _client: Client | None = None
    _http: DiagnosticClient | None = None
    _group: int | None = None
    _over: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _task: "asyncio.Task[None] | None" = None
    _askers: list[Asker] = field(default_factory=list[Asker])
    _refreshing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def open(self) -> None:
        """Connect and list the tools. Raises Mishappened."""
        self._task = asyncio.create_task(self._run(), name=f"upstream {self.config.name}")
        try:
            async with asyncio.timeout(self.config.connect_timeout_s):
                await asyncio.shield(self._ready)
        except TimeoutError:
            words = f"it did not answer within {self.config.connect_timeout_s:g} s"
            self.mishap = self.mishap or Failure(FailureKind.UNREACHABLE, words)
            self._task.cancel()  # which may take its time: nobody waits for it
            raise CallFailed(self.mishap) from None
        except asyncio.CancelledError:
            self._task.cancel()
            raise

    @property
    def usable(self) -> bool:
        """Whether new calls may go through it."""
        return self._client is not None and not self._over

    @property
    def modern(self) -> bool:
        """Whether the 2026 protocol is spoken."""
        return self._client is not None and self._client.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def protocol(self) -> str:
        """The protocol version, "" before there is one."""
        return self._client.protocol_version if self._client else ""

    @property
    def server(self) -> str:
        """What the server calls itself; its own words."""
        info = self._client.server_info if self._client else None
        return quoted(f"{info.name} {info.version}", 60) if info else ""

    def retire(self) -> None:
        """Let no new call through; it ends when those in flight are done."""
        self._over = True
        self._changed.set()

    async def close(self) -> None:
        """End it now."""
        self.retire()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def abandon(self) -> None:
        """Leave its command, where it has one, to be ended after this process."""
        if self._group is not None:
            left_to_end(self._group)

    def _on_start(self, group: int) -> None:
        self._group = group

    async def call(self, question: CallQuestion) -> Answer:
        """Send one call and give its answer. Raises Mishappened; cancelling it cancels it there too."""
        client = self._client
        if client is None:
            raise CallFailed(Failure(FailureKind.UNREACHABLE, "the connection is closed"))
        self.calls += 1
        asker = asking.get()
        if asker is not None:
            self._askers.append(asker)
        try:
            return await self._asked(client, question)
        finally:
            if asker is not None:
                self._askers.remove(asker)
            self.calls -= 1
            self.used = asyncio.get_running_loop().time()
            self._changed.set()

    async def _asked(self, client: Client, question: CallQuestion) -> Answer:
        params = types.CallToolRequestParams(
            name=question.tool,
            arguments=question.arguments,
            input_responses=question.answers,
            request_state=question.state,
        )
        for again in (True, False):
            try:
                return await client.session.send_request(
                    types.CallToolRequest(params=params), _answers(), progress_callback=question.on_progress
                )
            except MCPError as error:
                if error.code == types.HEADER_MISMATCH and again:
                    await (
                        self.refresh()
                    )  # its schema changed since we listed it: the specification says list and resend
                    continue
                raise CallFailed(self._mishap_of(error)) from error
            except ValidationError as error:
                raise CallFailed(Failure(FailureKind.GARBAGE, "its answer is no valid result of a tool")) from error
        raise AssertionError("the second round returns or raises")

    async def refresh(self) -> None:
        """List the tools anew. Raises Mishappened."""
        assert self._client is not None
        async with self._refreshing:
            try:
                self.tools = await all_tools(self._client)
            except MCPError as error:
                raise CallFailed(self._mishap_of(error)) from error
            except ValidationError as error:
                raise CallFailed(Failure(FailureKind.GARBAGE, "its list of tools is not valid")) from error
        self.on_tools(self.tools)

    def _mishap_of(self, error: MCPError) -> Failure:
        told = self._http.mishap_in(error.code, error.data) if self._http is not None else None
        if told is not None:
            return told
        if error.code == types.CONNECTION_CLOSED and "byte limit" in error.message:  # the SDK's, of one event
            return Failure(FailureKind.TOO_LARGE, "the answer is over 8 MiB and was dropped")
        if error.code == types.CONNECTION_CLOSED:
            return self.mishap or Failure(FailureKind.BROKEN, f"the connection broke: {quoted(error.message, 100)}")
        if error.code == types.REQUEST_TIMEOUT:
            return Failure(FailureKind.SILENT, "no answer came within the time")
        if error.code == types.PARSE_ERROR:
            return Failure(FailureKind.GARBAGE, "its answer is no JSON-RPC message")
        if error.code == types.INVALID_REQUEST and (elsewhere := _elsewhere(error.message)):
            return Failure(FailureKind.NOT_MCP, elsewhere)
        if error.code == types.URL_ELICITATION_REQUIRED:
            return Failure(
                FailureKind.REJECTED, f"it wants the user to open an address first: {_addresses(error.data)}"
            )
        trouble = FailureKind.REJECTED if error.code in _NOT_DONE else FailureKind.FAILED
        return Failure(trouble, f"it answered with the error {error.code}: {cited(error.message)}")

    async def _run(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                client = await self._connected(stack)
                self.tools = await all_tools(client)
                self._client = client
                self.on_tools(self.tools)
                self._ready.set_result(None)
                await self._until_over(client)
        except asyncio.CancelledError:
            self._failed(Failure(FailureKind.BROKEN, "the connection was closed"))
            raise
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever the SDK lets out of its task groups
            self._failed(self._mishap_of_any(error))
        finally:
            self._client = None
            self.retire()
            self.on_over(self)

    def _mishap_of_any(self, error: BaseException) -> Failure:
        error = _innermost(error)
        if isinstance(error, CallFailed):
            return error.mishap
        if self.mishap is not None:
            return self.mishap
        if isinstance(error, MCPError):
            return self._mishap_of(error)
        if isinstance(error, ValidationError):
            return Failure(FailureKind.GARBAGE, "it answered with what is no valid MCP message")
        logger.info("the connection to %s ended", self.config.name, exc_info=error)
        return Failure(FailureKind.BROKEN, f"the connection ended: {quoted(f'{type(error).__name__} {error}', 120)}")

    def _failed(self, mishap: Failure) -> None:
        self.mishap = self.mishap or mishap
        if not self._ready.done():
            self._ready.set_exception(CallFailed(self.mishap))
            self._ready.exception()  # nobody may wait for it any more

    def _on_mishap(self, mishap: Failure) -> None:
        """Hear from the transport; what ends the connection retires the link."""
        if self._client is None or mishap.trouble in {
            FailureKind.UNREACHABLE,
            FailureKind.SESSION_LOST,
            FailureKind.BROKEN,
        }:
            self.mishap = mishap
        if self.config.transport != "http" or mishap.trouble in {FailureKind.UNREACHABLE, FailureKind.SESSION_LOST}:
            self.mishap = mishap
            self.retire()
            if self.config.transport != "http" and self._task is not None:
                self._task.cancel()  # its stream is gone, and with it every answer

    async def _connected(self, stack: AsyncExitStack) -> Client:
        transport = await stack.enter_async_context(self._transport())
        sifted: list[FilteredStream] = []
        client = await stack.enter_async_context(
            Client(
                sifting(transport, sifted),
                mode=_MODES[self.config.protocol],
                message_handler=self._hear,
                elicitation_callback=self._elicit,
                client_info=types.Implementation(name="stepwarden", version=__version__),
                cache=None,
            )
        )
        sifted[0].version = client.protocol_version
        return client

    @asynccontextmanager
    async def _transport(self) -> AsyncGenerator[Any]:
        if self.config.transport == "stdio":
            yield stdio_streams(self.config, self._on_mishap, self._on_start)
            return
        assert self.config.url is not None
        self._http = new_client(self.config, self.auth, self._on_mishap)
        if self.config.transport == "sse":
            from mcp.client.sse import sse_client

            # The SDK opens and closes the client that its factory gives; each connection has its own.
            yield sse_client(self.config.url, sse_read_timeout=300.0, httpx_client_factory=_Given(self._http))
            return
        async with self._http:
            from mcp.client.streamable_http import streamable_http_client

            from stepwarden.upstream.transport.http import ANSWER_BYTES

            yield streamable_http_client(self.config.url, http_client=self._http, max_sse_event_size=ANSWER_BYTES)

    async def _until_over(self, client: Client) -> None:
        listening = asyncio.create_task(self._listen(client))
        try:
            while not (self._over and self.calls == 0):
                self._changed.clear()
                left_s = self.config.idle_s - (asyncio.get_running_loop().time() - self.used)
                if self.calls == 0 and left_s <= 0:
                    self.retire()
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(left_s if self.calls == 0 else None):
                        await self._changed.wait()
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _listen(self, client: Client) -> None:
        """Hear of changes of the list of tools, where the server tells them (2026 era; before, see `_hear`)."""
        tools = client.server_capabilities.tools
        if not self.modern or tools is None or not tools.list_changed:
            return
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        await self.refresh()
            except (SubscriptionLost, MCPError, CallFailed) as error:
                logger.info("the stream of changes of %s ended: %s", self.config.name, error)
                if isinstance(error, SubscriptionLost):
                    self.mishap = Failure(FailureKind.BROKEN, "the connection broke")
                    self.retire()
                    return
            await asyncio.sleep(RELISTEN_S)

    async def _hear(self, message: types.ServerNotification | Exception) -> None:
        changed = isinstance(message, types.ToolListChangedNotification) and not self.modern
        if changed and self._client is not None and not self._refreshing.locked():  # one at a time, however many come
            with suppress(CallFailed):
                await self.refresh()

    async def _elicit(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        """Put a question of a 2025-era server to the person behind the call it belongs to, if one can be told."""
        asker = asking.get()
        if asker is None and self.calls == 1 and len(self._askers) == 1:
            asker = self._askers[0]  # over pipes nothing says which call a question belongs to
        return _NOBODY if asker is None else await asker(params)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


@dataclass(frozen=True)
class _Given:
    """A factory of HTTP clients that gives the one there is."""

    client: DiagnosticClient

    def __call__(
        self,
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return self.client


@cache
def _answers() -> TypeAdapter[Answer]:
    return TypeAdapter(types.CallToolResult | types.InputRequiredResult)


def _elsewhere(said: str) -> str:
    """Return what to know where the SDK found that another address or transport is meant, "" where it did not."""
    if said == "server answered a request with 202 Accepted":
        return "it answers as a server of the older transport"
    away = _REDIRECT.match(said)
    return f"it sends us on to {quoted(away[1])}, which is not followed" if away else ""


def _addresses(data: object) -> str:
    try:
        urls = [item.url for item in types.ElicitationRequiredErrorData.model_validate(data).elicitations]
    except ValidationError:
        urls = []
    return ", ".join(quoted(url, 300) for url in urls[:3]) or "it names none"
