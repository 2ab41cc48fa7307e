"""A run on the terminal: carried out, shown as it goes, and its questions asked in place."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.agents.conversation import whole
from stepwarden.agents.run_report import history_lines, run_as_csv, run_as_html, run_as_json, run_as_markdown
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import (
    WaitingCall,
    call_line,
    doubt_lines,
    extension_of,
    spent_line,
    state_line,
    step_lines,
    verdict_of,
    waiting_calls,
)
from stepwarden.agents.runs import Runs
from stepwarden.cli.output import plain
from stepwarden.errors import RunRefused, UnknownStream
from stepwarden.models import find_some
from stepwarden.runs.limits import DEFAULT_LIMITS, RunLimits
from stepwarden.runs.run import CallKind, Run, RunStatus
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import LOCAL
from stepwarden.upstream.calls.records import new_id

LOOK_S = 0.3
VIA = "cli"
KINDS = (CallKind.READ, CallKind.WRITE, CallKind.DESTRUCTIVE)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Terminal:
    """Who is asked for permission: the person at the terminal, or nobody; `allows` are kinds that are not asked for."""

    allows: frozenset[str] = frozenset()

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there."""
        return sys.stdin.isatty()


def with_runs(work: Callable[[Runs], Awaitable[_Answer]]) -> _Answer:
    """Return what `work` gives on the runs of this machine."""

    async def opened() -> _Answer:
        runtime = build_runtime(load_settings())
        try:
            return await work(runtime.runs.open())
        except UnknownStream as error:
            raise RunRefused(
                f"There is no run {str(error)!r:.80}; stepwarden runs list shows those there are."
            ) from None
        finally:
            await runtime.close()

    return asyncio.run(opened())


def read_limits(words: Sequence[str]) -> RunLimits:
    """Return the limits that `name=number` words say. Raises RunRefused."""
    given: dict[str, Any] = {}
    for word in words:
        name, equals, number = word.partition("=")
        if not equals or name not in RunLimits.__dataclass_fields__:
            known = ", ".join(RunLimits.__dataclass_fields__)
            raise RunRefused(f"--limit {word!r:.60}: write name=number; the names are {known}.")
        try:
            given[name] = _number(name, number)
        except (ArithmeticError, ValueError):
            raise RunRefused(f"--limit {word!r:.60}: {number!r:.40} is no number.") from None
    return replace(DEFAULT_LIMITS, **given)


def _number(name: str, text: str) -> int | float | Decimal | None:
    if text == "none":
        return None
    if name == "dollars":
        return Decimal(text)
    return float(text) if name.endswith("seconds") else int(text)


def read_kinds(words: Sequence[str]) -> frozenset[str]:
    """Return the kinds of calls that are allowed unasked. Raises RunRefused."""
    if unknown := [word for word in words if word not in KINDS]:
        raise RunRefused(f"--yes {unknown[0]!r:.60}: write one of {', '.join(KINDS)}, and --yes again for another.")
    return frozenset(words)


def read_condition(text: str | None) -> Mapping[str, Any] | None:
    """Return the JSON of a stop condition. Raises RunRefused."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise RunRefused(f"--stop is no JSON: {error}.") from None


def start(wanted: RunRequest, terminal: Terminal) -> int:
    """Start a run, carry it out and show it; return the command's exit code."""

    async def work(runs: Runs) -> int:
        await find_some(runs.models)
        run = await runs.start(wanted, LOCAL, via=VIA)
        typer.echo(plain(f"{run.id}: {', '.join(job.plan.model for job in run.jobs.values())}"))
        for line in (*run.notes, spent_line(run, time.time())):
            typer.echo(plain(line))
        run = await carry_out(runs, run, terminal)
        await show_end(runs, run)
        return exit_code(run)

    return with_runs(work)


async def carry_out(runs: Runs, run: Run, terminal: Terminal) -> Run:
    """Drive a run and show it as it goes; ask whoever is there. Returns it as it ended, or as it waits."""
    shown = dict.fromkeys(run.jobs, 0)
    serving = asyncio.create_task(runs.serve(only=run.id))
    try:
        while True:
            run = await runs.look(run.id, LOCAL)
            _show_steps(run, shown)
            if run.is_at_work:
                await asyncio.wait([serving], timeout=LOOK_S)
                if serving.done():
                    serving.result()
                continue
            waiting = [] if run.status.is_end else waiting_calls(run)
            words = [word for call in waiting if (word := _word(call, terminal)) is not None]
            if not words:
                return run
            for word in words:
                await runs.tell(run.id, word, LOCAL)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _show_steps(run: Run, shown: dict[str, int]) -> None:
    for job in run.jobs.values():
        complete = [step for step in job.steps if step.is_complete]
        for line in step_lines(replace(job, steps=tuple(complete)), shown[job.id]):
            typer.echo(plain(line))
        shown[job.id] = len(complete)


def _word(call: WaitingCall, terminal: Terminal) -> RunCommand | None:
    """Return what is said to a call that waits; None where nobody is there to say it."""
    arguments: dict[str, Any] = {"call": call.key}
    if call.in_doubt:
        if not terminal.can_ask:
            return None
        why = f" ({call.doubt})" if call.doubt else ""
        typer.echo(plain(f"Nobody knows whether {call.tool} {call.arguments} was carried out{why}: look there first."))
        verdict = "done" if typer.confirm("Was it carried out?") else "not_done"
        return RunCommand(new_id("word"), RunCommandKind.RESOLVE, "user", VIA, arguments | {"verdict": verdict})
    allowed = call.kind in terminal.allows
    if not allowed and not terminal.can_ask:
        return None
    if allowed or typer.confirm(plain(f"Allow {call.kind} {call.tool} {call.arguments}?")):
        return RunCommand(new_id("word"), RunCommandKind.APPROVE, "user", VIA, arguments | {"about": call.about})
    return RunCommand(new_id("word"), RunCommandKind.REFUSE, "user", VIA, arguments)


async def show_end(runs: Runs, run: Run) -> None:
    """Show how a run stands, what it gave, and how to go on."""
    typer.echo("")
    typer.echo(plain(verdict_of(run)))
    answer = whole(run.answer, await runs.journal.texts(run.id) if run.answer.digest else {})
    if answer:
        typer.echo(plain(answer))
    for line in filter(None, (*doubt_lines(run), state_line(run), spent_line(run, time.time()))):
        typer.echo(plain(line))
    for call in waiting_calls(run) if not run.status.is_end else []:
        doubt = f" ({call.doubt})" if call.doubt else ""
        typer.echo(plain(f"{call.key}: {call.kind} {call.tool} {call.arguments}{doubt}"))
        verb = "resolve" if call.in_doubt else "approve"
        how = " --done, or --not-done once you looked" if call.in_doubt else f", or stepwarden runs refuse {run.id}"
        typer.echo(f"  stepwarden runs {verb} {run.id} --call {call.key}{how}")
    if run.status is RunStatus.STOPPED:
        typer.echo(f"It goes on by: stepwarden runs extend {run.id} --limit {'='.join(map(str, extension_of(run)))}")


def exit_code(run: Run) -> int:
    """Return 0 for a completed run, 2 for one that waits or rests, 1 for one that ended otherwise."""
    if run.status is RunStatus.COMPLETED:
        return 0
    return 1 if run.status.is_end else 2


async def show_run(runs: Runs, run_id: str) -> None:
    """Show a run: what was asked, each step, how it stands, and what waits."""
    run = await runs.look(run_id, LOCAL)
    typer.echo(plain(run.request))
    _show_steps(run, dict.fromkeys(run.jobs, 0))
    for call in run.open_calls:
        typer.echo(plain(f"   {call_line(call)}"))
    await show_end(runs, run)


async def run_as_text(runs: Runs, run_id: str, form: str) -> str:
    """Return a run as text to take away."""
    makers = {"json": run_as_json, "csv": run_as_csv, "markdown": run_as_markdown, "html": run_as_html}
    return makers[form](await runs.whole(run_id, LOCAL))


async def show_events(runs: Runs, run_id: str) -> None:
    """Show every event of a run."""
    for line in history_lines((await runs.whole(run_id, LOCAL)).history):
        typer.echo(plain(line))


async def watch_run(runs: Runs, run_id: str) -> int:
    """Show a run as it goes on, whoever drives it; return the command's exit code."""
    run = await runs.look(run_id, LOCAL)
    shown = dict.fromkeys(run.jobs, 0)
    while True:
        _show_steps(run, shown)
        if not run.is_at_work:
            break
        if run_id in {one.stream for one in await runs.engine.unserved()}:
            typer.echo(f"Nobody drives it: stepwarden runs drive {run_id}, or stepwarden worker.", err=True)
            break
        await asyncio.sleep(LOOK_S)
        run = await runs.look(run_id, LOCAL)
    await show_end(runs, run)
    return exit_code(run)


async def drive_run(runs: Runs, run_id: str) -> int:
    """Go on with a run here, and show it; return the command's exit code."""
    run = await carry_out(runs, await runs.look(run_id, LOCAL), Terminal())
    await show_end(runs, run)
    return exit_code(run)


async def tell_run(runs: Runs, run_id: str, kind: RunCommandKind, arguments: Mapping[str, Any]) -> None:
    """Say something to a run, and show how it stands then."""
    run, _ = await runs.tell(run_id, RunCommand(new_id("word"), kind, "user", VIA, arguments), LOCAL)
    typer.echo(plain(verdict_of(run)))
    if run.is_at_work:
        typer.echo(f"It goes on where it is driven: stepwarden runs drive {run.id}", err=True)


async def answer_call(
    runs: Runs, run_id: str, key: str | None, kind: RunCommandKind, arguments: Mapping[str, Any]
) -> None:
    """Say something to a call that waits: the one that is named, or the only one. Raises RunRefused."""
    run = await runs.look(run_id, LOCAL)
    waiting = [one for one in waiting_calls(run) if one.in_doubt == (kind is RunCommandKind.RESOLVE)]
    named = [one for one in waiting if key in {None, one.key}]
    if len(named) != 1:
        there = ", ".join(one.key for one in waiting) or "none"
        raise RunRefused(f"Name one call that waits for that, by --call. There are: {there}.")
    about = {"about": named[0].about} if kind is RunCommandKind.APPROVE else {}
    await tell_run(runs, run_id, kind, {"call": named[0].key, **about, **arguments})


async def serve_runs(runs: Runs) -> None:
    """Drive whatever runs have something to do, until it is ended."""
    typer.echo("Driving the runs of this store; Ctrl-C lets go of them.", err=True)
    await runs.serve()
