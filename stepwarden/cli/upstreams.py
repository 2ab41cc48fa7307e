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
    from stepwarden.upstream.servers import CallCheck, Upstreams, UpstreamServer

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

    async def look(found: "Upstreams") -> "list[CallCheck]":
        servers = found.servers() if name is None else [found.server(name)]
        return await asyncio.gather(*(found.check(server) for server in servers))

    checks = _with_upstreams(look)
    for one in checks:
        typer.echo(plain(one.told))
    raise typer.Exit(1 if any(one.problem for one in checks) else 0)


@upstreams.command()
def accept(
    tool: Annotated[str, typer.Argument(metavar="UPSTREAM/TOOL", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show how a tool changed since it was trusted, and trust it as it is now."""

    async def look(found: "Upstreams") -> None:
        upstream, slash, own_name = tool.partition("/")
        registry = found.server(upstream).registry
        if not slash:
            raise UnknownUpstream(f"Send the tool with its upstream before it, such as {upstream}/NAME.")
        listed = registry.tools.get(own_name)
        if listed is None:
            raise UnknownUpstream(f"{upstream} has listed no tool {own_name!r}; run `stepwarden upstreams check`.")
        changes = registry.drift(own_name)
        if not changes:
            typer.echo(f"{tool} is trusted as it is.", err=True)
            return
        for change in changes:
            typer.echo(plain(change.line))
        if yes or typer.confirm("Trust it as it is now?"):
            registry.accept(own_name, listed.fingerprint)
            typer.echo(f"{tool} is trusted as it is now.", err=True)
        else:
            raise typer.Exit(1)

    _with_upstreams(look)


def _row(server: "UpstreamServer") -> tuple[str, ...]:
    registry, config = server.registry, server.config
    at = registry.listed_at
    listed = "never" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    unusable = ", ".join(item.name for item in registry.skipped)
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
