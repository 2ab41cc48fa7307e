"""Runs in this process: a real store, the shipped scripted model, tools of ours and of a real upstream server."""

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from providers.models import build_models
from providers.scripted import Script, ScriptedCall, ScriptedReply
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.runs import Runs
from stepwarden.runs.run import Run
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import LOCAL

NOTES_SERVER = Path(__file__).parent / "notes_server.py"


def calls(*named: tuple[str, dict[str, Any]], text: str = "", **more: Any) -> ScriptedReply:
    """Return an answer that asks for calls."""
    asked = tuple(ScriptedCall(name=name, arguments=arguments) for name, arguments in named)
    return ScriptedReply(text=text, calls=asked, **more)


def notes_upstream(home: Path, **more: Any) -> Path:
    """Let the upstream `notes` be configured, and return the file of its notes."""
    book = home / "notes.txt"
    entry = {"command": sys.executable, "args": [str(NOTES_SERVER), str(book)], **more}
    (home / "upstreams.json").write_text(json.dumps({"upstreams": {"notes": entry}}))
    return book


Start = Callable[[Sequence[ScriptedReply | str]], Awaitable[Runs]]


@asynccontextmanager
async def starting(home: Path) -> AsyncGenerator[Start]:
    """Return what makes the runs of a process with this home; they are closed at the end."""
    made: list[Runtime] = []

    async def start(replies: Sequence[ScriptedReply | str]) -> Runs:
        settings = load_settings(home=home)
        runtime = build_runtime(settings, build_models(settings, Script(replies)))
        made.append(runtime)
        return runtime.runs.open()

    home.mkdir(exist_ok=True)
    yield start
    for runtime in made:
        await runtime.close()


NUMBERS = itertools.count()


async def until(runs: Runs, run_id: str, holds: Callable[[Run], bool]) -> Run:
    """Drive a run here until something holds of it."""
    serving = asyncio.create_task(runs.serve(only=run_id))
    try:
        while not holds(run := await runs.look(run_id, LOCAL)):
            assert not serving.done()
            await asyncio.sleep(0.01)
        return run
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def ended(runs: Runs, wanted: RunRequest) -> Run:
    """Start a run and drive it to its end."""
    run = await runs.start(wanted, LOCAL, via="test")
    return await until(runs, run.id, lambda run: run.status.is_end)


def word(kind: str, **arguments: Any) -> RunCommand:
    """Return a command of the user."""
    return RunCommand(f"{kind}{next(NUMBERS)}", RunCommandKind(kind), "user", "test", arguments)
