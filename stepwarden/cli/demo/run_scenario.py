"""The sections of `stepwarden demo run`, in their order: a run from its request to its end, with a kill in between."""

import json
import subprocess
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import Process

from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import WaitingCall, spent_line, verdict_of, waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.cli.demo.checks import DemoChecks
from stepwarden.cli.demo.host import COMMAND, DemoPaths
from stepwarden.cli.demo.stock_room import StockRoom
from stepwarden.cli.demo.stock_script import NOT_ORDERED, ORDER, ORDERED, REQUEST, STEPS, STOP
from stepwarden.cli.question import ask_yes_or_no
from stepwarden.cli.run_lines import RunLines
from stepwarden.runs.limits import RunLimits
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import CallState
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.threads.calls import LOCAL
from stepwarden.upstream.calls.records import new_id

LOOK_S = 0.1
VIA = "demo"
COUNTING = "stock/count_part"


@dataclass
class RunScenario:
    """What the sections share. `person` says whether somebody is at the terminal, who is asked then."""

    checks: DemoChecks
    paths: DemoPaths
    runs: Runs
    room: StockRoom
    person: bool
    run_id: str = ""
    allowed: bool = True
    sent_again: bool = False
    lines: RunLines = field(default_factory=RunLines)
    drivers: list[Process] = field(default_factory=list[Process])

    async def wait(self, holds: Callable[[Run], bool]) -> Run:
        """Show the run as it goes on until something holds of it; raises RuntimeError where its driver ended."""
        while True:
            run = await self.runs.look(self.run_id, LOCAL)
            for line in self.lines.new(run):
                self.checks.console.say(line)
            if holds(run):
                return run
            if run.status.is_end or run.status is RunStatus.PAUSED:
                raise RuntimeError(f"the run came to an early end: {verdict_of(run)}")
            if self.drivers[-1].returncode is not None:
                raise RuntimeError(f"the worker ended with {self.drivers[-1].returncode}")
            await anyio.sleep(LOOK_S)

    async def say(self, kind: RunCommandKind, call: WaitingCall, **arguments: str) -> Run:
        """Say a person's word about a call."""
        told = RunCommand(new_id("word"), kind, "user", VIA, {"call": call.key, **arguments})
        return (await self.runs.tell(self.run_id, told, LOCAL))[0]


@asynccontextmanager
async def starting_workers(run: RunScenario) -> AsyncGenerator[None]:
    """End whatever worker is left when the block is left."""
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            for process in run.drivers:
                if process.returncode is None:
                    process.terminate()
                await process.wait()


async def start_worker(run: RunScenario) -> Process:
    """Start `stepwarden worker` on the demo's store."""
    with run.paths.log.open("ab") as log:
        process = await anyio.open_process(
            [*COMMAND, "worker"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=run.paths.directory,
            env=run.paths.environment | {"STEPWARDEN_SCRIPTED": str(run.paths.directory / "script.json")},
        )
    run.drivers.append(process)
    return process


async def start_run(run: RunScenario) -> None:
    """Record the request, with its limits and its condition; nobody drives it yet."""
    with run.checks.section("A request with its limits"):
        wanted = RunRequest(
            REQUEST,
            model="scripted",
            directory=str(run.paths.program),
            tools=["stock/*", "update_state"],
            limits=RunLimits(steps=STEPS),
            stop=STOP,
        )
        began = await run.runs.start(wanted, LOCAL, via=VIA)
        run.run_id = began.id
        console = run.checks.console
        tools = "--tool 'stock/*' --tool update_state"
        console.show_command(
            f"  stepwarden run \"{REQUEST}\" {tools} --limit steps={STEPS} --stop '{json.dumps(STOP)}'"
        )
        console.say("The model is a script; `stock` is a small MCP server that is started for this demo alone.")
        console.say(spent_line(began, time.time()))
        console.say("It ends once the state says `ordered`, and after 8 steps at the latest.")
        run.checks.expect("it is recorded, and waits for somebody to drive it", began.status, RunStatus.RUNNING)
        run.checks.expect("it has a limit of tokens, since the price is unknown", bool(began.limits.tokens))


async def drive_to_approval(run: RunScenario) -> None:
    """Let a worker drive it until a write waits for a person."""
    with run.checks.section("A worker drives it, with tools of a server"):
        worker = await start_worker(run)
        run.checks.console.say(f"stepwarden worker, process {worker.pid}:")
        found = await run.wait(lambda now: bool(waiting_calls(now)) and not now.is_at_work)
        took, summed = _counting(found)
        run.checks.console.say(f"Three counts at once took {took:.1f} s; one after the other they are {summed:.1f} s.")
        run.checks.expect("each of them has its result", len(run.room.calls), 4)
        run.checks.expect("a write waits: nothing was ordered yet", run.room.orders, [])


async def ask_person(run: RunScenario) -> None:
    """Ask whether the write is allowed."""
    with run.checks.section("A write waits for a person"):
        found = await run.wait(lambda now: not now.is_at_work)
        (call,) = waiting_calls(found)
        run.checks.console.say(verdict_of(found))
        question = f"Allow {call.kind} {call.tool} {call.arguments}?"
        run.checks.expect("whoever drove it holds nothing while it waits", await _is_let_go(run), wanted=True)
        run.allowed = await _answered(run, question, "The demo's own person says yes.")
        if run.allowed:
            run.checks.console.say("The word holds for this call with these arguments, and for no other.")
            await run.say(RunCommandKind.APPROVE, call, about=call.about)
        else:
            await run.say(RunCommandKind.REFUSE, call, reason="not now")


async def kill_driver(run: RunScenario) -> None:
    """Kill the worker while the write is under way, or, where it was refused, while the model answers."""
    what = "the order written and no answer yet" if run.allowed else "while the model answers"
    with run.checks.section(f"kill -9, {what}"):
        await run.wait(lambda now: bool(run.room.orders) if run.allowed else _is_asked(now))
        worker = run.drivers[-1]
        worker.kill()
        code = await worker.wait()
        run.checks.console.say(f"kill -9 {worker.pid}: the worker is dead, exit code {code}.")
        found = await run.runs.look(run.run_id, LOCAL)
        run.checks.expect("it did not end by itself", code != 0)
        run.checks.expect("the run is not at its end", found.status, RunStatus.RUNNING)


async def go_on(run: RunScenario) -> None:
    """Let another worker go on; where nobody knows what became of the order, a person looks and says."""
    with run.checks.section("Another process goes on"):
        worker = await start_worker(run)
        run.checks.console.say(f"stepwarden worker, process {worker.pid}: it loads the history, and repeats nothing.")
        found = await run.wait(lambda now: now.status.is_end or not now.is_at_work)
        if not found.status.is_end:
            await _resolve(run, found)
            found = await run.wait(lambda now: now.status.is_end)
        counts = [line for line in run.room.calls if line.startswith("count_part")]
        run.checks.expect("no part was counted twice", len(counts), len(set(counts)))
        wanted = _orders_wanted(run)
        run.checks.expect(f"orders in the book: {len(wanted)}", run.room.orders, wanted)


async def _resolve(run: RunScenario, found: Run) -> None:
    (call,) = waiting_calls(found)
    console = run.checks.console
    console.say(verdict_of(found))
    console.say("A write is never sent again by itself. The book of orders says:")
    console.show_text("orders", "\n".join(run.room.orders) or "no orders")
    run.checks.expect("the call is in doubt", found.open_calls[0].state, CallState.IN_DOUBT)
    if await _answered(run, "Was it carried out?", "The demo's own person looks there, and says yes."):
        await run.say(RunCommandKind.RESOLVE, call, verdict="done")
    else:
        run.sent_again = True
        console.say("You say that it was not, so it is sent again.")
        await run.say(RunCommandKind.RESOLVE, call, verdict="not_done")


async def show_outcome(run: RunScenario) -> None:
    """Show how the run ended, why, and what it used."""
    with run.checks.section("The condition ends it"):
        found = await run.runs.look(run.run_id, LOCAL)
        console = run.checks.console
        console.say(verdict_of(found))
        console.show_text("answer", found.answer.text, "green")
        console.say(spent_line(found, found.seen_at))
        run.checks.expect("it is completed", found.status, RunStatus.COMPLETED)
        run.checks.expect(f"it says which condition fired: {found.why}", "state" in found.why)
        run.checks.expect("it has its answer", found.answer.text, ORDERED if run.allowed else NOT_ORDERED)


async def _answered(run: RunScenario, question: str, otherwise: str) -> bool:
    """Return what whoever is at the terminal says; yes, and said so, where nobody is."""
    if run.person:
        return await ask_yes_or_no(question, default=True) is True
    run.checks.console.say(f"{question} {otherwise}")
    return True


async def _is_let_go(run: RunScenario) -> bool:
    """Return whether nobody drives the run, once whoever did had the time to note it."""
    for _ in range(50):
        if await run.runs.engine.owner(run.run_id) is None:
            return True
        await anyio.sleep(LOOK_S)
    return False


def _orders_wanted(run: RunScenario) -> list[str]:
    order = f"{ORDER['quantity']} {ORDER['part']}"
    return [order] * (run.allowed + run.sent_again)


def _counting(run: Run) -> tuple[float, float]:
    """Return the seconds of the step that counted: as it was, and with its calls one after the other."""
    step = next(step for step in run.jobs["main"].steps if any(call.tool == COUNTING for call in step.calls))
    seconds = [call.seconds for call in step.calls]
    return max(seconds), sum(seconds)


def _is_asked(run: Run) -> bool:
    question = run.jobs["main"].question
    return question is not None and not run.open_calls
