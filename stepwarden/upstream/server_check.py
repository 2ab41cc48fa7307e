"""Checks whether the tools of an upstream can be called now: connection, sign-in, limits, tools."""

from dataclasses import dataclass

from stepwarden.errors import StepwardenError
from stepwarden.upstream.catalogue.tool import list_unusable
from stepwarden.upstream.failures import CallFailed
from stepwarden.upstream.servers import UpstreamServer

SHOWN_BARRED = 5


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """What was found, in one line; `usable` says whether calls can be made."""

    upstream: str
    usable: bool
    line: str


async def check_server(server: UpstreamServer, wait_s: float | None = None) -> ServerCheck:
    """Connect to an upstream, list its tools again and return what prevents calls; `wait_s` as `connect` has it."""
    name, caller, registry = server.name, server.caller, server.registry
    try:
        session = await server.connect(wait_s)
        await session.requests.list_tools()
    except StepwardenError as error:
        return ServerCheck(name, usable=False, line=str(error))
    except CallFailed as error:
        return ServerCheck(name, usable=False, line=f"{name}: {error}")
    obstacle = ""
    if caller.limited_s:
        obstacle = f"{name} limits how often it is asked, for {caller.limited_s:.0f} s more."
    elif caller.breakers.server.waits_s:
        obstacle = f"{name} failed repeatedly; the next call goes in {caller.breakers.server.waits_s:.0f} s."
    elif missing := ", ".join(await server.auth.missing_scopes()):
        obstacle = f"{name}: signed in without {missing}; sign in again and consent: stepwarden login {name}"
    elif not registry.tools:
        obstacle = f"{name} offers no tool that the settings allow."
    if obstacle:
        return ServerCheck(name, usable=False, line=obstacle)
    barred = ", ".join(registry.barred[:SHOWN_BARRED])
    changed = f" Changed and barred until your user accepts them: {barred}." if barred else ""
    unusable = list_unusable(registry.unusable)
    left_out = f" Cannot be used: {unusable}." if unusable else ""
    protocol = session.identity.protocol if session.identity is not None else ""
    ready = f"{name}: ready, {len(registry.tools)} tools, MCP {protocol}.{changed}{left_out}"
    return ServerCheck(name, usable=True, line=ready)
