"""What runs cost and hold, in figures: ratios within one run of this program, with the load of the machine.

    uv run python -m bench.runs [step] [calls] [many] [stored]

`many` needs PostgreSQL for the part of DBOS alone (`.ci/postgres start DIR` prints its address; set it as
STEPWARDEN_TEST_POSTGRES); without one that part is left out. How soon a killed process's run goes on, and what an idle
process costs, is in `bench/engine.py`; a cold start in `bench/figures.py cold`.

The model is a server of this machine that answers at once, asked through the `openai` SDK; a step is one question, one
call of a tool of ours, and all that is recorded of both.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI  # noqa: TID253 - a bench waits for it

from providers.models import build_models
from providers.scripted import Script, ScriptedCall, ScriptedReply
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.runs import Runs
from stepwarden.runs.limits import DEFAULT_LIMITS
from stepwarden.runs.run import Run
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import LOCAL

BLOCK = 100  # steps driven, then as many bare calls
BLOCKS = (1, 2, 5, 10, 20)  # after which a figure is given
APPENDS = 3  # of a step: the question, the answer, the result of its call
FANNED = 20
MANY, STEPS = 50, 20
CALL = {"name": "calculate", "arguments": '{"expression": "6*7"}'}
REPLY = {
    "id": "x",
    "object": "chat.completion",
    "created": 0,
    "model": "bench",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "The next sum.",
                "tool_calls": [{"id": "call_1", "type": "function", "function": CALL}],
            },
        }
    ],
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
}
SLOW_SERVER = '''
import asyncio
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations
server = MCPServer("slow")
@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def look(at: int) -> str:
    """Look, slowly."""
    await asyncio.sleep(0.5)
    return f"seen {at}"
server.run()
'''


def serve_model() -> None:
    """Answer every question at once, in a process of its own."""
    import socket

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def complete(request: Request) -> JSONResponse:
        await request.body()
        return JSONResponse(REPLY)

    async def models(_: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [{"id": "bench", "object": "model"}]})

    app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"]), Route("/v1/models", models)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off")).run(sockets=[listener])


@contextmanager
def model_server() -> Any:
    process = subprocess.Popen([sys.executable, "-m", "bench.runs", "serve"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def runs_of(home: Path, script: Script | None = None, **settings: Any) -> AsyncIterator[Runs]:
    loaded = load_settings(home=home, model_rate=1_000_000, **settings)
    runtime = build_runtime(loaded, build_models(loaded, script))
    try:
        yield runtime.runs.open()
    finally:
        await runtime.close()


def limits(steps: int) -> Any:
    return replace(DEFAULT_LIMITS, steps=steps, seconds=1e6, tokens=10**10, calls_at_once=FANNED)


async def rested(runs: Runs, run_id: str) -> Run:
    """Wait until a run rests or is over."""
    while (run := await runs.look(run_id, LOCAL)).is_at_work:  # noqa: ASYNC110 - it is driven by other tasks
        await asyncio.sleep(0.05)
    return run


class Fsyncs:
    """Times one fsync of a small append beside the store."""

    def __init__(self, home: Path) -> None:
        self._file = (home / "fsync").open("wb")

    def once(self) -> float:
        self._file.write(b"x" * 2_000)
        self._file.flush()
        start = time.perf_counter()
        os.fsync(self._file.fileno())
        return time.perf_counter() - start


async def step(home: Path) -> None:
    """Drive one run in blocks, and after each make as many bare calls with a conversation of the same length."""
    with model_server() as url:
        async with runs_of(home, custom_api_url=url, custom_model_name="bench") as runs:
            bare = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
            wanted = RunRequest("add", model="bench", tools=["calculate"], limits=limits(BLOCK), pauses_at_limits=True)
            run = await runs.start(wanted, LOCAL, via="bench")
            serving = asyncio.create_task(runs.serve(only=run.id))
            fsyncs, sent, ratios = Fsyncs(home), list[Any]([{"role": "user", "content": "add"}]), list[float]()
            for block in range(1, max(BLOCKS) + 1):
                run = await rested(runs, run.id)
                took = statistics.median(await step_times(runs, run.id, (block - 1) * BLOCK))
                bare_s, sync_s = await bare_block(bare, sent, fsyncs)
                ratios.append(took / (bare_s + APPENDS * sync_s))
                if block in BLOCKS:
                    print(
                        f"step {block * BLOCK}: {took * 1e3:.1f} ms; bare call {bare_s * 1e3:.1f} ms, one fsync "
                        f"{sync_s * 1e3:.2f} ms; ratio {ratios[-1]:.2f} (at most 3); load {os.getloadavg()[0]:.1f}",
                        flush=True,
                    )
                more = RunCommand(f"more {block}", RunCommandKind.EXTEND, "user", "bench", {"steps": BLOCK})
                await runs.tell(run.id, more, LOCAL)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            first, last = statistics.median(ratios[:5]), statistics.median(ratios[-5:])
            print(f"ratio of the first and last five blocks: {first:.2f}, {last:.2f}")


async def step_times(runs: Runs, run_id: str, after: int) -> list[float]:
    """Return the seconds from each question to the next, past the first so many steps."""
    asked = [row.at for row in await runs.journal.store.read(run_id) if row.kind == "asked"][after:]
    return [later - earlier for earlier, later in pairwise(asked)]


async def bare_block(bare: AsyncOpenAI, sent: list[Any], fsyncs: Fsyncs) -> tuple[float, float]:
    """Return the medians of bare calls, each after one more step in its conversation, and of fsyncs."""
    tools: Any = [{"type": "function", "function": {"name": "calculate", "parameters": {"type": "object"}}}]
    times, syncs = list[float](), list[float]()
    for _ in range(BLOCK):
        begun = time.perf_counter()
        reply = await bare.chat.completions.create(model="bench", messages=sent, tools=tools)
        times.append(time.perf_counter() - begun)
        message = reply.choices[0].message
        sent.append(message.model_dump(exclude_none=True))
        sent.append({"role": "tool", "tool_call_id": "call_1", "content": "42"})
        syncs.append(fsyncs.once())
    return statistics.median(times), statistics.median(syncs)


async def calls(home: Path) -> None:
    """Have a model ask for many calls of half a second at once."""
    server = home / "slow.py"
    server.write_text(SLOW_SERVER)
    entry = {"command": sys.executable, "args": [str(server)]}
    (home / "upstreams.json").write_text(json.dumps({"upstreams": {"slow": entry}}))
    looks = [ScriptedCall(name="slow/look", arguments={"at": number}) for number in range(FANNED)]
    async with runs_of(home, Script([*[ScriptedReply(calls=looks)] * 5, "done"])) as runs:
        run = await runs.start(RunRequest("look", tools=["slow/look"], limits=limits(20)), LOCAL, via="bench")
        serving = asyncio.create_task(runs.serve(only=run.id))
        await rested(runs, run.id)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        begun, spans = 0.0, list[float]()
        for row in await runs.journal.store.read(run.id):
            if row.kind == "answered":
                begun = row.at
                spans.append(0.0)
            elif row.kind == "call_ended":
                spans[-1] = row.at - begun
        print(
            f"{FANNED} calls of 0.5 s at once: {statistics.median(spans[:-1]):.2f} s (at most 0.7), first "
            f"{spans[0]:.2f} s; load {os.getloadavg()[0]:.1f}"
        )


async def many(home: Path) -> None:
    """Drive many runs at once on one SQLite file, then as many workflows of DBOS alone on PostgreSQL."""
    reply = ScriptedReply(calls=[ScriptedCall(name="calculate", arguments={"expression": "6*7"})], times=None)
    async with runs_of(home, Script([reply]), model_concurrency=MANY) as runs:
        wanted = RunRequest("add", tools=["calculate"], limits=limits(STEPS), pauses_at_limits=True)
        begun = time.perf_counter()
        made = [(await runs.start(wanted, LOCAL, via="bench")).id for _ in range(MANY)]
        serving = asyncio.create_task(runs.serve())
        ended = [await rested(runs, run_id) for run_id in made]
        took = time.perf_counter() - begun
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        whole = [await runs.journal.store.verify(run_id) is None for run_id in made]
    steps = [run.steps for run in ended]
    print(
        f"{MANY} runs x {STEPS} steps: {sum(steps)} steps, {steps.count(STEPS)} runs whole of {MANY} "
        f"(chains {sum(whole)}), {sum(steps) / took:.0f} steps a second; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    if address := os.environ.get("STEPWARDEN_TEST_POSTGRES"):
        await asyncio.to_thread(dbos_alone, address)


def dbos_alone(address: str) -> None:
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": address, "log_level": "CRITICAL"})

    @DBOS.step()
    async def ask(number: int) -> int:
        return number

    @DBOS.step()
    async def call(number: int) -> int:
        return number

    @DBOS.workflow()
    async def work() -> int:
        for number in range(STEPS):
            await ask(number)
            await call(number)
        return STEPS

    DBOS.launch()

    async def all_of_them() -> int:
        handles = [await DBOS.start_workflow_async(work) for _ in range(MANY)]
        return sum([await handle.get_result() for handle in handles])

    begun = time.perf_counter()
    steps = asyncio.run(all_of_them())
    took = time.perf_counter() - begun
    DBOS.destroy()
    print(f"DBOS alone (two of its steps for one of ours): {steps / took:.0f} a second; load {os.getloadavg()[0]:.1f}")


async def stored(home: Path) -> None:
    """Let one run grow, and look at its store."""
    reply = ScriptedReply(text="sum", calls=[ScriptedCall(name="calculate", arguments={"expression": "6*7"})])
    async with runs_of(home, Script(lambda _: reply)) as runs:
        wanted = RunRequest("add", tools=["calculate"], limits=limits(250), pauses_at_limits=True)
        run = await runs.start(wanted, LOCAL, via="bench")
        serving = asyncio.create_task(runs.serve(only=run.id))
        before = 0
        for part in range(1, 9):
            await rested(runs, run.id)
            size = sum(len(row.payload) for row in await runs.journal.store.read(run.id))
            print(f"step {part * 250}: {(size - before) / 250:.0f} bytes of events a step", flush=True)
            before = size
            more = RunCommand(f"more {part}", RunCommandKind.EXTEND, "user", "bench", {"steps": 250})
            await runs.tell(run.id, more, LOCAL)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


PARTS = {"step": step, "calls": calls, "many": many, "stored": stored}

if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve_model()
    for name in sys.argv[1:] or PARTS:
        if name in PARTS:
            with tempfile.TemporaryDirectory() as directory:
                asyncio.run(PARTS[name](Path(directory)))
