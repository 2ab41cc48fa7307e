"""The server: `mcp` at module level, as `mcp dev server.py` and `mcp run server.py` want it.

Importing builds the server and opens nothing; `python server.py` is `stepwarden serve`.
"""

import sys

if __name__ == "__main__":  # before all else is imported: the command imports this file under its name
    from stepwarden.cli import main

    sys.exit(main(["serve", *sys.argv[1:]]))

from collections.abc import Callable
from functools import partial
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool

import prompts
from stepwarden import __version__
from stepwarden.logs import configure_logging, our_logging_alone
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import Settings, load_settings
from tools.catalogue import OTHERS, WORKFLOWS, Parts, chosen
from tools.resources import add_resources, add_run_resources, latest_listed
from tools.shared.edge import echo_tool_name, identify
from tools.shared.tasks import TaskKeeper, TasksExtension
from tools.slash_commands import command, known_commands
from tools.status import ServerFacts
from tools.workflow.workflow import workflow_tool

LISTS_LIVE_MS = 300_000  # how long a host may keep the lists: they change with a new version only
EXPOSED_LIVE_MS = 30_000  # the same of the tools, where some are of upstreams


def build_server(settings: Settings | None = None, runtime: Runtime | None = None, **options: Any) -> MCPServer:
    """Build the MCP server of a process; `options` go to `MCPServer` (authentication of the HTTP server).

    Raises SettingsError where a setting has no usable value.
    """
    settings = settings or load_settings()
    runtime = runtime or build_runtime(settings)
    names = chosen(settings.tools)
    configure_logging(settings.log_level)

    async def warm_after_lists(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method == "tools/list":
            runtime.warm_soon()
        return result

    workflows = [workflow for workflow in WORKFLOWS if workflow.name in names]
    tools: list[Tool] = [workflow_tool(workflow, runtime.threads) for workflow in workflows]
    facts = ServerFacts(__version__, lambda local: runtime.configuration(names, local=local))
    parts = Parts(runtime.queries, runtime.models, runtime.chats, runtime.runs, facts)
    tools += [make(parts) for name, make in OTHERS if name in names]
    if runtime.upstreams is not None:
        from tools.upstream.tool import upstream_tool

        tools.append(upstream_tool(runtime.upstreams))
    extensions = [TasksExtension(partial(_run_tasks, runtime))] if {"execute", "run"} & set(names) else []
    hint = CacheHint(ttl_ms=LISTS_LIVE_MS, scope="public")
    exposes = runtime.upstreams is not None and runtime.upstreams.exposes
    tools_hint = CacheHint(ttl_ms=EXPOSED_LIVE_MS, scope="public") if exposes else hint
    with our_logging_alone():
        server = _kind_of(runtime)(
            "stepwarden",
            title="Stepwarden",
            version=__version__,
            instructions=prompts.instructions(),
            tools=tools,
            extensions=extensions,
            log_level=settings.log_level,
            middleware=[
                identify,
                echo_tool_name,
                warm_after_lists,
                known_commands([workflow.name for workflow in workflows]),
                latest_listed(runtime.queries),
            ],
            cache_hints={
                "tools/list": tools_hint,
                "prompts/list": hint,
                "resources/templates/list": hint,
                "resources/list": CacheHint(ttl_ms=0, scope="private"),  # of each caller its own threads
            },
            **options,
        )
    for workflow in workflows:
        server.add_prompt(command(workflow))
    add_resources(server, runtime.queries)
    add_run_resources(server, runtime.runs)
    if runtime.upstreams is not None:
        from tools.upstream.tool import add_upstream_resources

        add_upstream_resources(server, runtime.upstreams)
    return server


def _run_tasks(runtime: Runtime) -> TaskKeeper:
    from tools.shared.run_tasks import RunTasks

    return RunTasks(runtime.runs.open())


def _kind_of(runtime: Runtime) -> Callable[..., MCPServer]:
    """Return the class of the server: one that shows tools of upstreams too, where some are to be shown."""
    if runtime.upstreams is None or not runtime.upstreams.exposes:
        return MCPServer
    from tools.upstream.exposed import ExposingServer

    return partial(ExposingServer, deferred=runtime.upstreams)


runtime = build_runtime(load_settings())
mcp = build_server(runtime.settings, runtime)
