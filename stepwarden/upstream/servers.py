"""All upstream servers of a process: what tools and commands use of them."""

import asyncio
import difflib
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
from mcp.shared.dispatcher import ProgressFnT

from stepwarden.errors import (
    SignInFailed,
    SignInNeeded,
    StepwardenError,
    StoreError,
    UnknownUpstream,
    UpstreamDown,
    UpstreamRefused,
)
from stepwarden.upstream.calls.confirmations import Confirmations
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.pending_elicitations import PendingCalls
from stepwarden.upstream.calls.records import SUMMARY_CHARS, CallRecord, Outcome, Recorder, new_id
from stepwarden.upstream.calls.results import ResultPages, text_of
from stepwarden.upstream.catalogue.registry import Registry
from stepwarden.upstream.catalogue.schemas import ARGUMENT_BYTES, misfits, unpacked
from stepwarden.upstream.catalogue.tool import UpstreamTool, canonical, digest_of, told_skipped, wire_of
from stepwarden.upstream.catalogue.tool_search import SearchEntry, found
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.connection import Connection, ConnectionState
from stepwarden.upstream.failures import CallFailed, quoted
from stepwarden.upstream.tool_call import CallAnswer, ToolCaller
from stepwarden.upstream.transport.session import Answer, CallQuestion

AuthOf = Callable[[UpstreamConfig], httpx2.Auth | None]


@dataclass
class UpstreamServer:
    """One upstream: its way in, its tools, and how it is signed in to."""

    config: UpstreamConfig
    line: ToolCaller
    registry: Registry


@dataclass(frozen=True)
class PreparedCall:
    """A call that may be made: its arguments are valid. `about` is the digest of just this call."""

    server: UpstreamServer
    tool: UpstreamTool
    arguments: dict[str, Any]
    about: str
    needs_approval: bool

    @property
    def name(self) -> str:
        """How the tool is called here."""
        return f"{self.server.config.name}/{self.tool.name}"


@dataclass(frozen=True, slots=True)
class CallCheck:
    """What a look before a call found: `problem` is empty where it may be made."""

    upstream: str
    problem: str
    told: str


@dataclass
class Upstreams:
    """Every configured upstream. `directory` keeps the lists of tools, None keeps none; `auth_of` signs in.

    `lacking` says in one line what a sign-in does not allow that the configuration wants, "" where it lacks nothing.
    """

    configs: Sequence[UpstreamConfig]
    directory: Path | None
    auth_of: AuthOf
    on_tools: Callable[[], None] = lambda: None
    lacking: Callable[[UpstreamConfig], str] = lambda _: ""
    pages: ResultPages = field(default_factory=ResultPages)
    confirmations: Confirmations = field(default_factory=Confirmations)
    waiting: PendingCalls = field(default_factory=PendingCalls)
    _servers: dict[str, UpstreamServer] = field(default_factory=dict[str, UpstreamServer])
    _auths: dict[str, httpx2.Auth | None] = field(default_factory=dict[str, "httpx2.Auth | None"])

    def __post_init__(self) -> None:
        for config in self.configs:
            path = None if self.directory is None else self.directory / f"{config.name}.json"
            registry = Registry(config, path)
            registry.load()
            connection = Connection(config, lambda config=config: self._auth(config), self._hearer(registry))
            self._servers[config.name] = UpstreamServer(config, ToolCaller(config, connection), registry)

    def servers(self) -> list[UpstreamServer]:
        """Return all of them, in the order of the file."""
        return list(self._servers.values())

    def server(self, name: str) -> UpstreamServer:
        """Return one by name. Raises UnknownUpstream."""
        if name not in self._servers:
            near = difflib.get_close_matches(name, self._servers, n=1)
            meant = f"; did you mean {near[0]}?" if near else "."
            raise UnknownUpstream(f"No upstream {quoted(name, 40)!r}{meant} There are: {', '.join(self._servers)}.")
        return self._servers[name]

    def standing(self, server: UpstreamServer) -> ConnectionState:
        """Return how one stands, without asking it."""
        return server.line.connection.standing

    async def list_all(self, upstream: str | None = None, *, timeout_s: float) -> dict[str, StepwardenError]:
        """Connect to those whose tools were never listed, all at once; give what was wrong, by name."""
        unlisted = [server for server in self._meant(upstream) if server.registry.listed_at is None]
        troubles = await asyncio.gather(*(self._listed(server, timeout_s) for server in unlisted))
        found = zip((server.config.name for server in unlisted), troubles, strict=True)
        return {name: trouble for name, trouble in found if trouble is not None}

    async def search(self, query: str, *, upstream: str | None = None, most: int = 8) -> list[SearchEntry]:
        """Return the tools that fit the words best, those of one upstream or of all."""
        return found(query, self.entries(upstream), most)

    def entries(self, upstream: str | None = None) -> list[SearchEntry]:
        """Return every tool that the settings allow."""
        return [
            SearchEntry(server.config.name, tool, bool(server.registry.drift(name)))
            for server in self._meant(upstream)
            for name, tool in server.registry.tools.items()
        ]

    def _meant(self, upstream: str | None) -> Sequence[UpstreamServer]:
        return self.servers() if upstream is None else [self.server(upstream)]

    async def find(self, name: str) -> tuple[UpstreamServer, str]:
        """Return the server and the tool's own name for `upstream/tool`, connecting where its list is not known yet.

        Raises UnknownUpstream; of a tool's own name alone, where only one upstream has it, that one is meant.
        """
        upstream, slash, tool = name.partition("/")
        if not slash:
            owners = [server for server in self.servers() if name in server.registry.tools]
            if len(owners) == 1:
                return owners[0], name
            if found := self._joined(name):
                return found
            if len(self._servers) == 1 and name not in self._servers:
                upstream, tool = next(iter(self._servers)), name
            elif owners:
                meant = ", ".join(f"{server.config.name}/{name}" for server in owners)
                raise UnknownUpstream(f"Send the tool with its server before it: {meant}.")
            else:
                look = 'upstream(action="search", query="...")'
                raise UnknownUpstream(f"No server has a tool {quoted(name, 80)!r}. Look it up: {look}.")
        server = self.server(upstream)
        if tool not in server.registry.tools:
            await server.line.connection.link()  # it may be new there
        return server, tool

    def _joined(self, name: str) -> tuple[UpstreamServer, str] | None:
        """Return what a name means that has another sign than the slash between upstream and tool, or its prefix."""
        for server in self.servers():
            for before in (server.config.name, server.config.tool_prefix):
                separator, tool = name[len(before) : len(before) + 1], name[len(before) + 1 :]
                if name.startswith(before) and separator in ".:_" and tool in server.registry.tools:
                    return server, tool
        return None

    async def prepare(self, name: str, arguments: Mapping[str, Any]) -> PreparedCall:
        """Look everything over before a call. Raises UnknownUpstream and UpstreamRefused, one line for each mistake."""
        server, own_name = await self.find(name)
        registry = server.registry
        tool = registry.tool(own_name)
        try:
            size = len(canonical(arguments).encode(errors="surrogatepass"))
        except (RecursionError, ValueError):
            size = ARGUMENT_BYTES + 1
        if size > ARGUMENT_BYTES:
            raise UpstreamRefused(f"The arguments are over {ARGUMENT_BYTES >> 10} KiB or nested too deep; send less.")
        given = unpacked(tool.schema, arguments)
        if lines := misfits(registry.checker(own_name), given):
            raise UpstreamRefused("\n".join(lines))
        approve = server.config.approve
        asks = approve == "all" or (approve == "writes" and not tool.reads_only)
        about = digest_of({"tool": f"{server.config.name}/{own_name}", "is": tool.fingerprint, "arguments": given})
        return PreparedCall(server, tool, given, about, asks)

    async def call(
        self,
        prepared: PreparedCall,
        *,
        by: str,
        recorder: Recorder,
        approved: str = "",
        on_progress: ProgressFnT | None = None,
        answers: types.InputResponses | None = None,
        state: str | None = None,
    ) -> CallOutcome:
        """Make the call and record it; a write before it is sent, too.

        Raises UpstreamDown (not sent), UpstreamSilent (sent, nobody knows), UpstreamRefused, SignInNeeded, and
        StoreError where it could not be recorded: a write is not sent then.
        """
        tool, server = prepared.tool, prepared.server
        record = CallRecord(
            id=new_id("call"),
            phase="ended",
            upstream=server.config.name,
            tool=tool.name,
            kind=tool.kind,
            by=by,
            arguments=digest_of(prepared.arguments),
            approved=approved,
        )
        question = CallQuestion(tool.name, prepared.arguments, on_progress, answers, state)
        async with _timed(recorder, record) as note:
            if not tool.reads_only:
                await server.line.connection.link()  # nothing is intended where nothing can be sent
                await recorder.record(replace(record, phase="intended"))
            got = await server.line.call(question, repeatable=tool.repeatable)
            note.answered(got)
        misfit = self._misfit(server, tool.name, got.answer)
        return CallOutcome(got.answer, note.seconds, got.attempts, misfit)

    def _misfit(self, server: UpstreamServer, name: str, answer: Answer) -> str:
        """Return how a structured result does not fit what the tool said of it, "" where it does."""
        if not isinstance(answer, types.CallToolResult) or answer.is_error:
            return ""
        checker = server.registry.output_checker(name)
        if checker is None:
            return ""
        if answer.structured_content is None:
            return "it announces a structured result and gave none"
        lines = checker.misfits(answer.structured_content)
        return quoted(f"its structured result does not fit its own schema: {'; '.join(lines)}", 300) if lines else ""

    def accept(self, server: UpstreamServer, tool: str, fingerprint: str) -> None:
        """Trust a tool as it is listed now, if it is still the one with this fingerprint. Raises UpstreamRefused."""
        server.registry.accept(tool, fingerprint)
        self.on_tools()

    async def signed_in(self, name: str, timeout_s: float) -> bool:
        """Wait until the sign-in that a person was sent to is over; tell whether there are tokens then.

        Raises UnknownUpstream, and what ended the sign-in.
        """
        server = self.server(name)
        wait = getattr(self._auth(server.config), "signed_in", None)
        return wait is not None and await wait(timeout_s)

    async def check(self, server: UpstreamServer) -> CallCheck:
        """Look whether a call could be made now: connection, sign-in, limits, tools. One line."""
        name = server.config.name
        try:
            link = await server.line.connection.link()
            await link.refresh()
        except StepwardenError as error:
            return CallCheck(name, "cannot be used", str(error))
        except CallFailed as error:
            return CallCheck(name, "does not list its tools", f"{name}: {error}")
        if server.line.limited_s:
            return CallCheck(
                name, "limited", f"{name} limits how often it is asked, for {server.line.limited_s:.0f} s more."
            )
        if server.line.breaker.waits_s:
            return CallCheck(
                name,
                "left alone",
                f"{name} failed repeatedly; the next call goes in {server.line.breaker.waits_s:.0f} s.",
            )
        if lacking := await asyncio.to_thread(self.lacking, server.config):
            return CallCheck(name, "scopes", lacking)
        tools = server.registry.tools
        if not tools:
            return CallCheck(name, "no tools", f"{name} offers no tool that the settings allow.")
        barred = ", ".join(server.registry.barred[:5])
        changed = f" Changed and barred until your user accepts them: {barred}." if barred else ""
        skipped = told_skipped(server.registry.skipped)
        unusable = f" Cannot be used: {skipped}." if skipped else ""
        return CallCheck(name, "", f"{name}: ready, {len(tools)} tools, MCP {link.protocol}.{changed}{unusable}")

    async def close(self) -> None:
        """End every connection, and the calls that wait for an answer."""
        await self.waiting.close()
        await asyncio.gather(*(server.line.connection.close() for server in self.servers()))
        for auth in self._auths.values():
            close = getattr(auth, "close", None)
            if close is not None:
                await close()

    def abandon(self) -> None:
        """Leave commands that did not end in time to be ended after this process."""
        for server in self.servers():
            server.line.connection.abandon()

    def _auth(self, config: UpstreamConfig) -> httpx2.Auth | None:
        if config.name not in self._auths:
            self._auths[config.name] = self.auth_of(config)
        return self._auths[config.name]

    def _hearer(self, registry: Registry) -> Callable[[Sequence[types.Tool]], None]:
        def hear(listed: Sequence[types.Tool]) -> None:
            registry.update([wire_of(tool) for tool in listed])
            self.on_tools()

        return hear

    async def _listed(self, server: UpstreamServer, timeout_s: float) -> StepwardenError | None:
        try:
            async with asyncio.timeout(timeout_s):
                await server.line.connection.link()
        except TimeoutError:
            return UpstreamDown(f"{server.config.name} is still being connected to; search again in a moment.")
        except StepwardenError as error:
            return error
        return None


@dataclass
class _Note:
    outcome: Outcome = "unknown"
    summary: str = ""
    answer_bytes: int = 0
    attempts: int = 1
    seconds: float = 0.0
    recorded: bool = True  # False where the store could not take the intent: it will not take the end

    def answered(self, got: CallAnswer) -> None:
        self.attempts = got.attempts
        if not isinstance(got.answer, types.CallToolResult):
            self.outcome = "asked"
            return
        text, _ = text_of(got.answer)
        self.outcome = "error" if got.answer.is_error else "ok"
        self.summary = quoted(text, SUMMARY_CHARS)
        self.answer_bytes = len(text.encode(errors="replace"))


@asynccontextmanager
async def _timed(recorder: Recorder, record: CallRecord) -> AsyncGenerator[_Note]:
    """Record how a call ended, whichever way it did; also when it is cancelled."""
    note = _Note()
    began = time.monotonic()
    try:
        yield note
    except (UpstreamDown, SignInNeeded, SignInFailed) as error:
        note.outcome, note.summary = "not_sent", quoted(str(error), SUMMARY_CHARS)
        raise
    except StoreError:
        note.recorded = False
        raise
    except StepwardenError as error:
        refused = isinstance(error, UpstreamRefused)
        note.outcome, note.summary = "refused" if refused else "unknown", quoted(str(error), SUMMARY_CHARS)
        raise
    except asyncio.CancelledError:
        note.outcome = "cancelled"
        raise
    finally:
        note.seconds = time.monotonic() - began
        ended = replace(
            record,
            outcome=note.outcome,
            summary=note.summary,
            answer_bytes=note.answer_bytes,
            attempts=note.attempts,
            duration_ms=round(note.seconds * 1_000),
        )
        if note.recorded:  # in a task of its own: a call that is cancelled is recorded all the same
            await asyncio.shield(asyncio.ensure_future(recorder.record(ended)))
