"""A server with the tools that the conformance suite's scenarios of tasks call: each starts a run by `execute`.

Everything about tasks is the product's own. The runs answer from a script: what a request says is what it comes to.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer, require_client_extension
from mcp.types import CallToolResult, ElicitRequestFormParams, ElicitResult, InputRequiredResult

from providers.models import build_models
from providers.scripted import Script, ScriptedCall, ScriptedReply, ScriptedRequest
from server import build_server
from stepwarden.http.access import access
from stepwarden.http.app import build_app
from stepwarden.http.server import bind, serve
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import load_settings
from stepwarden.storage import Append, HeadChange, NewEvent, kinds
from stepwarden.upstream.calls.records import new_id
from tools.shared.elicitation import put
from tools.shared.tasks import TASKS

NOTES_SERVER = Path(__file__).parent.parent / "agents" / "notes_server.py"
REQUIRED = "failing_job"
CLEAR, ADD = ScriptedCall(name="notes/clear_notes"), ScriptedCall(name="notes/add_note", arguments={"text": "one"})


def answer(asked: ScriptedRequest) -> ScriptedReply:
    """Return what a request says: how long its answer takes, its text, and which calls come before it."""
    messages = asked.body["messages"]
    said = json.loads(next(text for role, text in messages if role == "user"))
    if said["calls"] and not any(role == "tool" for role, _ in messages):
        return ScriptedReply(calls=tuple(ScriptedCall(**call) for call in said["calls"]))
    return ScriptedReply(text=said["text"], latency_s=said["seconds"], status=said["status"])


class Fixtures:
    """The tools of the scenarios."""

    def __init__(self, server: MCPServer, runtime: Runtime) -> None:
        self.server, self.runtime = server, runtime
        for tool in (
            self.greet,
            self.slow_compute,
            self.failing_job,
            self.protocol_error_job,
            self.confirm_delete,
            self.multi_input,
            self.test_tool_with_task,
        ):
            server.add_tool(tool)

    async def greet(self, name: str) -> str:
        return f"Hello, {name}!"

    async def slow_compute(self, ctx: Context, seconds: float, label: str = "") -> CallToolResult:
        return await self.execute(ctx, f"{label} done", seconds)

    async def failing_job(self, ctx: Context) -> CallToolResult:
        return await self.execute(ctx, "no such key", 1, status=401)

    async def protocol_error_job(self, ctx: Context) -> CallToolResult:
        """Start a run that a newer version then writes to."""
        result = await self.execute(ctx, "never", 60)
        journal = self.runtime.runs.open().journal
        assert result.structured_content is not None
        loaded = await journal.load(result.structured_content["run_id"], None)
        head = HeadChange("run", loaded.principal, loaded.run.request, "running", 0, 0, None, None, False, kinds.RUN)
        event = NewEvent("of_tomorrow", "{}")
        await journal.store.append(Append(loaded.run.id, loaded.run.version, [event], head, {}, loaded.hash))
        return result

    async def confirm_delete(self, ctx: Context, filename: str) -> CallToolResult:
        return await self.execute(ctx, f"{filename} is dealt with", calls=[CLEAR])

    async def multi_input(self, ctx: Context) -> CallToolResult:
        return await self.execute(ctx, "both are dealt with", calls=[CLEAR, ADD])

    async def test_tool_with_task(self, ctx: Context) -> CallToolResult | InputRequiredResult:
        form = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        asked = ElicitRequestFormParams(message="What is your name?", requested_schema=form)
        said = await put(ctx, "user_name", asked, state="asked")
        if not isinstance(said, ElicitResult):
            assert said is not None
            return said
        return await self.execute(ctx, f"Hello, {(said.content or {})['name']}", 1)

    async def execute(
        self, ctx: Context, text: str, seconds: float = 0, *, status: int = 200, calls: list[ScriptedCall] | None = None
    ) -> CallToolResult:
        said: dict[str, Any] = {"text": text, "seconds": seconds, "status": status, "id": new_id("request")}
        said["calls"] = [call.model_dump() for call in calls or []]
        tools = [call.name for call in calls or []] or ["calculate"]
        result = await self.server.call_tool(
            "execute", {"mode": "agent", "request": json.dumps(said), "tools": tools}, ctx
        )
        assert isinstance(result, CallToolResult)
        return result


async def require_tasks(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Refuse the one tool that is declared to be a task always, where the client has none."""
    if ctx.method == "tools/call" and (ctx.params or {}).get("name") == REQUIRED:
        require_client_extension(ctx, TASKS)
    return await call_next(ctx)


def main(home: Path) -> None:
    """Serve on a free port of this machine until a signal comes."""
    book = home / "notes.txt"
    entry = {"command": sys.executable, "args": [str(NOTES_SERVER), str(book)]}
    (home / "upstreams.json").write_text(json.dumps({"upstreams": {"notes": entry}}))
    settings = load_settings(home=home, port=0)
    runtime = build_runtime(settings, build_models(settings, Script(answer)))
    server = build_server(settings, runtime)
    server.middleware.append(require_tasks)
    Fixtures(server, runtime)
    app = build_app(server, runtime, access(settings))
    asyncio.run(serve(app, settings, bind(settings.host, settings.port)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
