"""`stepwarden upstreams`: how upstream servers stand, and trusting a tool that changed, for whom no host asks."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.output import plain, show_table
from stepwarden.errors import UnknownUpstream
from stepwarden.settings import load_settings, variables

if TYPE_CHECKING:
    from stepwarden.upstream.server_check import ServerCheck
    from stepwarden.upstream.servers import Upstreams, UpstreamServer

upstreams = typer.Typer(help="List and check upstream servers, and trust a tool that changed.", no_args_is_help=True)

_Answer = TypeVar("_Answer")


@upstreams.command("list")
def list_upstreams() -> None:
    """List the upstream servers and what is known of their tools; none of them is connected to."""

    async def look(found: "Upstreams") -> "list[UpstreamServer]":
        return found.servers()

    columns = ("upstream", "where", "tools", "listed", "changed and barred", "unusable")
    show_table(columns, [_row(server) for server in _with_upstreams(look)])


@upstreams.command()
def check(name: Annotated[str | None, typer.Argument(help="This one alone.", show_default=False)] = None) -> None:
    """Connect to the upstream servers and say of each whether its tools can be called; exit 1 if one's cannot."""

    from stepwarden.upstream.server_check import check_server

    async def look(found: "Upstreams") -> "list[ServerCheck]":
        # A first start may take its time, and would end with this command.
        return await asyncio.gather(*(check_server(one, one.config.opening_limit[0]) for one in found.servers(name)))

    checks = _with_upstreams(look)
    for one in checks:
        typer.echo(plain(one.line))
    raise typer.Exit(0 if all(one.usable for one in checks) else 1)


@upstreams.command()
def accept(
    tool: Annotated[str, typer.Argument(metavar="UPSTREAM/TOOL", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show how a tool changed since it was trusted, and trust it as it is now."""
    from stepwarden.cli.terminal_approval import TerminalApprover
    from stepwarden.upstream.tool_trust import accept_tool

    async def look(found: "Upstreams") -> None:
        upstream, slash, own_name = tool.partition("/")
        server = found.server(upstream)
        if not slash:
            raise UnknownUpstream(f"Send the tool with its upstream before it, such as {upstream}/NAME.")
        if own_name not in server.registry.tools:
            raise UnknownUpstream(f"{upstream} has listed no tool {own_name!r}; run `stepwarden upstreams check`.")
        accepted = await accept_tool(server, own_name, TerminalApprover(ask=not yes))
        typer.echo(f"{tool} is trusted as it is{' now' if accepted else ''}.", err=True)

    _with_upstreams(look)


@upstreams.command()
def marks(
    clean: Annotated[bool, typer.Option("--clean", help="Take them out there.")] = False,
    name: Annotated[str | None, typer.Option("--upstream", help="Of this one alone.", show_default=False)] = None,
) -> None:
    """List the marks that writes left in what they made, and take them out; exit 1 where one could not be."""
    from stepwarden.storage import Store
    from stepwarden.upstream.calls.records import SessionRecorder
    from stepwarden.upstream.doubts.left_marks import clean_mark, left_marks

    async def look(found: "Upstreams") -> bool:
        store, whole = Store(load_settings().store_url), True
        try:
            for mark in [one for one in await left_marks(store) if name in {None, one.upstream}]:
                told = await clean_mark(found, SessionRecorder(store), mark) if clean else None
                whole = whole and (told is None or told.is_gone)
                typer.echo(plain(f"{mark.line}{'' if told is None else f': {told.words}'}"))
        finally:
            await store.close()
        return whole

    raise typer.Exit(0 if _with_upstreams(look) else 1)


def _row(server: "UpstreamServer") -> tuple[str, ...]:
    registry, config = server.registry, server.config
    at = registry.listed_at
    listed = "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    unusable = ", ".join(item.name for item in registry.unusable)
    return config.name, config.place, str(len(registry.tools)), listed, ", ".join(registry.barred), unusable


def _with_upstreams(work: "Callable[[Upstreams], Awaitable[_Answer]]") -> _Answer:
    from stepwarden.runtime import open_upstreams
    from stepwarden.upstream.config_file import load_upstreams

    settings = load_settings()
    configs = load_upstreams(settings.upstreams_file, variables())
    if not configs:
        raise UnknownUpstream(f"There are no upstreams: {settings.upstreams_file} names none.")

    async def opened() -> _Answer:
        found = open_upstreams(settings, configs, None)
        try:
            return await work(found)
        finally:
            await found.close()

    return asyncio.run(opened())
