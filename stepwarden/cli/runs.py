"""`stepwarden runs`: the runs of this machine, for its owner. What acts is imported when a command runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.output import plain, show_table

DAY_SECONDS = 86_400.0

runs = typer.Typer(help="List, show, drive, steer, export and prune runs.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(metavar="ID", help="The run's id.", show_default=False)]
CallKey = Annotated[str | None, typer.Option("--call", help="The call, where several wait.", show_default=False)]
Status = Literal["running", "paused", "completed", "failed", "stopped"]


@runs.command("list")
def list_runs(
    status: Annotated[Status | None, typer.Option(help="Only runs that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the last changed first.")] = 20,
) -> None:
    """List runs, the last changed first."""
    from stepwarden.cli.opened import with_journal
    from stepwarden.storage import HeadQuery, kinds
    from stepwarden.threads.event_text import stamp

    query = HeadQuery(None, kind=kinds.RUN, state=status, limit=limit)
    heads = with_journal(lambda journal: journal.store.heads(query))
    rows = [(head.stream, head.state, str(head.steps), stamp(head.updated), head.title) for head in heads]
    if rows:
        show_table(("run", "status", "steps", "changed", "request"), rows)
    else:
        typer.echo('No runs. Start one: stepwarden run "what is to be done"', err=True)


@runs.command()
def show(run_id: RunId) -> None:
    """Show a run: what was asked, each step, how it stands, and what waits for you."""
    from stepwarden.cli.run_console import show_run, with_runs

    with_runs(lambda found: show_run(found, run_id))


@runs.command()
def export(
    run_id: RunId,
    form: Annotated[
        Literal["json", "csv", "markdown", "html"],
        typer.Option("--format", help="json and csv hold every event with its hash; the others are for people."),
    ] = "json",
    output: Annotated[Path | None, typer.Option(help="File to write; else stdout.", dir_okay=False)] = None,
) -> None:
    """Export a run with its whole history."""
    from stepwarden.cli.output import write_or_show
    from stepwarden.cli.run_console import run_as_text, with_runs

    write_or_show(with_runs(lambda found: run_as_text(found, run_id, form)), output)


@runs.command()
def events(run_id: RunId) -> None:
    """Show every event of a run, a line each."""
    from stepwarden.cli.run_console import show_events, with_runs

    with_runs(lambda found: show_events(found, run_id))


@runs.command()
def verify(run_id: RunId) -> None:
    """Say whether the chain of a run's history is whole; exit 1 where something was changed outside stepwarden."""
    from stepwarden.cli.opened import with_journal
    from stepwarden.errors import RunRefused, UnknownStream
    from stepwarden.threads.verification import find_changes

    try:
        changes = with_journal(lambda journal: find_changes(journal, run_id))
    except UnknownStream:
        raise RunRefused(f"There is no run {run_id!r:.80}; stepwarden runs list shows those there are.") from None
    typer.echo(f"{run_id}: {'; '.join(changes) or 'whole'}")
    raise typer.Exit(1 if changes else 0)


@runs.command()
def watch(run_id: RunId) -> None:
    """Show a run as it goes on, whoever drives it, until it ends or waits for you."""
    from stepwarden.cli.run_console import watch_run, with_runs

    raise typer.Exit(with_runs(lambda found: watch_run(found, run_id)))


@runs.command()
def drive(run_id: RunId) -> None:
    """Go on with a run here, until it ends or waits for you."""
    from stepwarden.cli.run_console import drive_run, with_runs

    raise typer.Exit(with_runs(lambda found: drive_run(found, run_id)))


@runs.command()
def approve(run_id: RunId, call: CallKey = None) -> None:
    """Allow a call that waits."""
    _answer(run_id, call, "approve", {})


@runs.command()
def refuse(
    run_id: RunId, call: CallKey = None, reason: Annotated[str, typer.Option(help="What the model is told.")] = ""
) -> None:
    """Refuse a call that waits: the run goes on without it."""
    _answer(run_id, call, "refuse", {"reason": reason})


@runs.command()
def resolve(
    run_id: RunId,
    done: Annotated[bool, typer.Option("--done/--not-done", help="What you found there.", show_default=False)],
    call: CallKey = None,
    note: Annotated[str, typer.Option(help="What the model is told of it.")] = "",
) -> None:
    """Say whether a call in doubt was carried out; one that was not is sent again."""
    _answer(run_id, call, "resolve", {"verdict": "done" if done else "not_done", "note": note})


@runs.command()
def pause(run_id: RunId) -> None:
    """Let a run rest: what is under way is cut off, but for writes."""
    _tell(run_id, "pause", {})


@runs.command()
def resume(run_id: RunId) -> None:
    """Let a paused run go on."""
    _tell(run_id, "resume", {})


@runs.command()
def stop(run_id: RunId) -> None:
    """Stop a run; what it has found so far stays."""
    _tell(run_id, "stop", {})


@runs.command()
def extend(
    run_id: RunId,
    limit: Annotated[list[str], typer.Option(help="What is added: steps=10, seconds=300, tokens=..., dollars=...")],
) -> None:
    """Give a run more, and let it go on where a limit stopped it."""
    parts = [word.partition("=") for word in limit]
    _tell(run_id, "extend", {name: number for name, _, number in parts})


@runs.command()
def prune(
    older_than: Annotated[float, typer.Option(min=0, metavar="DAYS", help="Idle for so many days.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
) -> None:
    """Delete ended runs with all that belongs to them, for good. Nothing is deleted by itself."""
    from stepwarden.cli.opened import with_journal
    from stepwarden.threads.retention import ended_runs

    rules = [ended_runs(older_than * DAY_SECONDS)]
    heads = with_journal(lambda journal: journal.store.maintenance.prune(rules, dry_run=dry_run))
    for head in heads:
        typer.echo(plain(f"{head.stream} {head.state}: {head.title}"))
    count = f"{len(heads)} run{'' if len(heads) == 1 else 's'}"
    typer.echo(f"{count} would be deleted." if dry_run else f"{count} deleted.", err=True)


def _answer(run_id: str, call: str | None, kind: str, arguments: Mapping[str, Any]) -> None:
    from stepwarden.cli.run_console import answer_call, with_runs
    from stepwarden.runs.run_commands import RunCommandKind

    with_runs(lambda found: answer_call(found, run_id, call, RunCommandKind(kind), arguments))


def _tell(run_id: str, kind: str, arguments: Mapping[str, Any]) -> None:
    from stepwarden.cli.run_console import tell_run, with_runs
    from stepwarden.runs.run_commands import RunCommandKind

    with_runs(lambda found: tell_run(found, run_id, RunCommandKind(kind), arguments))


def work() -> None:
    """Drive whatever runs have something to do, until it is ended."""
    from stepwarden.cli.run_console import serve_runs, with_runs

    with_runs(serve_runs)
