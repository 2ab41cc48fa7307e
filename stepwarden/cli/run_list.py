"""`runs list`: runs by status, tool, words and time, each with what it waits for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.agents.run_list import RunFilter
from stepwarden.agents.run_text import waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.cli.output import plain, show_table
from stepwarden.errors import StoreUnreadable, UnknownStream
from stepwarden.runs.run import Run, RunStatus
from stepwarden.storage import Head
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.event_text import stamp


@dataclass(frozen=True)
class RunLine:
    """One run of the list; `waits_for` says what a person has to say, or who is to drive it, "" where nothing waits."""

    head: Head
    waits_for: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """It as JSON."""
        head = self.head
        return {
            "run": head.stream,
            "status": head.state,
            "waits_for": self.waits_for or None,
            "steps": head.steps,
            "most_steps": head.total_steps or None,
            "created": stamp(head.created),
            "changed": stamp(head.updated),
            "directory": head.directory,
            "thread": head.origin,
            "request": head.title,
        }

    @property
    def cells(self) -> Sequence[str]:
        """It as a row of the table."""
        head = self.head
        status = f"waits: {self.waits_for}" if self.waits_for else head.state
        return (head.stream, status, str(head.steps), stamp(head.updated), head.title)


async def list_runs(runs: Runs, wanted: RunFilter, *, as_json: bool) -> None:
    """Show the runs that are wanted, the last changed first."""
    heads = await runs.journal.store.heads(wanted.query(None, wanted.limit))
    unserved = {one.stream for one in await runs.engine.unserved()} if heads else set[str]()
    found = [RunLine(head, await _waits_for(runs, head, unserved)) for head in heads]
    if as_json:
        typer.echo(json.dumps([one.fields for one in found], ensure_ascii=False, indent=2))
    elif found:
        show_table(("run", "status", "steps", "changed", "request"), [one.cells for one in found])
    elif wanted == RunFilter(limit=wanted.limit):
        typer.echo('No runs. Start one: stepwarden run "what is to be done"', err=True)
    else:
        typer.echo("No run fits.", err=True)


async def _waits_for(runs: Runs, head: Head, unserved: set[str]) -> str:
    """Return what a run waits for; only one that goes on is loaded for that."""
    if head.state == RunStatus.PAUSED:
        return "resume"
    if head.state != RunStatus.RUNNING:
        return ""
    try:
        run = (await runs.journal.load(head.stream, None)).run
    except (UnknownStream, StoreUnreadable):  # deleted since, or of a newer version
        return ""
    return _words_for(run, is_unserved=head.stream in unserved)


def _words_for(run: Run, *, is_unserved: bool) -> str:
    if run.is_at_work:
        return "somebody to drive it" if is_unserved else ""
    calls = waiting_calls(run)
    if not calls:
        return ""
    first = calls[0]
    more = f" and {len(calls) - 1} more" if len(calls) > 1 else ""
    return f"{'look at' if first.in_doubt else 'allow'} {first.kind} {first.tool}{more}"


async def show_events(runs: Runs, run_id: str, after: int, *, as_json: bool) -> None:
    """Show the events of a run after number `after`: a line each, or each as JSON in a line of its own."""
    from stepwarden.agents.run_report import history_lines

    await runs.journal.head(run_id, LOCAL.principal)  # also one of a newer version, whose events can be read
    history = await runs.journal.store.read(run_id, after=after)
    if as_json:
        for row in history:
            told = {"seq": row.seq, "at": row.at, "kind": row.kind, "data": json.loads(row.payload), "hash": row.hash}
            typer.echo(json.dumps(told, ensure_ascii=False))
        return
    for line in history_lines(history):
        typer.echo(plain(line))
