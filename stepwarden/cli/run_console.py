"""A run on the terminal: carried out, shown as it goes, and its questions asked in place."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.agents.live_text import TextListener
from stepwarden.agents.run_report import run_as_csv, run_as_html, run_as_json, run_as_markdown
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import (
    NO_MODEL,
    WaitingCall,
    metrics_lines,
    spent_line,
    verdict_of,
    waiting_calls,
)
from stepwarden.agents.runs import Runs
from stepwarden.cli.interrupts import Interrupts, counting_interrupts
from stepwarden.cli.output import plain
from stepwarden.cli.question import ask_yes_or_no, is_person_there
from stepwarden.cli.run_lines import end_lines, exact_arguments, next_lines, shown_call
from stepwarden.cli.run_screen import RunScreen, open_screen
from stepwarden.errors import OtherKind, RootRefused, RunRefused, UnknownStream
from stepwarden.models import ErrorKind, ModelError, find_some
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import CallState
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import LOCAL
from stepwarden.upstream.calls.records import new_id

LOOK_S = 0.3
NOBODY_S = 3.0  # after which a run that nobody drives is no longer waited for
VIA = "cli"
LEFT = 130  # the exit code of what Ctrl-C ended

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Terminal:
    """Who is asked for permission: the person at the terminal, or nobody; `allows` are kinds that are not asked for."""

    allows: frozenset[str] = frozenset()
    screen: RunScreen = field(default_factory=open_screen)
    can_ask: bool = field(default_factory=is_person_there)


class LeftBehind(Exception):
    """The person pressed Ctrl-C twice: nothing more is waited for."""


def with_runs(work: Callable[[Runs], Awaitable[_Answer]]) -> _Answer:
    """Return what `work` gives on the runs of this machine."""

    async def opened() -> _Answer:
        runtime = build_runtime(load_settings())
        try:
            return await work(runtime.runs.open())
        except (UnknownStream, OtherKind) as error:
            raise RunRefused(
                f"There is no run {str(error)!r:.80}; stepwarden runs list shows those there are."
                if isinstance(error, UnknownStream)
                else f"{error} stepwarden runs list shows those there are."
            ) from None
        finally:
            await runtime.close()

    return asyncio.run(opened())


def start(wanted: RunRequest, terminal: Terminal, *, drives: bool = True) -> int:
    """Start a run, carry it out or watch it, and show it; return the command's exit code."""

    async def work(runs: Runs) -> int:
        try:
            await find_some(runs.models)
            run = await runs.start(wanted, LOCAL, via=VIA)
        except ModelError as error:
            if error.kind is ErrorKind.NO_MODEL and wanted.model is None:
                raise RunRefused(NO_MODEL) from None
            raise
        except RootRefused as error:
            raise RunRefused(f"{error} Type it there, or name the directory by --directory.") from None
        models = ", ".join(job.plan.model for job in run.jobs.values())
        for line in (f"{run.id}: {models}", *run.notes, spent_line(run, time.time())):
            terminal.screen.say(line)
        return await (carry_out if drives else watch_run)(runs, run.id, terminal)

    return with_runs(work)


async def carry_out(runs: Runs, run_id: str, terminal: Terminal) -> int:
    """Drive a run and show it as it goes; ask whoever is there. Returns the command's exit code.

    Ctrl-C once pauses it, twice leaves it as it is.
    """
    await runs.look(run_id, LOCAL)
    with counting_interrupts() as interrupts:
        serving = asyncio.create_task(runs.serve(only=run_id))
        try:
            with runs.live.listening(run_id, _showing(terminal.screen)) if is_person_there() else nullcontext():
                run = await _carried_out(runs, run_id, terminal, interrupts, serving)
        except LeftBehind:
            return await _leave(runs, run_id, terminal)
        finally:
            terminal.screen.pause()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    await show_end(runs, run)
    return exit_code(run)


def _showing(screen: RunScreen) -> TextListener:
    return lambda _job, text: screen.stream(text)


async def _carried_out(
    runs: Runs, run_id: str, terminal: Terminal, interrupts: Interrupts, serving: asyncio.Task[None]
) -> Run:
    """Return the run once it ended, rests, or waits for somebody who is not there. Raises LeftBehind."""
    asked_to_pause = False
    while True:
        run = await runs.look(run_id, LOCAL)
        terminal.screen.show(run)
        if interrupts.count > 1:
            raise LeftBehind
        if interrupts.count and not asked_to_pause and run.is_at_work:
            asked_to_pause = True
            await _pause(runs, run_id, terminal.screen)
        elif run.is_at_work or (asked_to_pause and await _is_held(runs, run)):
            await _wait_for(interrupts, serving)
        elif run.status is not RunStatus.RUNNING or asked_to_pause or interrupts.count:
            return run
        elif not await _answer_calls(runs, run, terminal, interrupts):
            after = await runs.look(run_id, LOCAL)
            if interrupts.count or waiting_calls(after) == waiting_calls(run):  # else somebody answered elsewhere
                return after


async def _wait_for(interrupts: Interrupts, serving: asyncio.Task[None]) -> None:
    """Wait a moment, less where Ctrl-C is pressed; raises what driving raised."""
    heard = asyncio.create_task(interrupts.heard.wait())
    await asyncio.wait([serving, heard], timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
    heard.cancel()
    interrupts.heard.clear()
    if serving.done():
        serving.result()


async def _pause(runs: Runs, run_id: str, screen: RunScreen) -> None:
    screen.say("Pausing: what can be repeated is cut off, a write under way is awaited. Ctrl-C again leaves at once.")
    try:
        await runs.tell(run_id, RunCommand(new_id("word"), RunCommandKind.PAUSE, "user", VIA), LOCAL)
    except RunRefused:  # it ended, or was paused, in this very moment
        return


async def _is_held(runs: Runs, run: Run) -> bool:
    """Return whether a paused run is still driven here, for a write to end or to record what was cut off."""
    is_sent = any(call.state is CallState.SENT for call in run.open_calls)
    return is_sent or (not run.status.is_end and await runs.engine.owner(run.id) is not None)


async def _leave(runs: Runs, run_id: str, terminal: Terminal) -> int:
    """Say how a run stands that is left in the middle, and how to go on with it."""
    terminal.screen.pause()
    run = await runs.look(run_id, LOCAL)
    for line in ("", verdict_of(run), *next_lines(run)):
        terminal.screen.say(line)
    if run.is_at_work:
        terminal.screen.say(f"  stepwarden runs drive {run.id}")
    return LEFT


async def _answer_calls(runs: Runs, run: Run, terminal: Terminal, interrupts: Interrupts) -> bool:
    """Say something to each call that waits; return whether anything was said."""
    said = False
    for call in waiting_calls(run):
        word = await _word(runs, run.id, call, terminal, interrupts)
        if word is not None:
            try:
                await runs.tell(run.id, word, LOCAL)
            except RunRefused as error:  # somebody else was first
                terminal.screen.say(str(error))
            said = True
        if interrupts.count:
            break
    return said


async def _word(
    runs: Runs, run_id: str, call: WaitingCall, terminal: Terminal, interrupts: Interrupts
) -> RunCommand | None:
    """Return what is said to a call that waits; None where nobody is there to say it."""
    arguments: dict[str, Any] = {"call": call.key}
    shown = f"{call.tool} {exact_arguments(call.arguments)}"
    if call.in_doubt:
        if not terminal.can_ask:
            return None
        why = f" ({call.doubt})" if call.doubt else ""
        terminal.screen.say(f"Nobody knows whether {shown} was carried out{why}: look there first.")
        answer = await _asked(runs, run_id, call, "Was it carried out?", interrupts)
        verdict = {"verdict": "done" if answer else "not_done"}
        return None if answer is None else _command(RunCommandKind.RESOLVE, arguments | verdict)
    if call.kind in terminal.allows:
        return _command(RunCommandKind.APPROVE, arguments | {"about": call.about})
    answer = await _asked(runs, run_id, call, f"Allow {call.kind} {shown}?", interrupts) if terminal.can_ask else None
    if answer is None:
        return None
    if answer:
        return _command(RunCommandKind.APPROVE, arguments | {"about": call.about})
    return _command(RunCommandKind.REFUSE, arguments)


def _command(kind: RunCommandKind, arguments: Mapping[str, Any]) -> RunCommand:
    return RunCommand(new_id("word"), kind, "user", VIA, arguments)


async def _asked(runs: Runs, run_id: str, call: WaitingCall, question: str, interrupts: Interrupts) -> bool | None:
    """Return what the person says; None where they press Ctrl-C, or somebody else answered meanwhile."""
    asking = asyncio.create_task(ask_yes_or_no(question))
    heard = asyncio.create_task(interrupts.heard.wait())
    elsewhere = asyncio.create_task(_answered_elsewhere(runs, run_id, call))
    tasks = (asking, heard, elsewhere)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
        typer.echo("")
        if elsewhere.done():
            typer.echo(plain(elsewhere.result()))
        return None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answered_elsewhere(runs: Runs, run_id: str, call: WaitingCall) -> str:
    """Return who answered a call somewhere else, once they have."""
    while True:
        await asyncio.sleep(LOOK_S)
        run = await runs.look(run_id, LOCAL)
        if call not in waiting_calls(run):
            said = [*run.commands.values()][-1:]
            return next((f"{one.by} answered via {one.via}: {one.kind}." for one in said), "It waits no more.")


async def show_end(runs: Runs, run: Run) -> None:
    """Show how a run stands, what it gave, and how to go on."""
    texts = await runs.texts(run)
    typer.echo("")
    for line in end_lines(run, texts, time.time()):
        typer.echo(plain(line))


def exit_code(run: Run) -> int:
    """Return 0 for a completed run, 2 for one that waits or rests, 1 for one that ended otherwise."""
    if run.status is RunStatus.COMPLETED:
        return 0
    return 1 if run.status.is_end else 2


async def show_run(runs: Runs, run_id: str) -> None:
    """Show a run: what was asked, each step, how it stands, and what waits."""
    found = await runs.whole(run_id, LOCAL)
    run = found.run
    screen = open_screen()
    screen.say(run.request)
    screen.show(run)
    screen.pause()
    for call in run.open_calls:
        screen.say(f"   {shown_call(call)}")
    for line in metrics_lines(found.metrics):
        screen.say(line)
    await show_end(runs, run)
    await _say_who_drives(runs, run)


async def _say_who_drives(runs: Runs, run: Run) -> None:
    if run.is_at_work and await runs.engine.owner(run.id) is None:
        typer.echo(f"Nobody drives it: stepwarden runs drive {run.id}, or stepwarden worker.", err=True)


async def run_as_text(runs: Runs, run_id: str, form: str) -> str:
    """Return a run as text to take away."""
    makers = {"json": run_as_json, "csv": run_as_csv, "markdown": run_as_markdown, "html": run_as_html}
    return makers[form](await runs.whole(run_id, LOCAL))


async def watch_run(runs: Runs, run_id: str, terminal: Terminal | None = None) -> int:
    """Show a run as it goes on, whoever drives it; return the command's exit code. Ctrl-C leaves it to them."""
    screen = open_screen() if terminal is None else terminal.screen
    alone_until = time.monotonic() + NOBODY_S
    with counting_interrupts() as interrupts:
        while True:
            run = await runs.look(run_id, LOCAL)
            screen.show(run)
            if not run.is_at_work:
                break
            if interrupts.count:
                screen.pause()
                typer.echo(f"It goes on where it is driven; to see it again: stepwarden runs watch {run_id}", err=True)
                return LEFT
            if await runs.engine.owner(run_id) is not None:
                alone_until = time.monotonic() + NOBODY_S
            elif time.monotonic() > alone_until:
                break
            await asyncio.sleep(LOOK_S)
    screen.pause()
    await show_end(runs, run)
    await _say_who_drives(runs, run)
    return exit_code(run)


async def tell_run(
    runs: Runs, run_id: str, kind: RunCommandKind, arguments: Mapping[str, Any], *, drives: bool = False
) -> int:
    """Say something to a run, and show how it stands then, or go on with it here; return the command's exit code."""
    run, _ = await runs.tell(run_id, _command(kind, arguments), LOCAL)
    if drives and run.is_at_work:
        return await carry_out(runs, run_id, Terminal())
    typer.echo(plain(verdict_of(run)))
    if run.is_at_work:
        typer.echo(f"It goes on where it is driven: stepwarden runs drive {run.id}", err=True)
    return 0


async def answer_call(
    runs: Runs,
    run_id: str,
    key: str | None,
    kind: RunCommandKind,
    arguments: Mapping[str, Any],
    *,
    drives: bool = False,
) -> int:
    """Say something to a call that waits: the one that is named, or the only one. Raises RunRefused."""
    run = await runs.look(run_id, LOCAL)
    waiting = [one for one in waiting_calls(run) if one.in_doubt == (kind is RunCommandKind.RESOLVE)]
    named = [one for one in waiting if key in {None, one.key}]
    if run.status.is_end and not named:
        raise RunRefused(f"{kind}: nothing of {run_id} waits for that: it is {run.status}.")
    if len(named) != 1:
        there = ", ".join(one.key for one in waiting) or "none"
        raise RunRefused(f"Name one call that waits for that, by --call. There are: {there}.")
    about = {"about": named[0].about} if kind is RunCommandKind.APPROVE else {}
    return await tell_run(runs, run_id, kind, {"call": named[0].key, **about, **arguments}, drives=drives)


async def serve_runs(runs: Runs) -> None:
    """Drive whatever runs have something to do, until it is ended."""
    typer.echo("Driving the runs of this store; Ctrl-C lets go of them.", err=True)
    await runs.serve()
