"""One open connection to an upstream: its life from the first message until it is retired, broken or left idle."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import httpx2
import mcp_types as types
from mcp.client import Client
from mcp_types.version import LATEST_MODERN_VERSION

from stepwarden import __version__
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failures import CallFailed, Failure, FailureKind, cited, quoted
from stepwarden.upstream.transport.activity import SessionActivity
from stepwarden.upstream.transport.channel import Channel
from stepwarden.upstream.transport.question_router import QuestionRouter
from stepwarden.upstream.transport.tool_list_filter import FilteredStream, filtered
from stepwarden.upstream.transport.tool_list_watch import ToolListWatch
from stepwarden.upstream.transport.tool_requests import OnTools, ToolRequests

_MODES = {"auto": "auto", "legacy": "legacy", "modern": LATEST_MODERN_VERSION}
_LOST = frozenset({FailureKind.UNREACHABLE, FailureKind.SESSION_LOST})


@dataclass(frozen=True, slots=True)
class SessionIdentity:
    """What an open connection is: the protocol version, and what the server calls itself, in its own words."""

    protocol: str
    server: str


@dataclass(eq=False)
class UpstreamSession:
    """One connection. `on_tools` hears of every list of tools, `on_over` of its end; `failure` says why it ended.

    `open` returns once `requests` can be sent, and the task ends when the connection does. Calls in flight are let
    finish after it was retired: only new ones go elsewhere.
    """

    config: UpstreamConfig
    auth: httpx2.Auth | None
    on_tools: OnTools
    on_over: Callable[["UpstreamSession"], None]
    identity: SessionIdentity | None = None
    failure: Failure | None = None
    activity: SessionActivity = field(default_factory=SessionActivity)
    requests: ToolRequests = field(init=False)
    _channel: Channel = field(init=False)
    _ready: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self._channel = Channel(self.config, self.auth, self._on_failure)
        self.requests = ToolRequests(
            self.activity,
            QuestionRouter(),
            lambda error: self._channel.failure_of(error, self.failure, modern=self.requests.modern),
            self.on_tools,
        )

    async def open(self) -> None:
        """Connect and list the tools. Raises CallFailed."""
        self._task = asyncio.create_task(self._run(), name=f"upstream {self.config.name}")
        limit_s, setting = self.config.opening_limit
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.shield(self._ready)
        except TimeoutError:
            said = f"; its last line: {cited(self.last_line)}" if self.last_line else ""
            words = f"it did not answer within {limit_s:g} s ({setting}){said}"
            self.failure = self.failure or Failure(FailureKind.UNREACHABLE, words)
            self._task.cancel()  # which may take its time: nobody waits for it
            raise CallFailed(self.failure) from None
        except asyncio.CancelledError:
            self._task.cancel()
            raise

    @property
    def last_line(self) -> str:
        """What a command said last on stderr, on one line; "" where it said nothing."""
        return self._channel.last_line

    @property
    def usable(self) -> bool:
        """Whether new calls may go through it."""
        return self.requests.client is not None and not self.activity.retired

    async def close(self) -> None:
        """End it now."""
        self.activity.retire()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def abandon(self) -> None:
        """Leave its command, where it has one, to be ended after this process."""
        self._channel.abandon()

    async def _run(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                watch = ToolListWatch(self.requests)
                client = await self._connected(stack, watch)
                info = client.server_info
                server = quoted(self.config.without_secrets(f"{info.name} {info.version}"), 60) if info else ""
                self.identity = SessionIdentity(client.protocol_version, server)
                self.requests.client = client
                await self.requests.list_tools()
                self._ready.set_result(None)
                await self._until_over(client, watch)
        except asyncio.CancelledError:
            self._fail(Failure(FailureKind.BROKEN, "the connection was closed"))
            raise
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever the SDK lets out of its task groups
            self._fail(self._channel.failure_of_end(error, self.failure))
        finally:
            self.requests.client = None
            self.activity.retire()
            self.on_over(self)

    async def _connected(self, stack: AsyncExitStack, watch: ToolListWatch) -> Client:
        channel = await stack.enter_async_context(self._channel.open())
        streams: list[FilteredStream] = []
        client = await stack.enter_async_context(
            Client(
                filtered(channel, streams),
                mode=_MODES[self.config.protocol],
                message_handler=watch.hear,
                elicitation_callback=self.requests.questions.answer,
                client_info=types.Implementation(name="stepwarden", version=__version__),
                cache=None,
            )
        )
        streams[0].version = client.protocol_version
        return client

    async def _until_over(self, client: Client, watch: ToolListWatch) -> None:
        async def follow() -> None:
            await watch.follow(client)
            self.failure = Failure(FailureKind.BROKEN, "the connection broke")
            self.activity.retire()

        following = asyncio.create_task(follow())
        try:
            await self.activity.until_over(self.config.idle_s)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    def _fail(self, failure: Failure) -> None:
        self.failure = self.failure or failure
        if not self._ready.done():
            self._ready.set_exception(CallFailed(self.failure))
            self._ready.exception()  # nobody may wait for it any more

    def _on_failure(self, failure: Failure) -> None:
        """Hear of a failure below the protocol; one that ends the connection retires it."""
        pipes_or_sse = self.config.transport != "http"
        if not self._ready.done() or pipes_or_sse or failure.kind in {*_LOST, FailureKind.BROKEN}:
            self.failure = failure
        if pipes_or_sse or failure.kind in _LOST:
            self.activity.retire()
        if pipes_or_sse and self._task is not None:
            self._task.cancel()  # its stream is gone, and with it every answer
