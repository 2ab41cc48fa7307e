"""`stepwarden runs`: the runs of this machine, for its owner. What acts is imported when a command runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.output import plain

if TYPE_CHECKING:
    from stepwarden.storage import Head

DAY_SECONDS = 86_400.0

runs = typer.Typer(help="List, show, drive, steer, export and prune runs.", no_args_is_help=True)

RunId = Annotated[str, typer.Argument(metavar="ID", help="The run's id.", show_default=False)]
CallKey = Annotated[str | None, typer.Option("--call", help="The call, where several wait.", show_default=False)]
Drive = Annotated[bool, typer.Option("--drive", help="And go on with it here, until it ends or waits for you.")]
Status = Literal["waiting", "running", "paused", "completed", "failed", "stopped"]


@runs.command("list")
def list_runs(
    status: Annotated[Status | None, typer.Option(help="Only runs that stand so.")] = None,
    tool: Annotated[str | None, typer.Option(help="Only those whose model asked for it; UPSTREAM/* for any.")] = None,
    text: Annotated[str | None, typer.Option(help="Only those with these words in request, text or answer.")] = None,
    since: Annotated[str | None, typer.Option(help="Changed since then: 2h, 3d, 2026-11-30.")] = None,
    until: Annotated[str | None, typer.Option(help="Begun before then.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the last changed first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List runs, the last changed first, each with what it waits for."""
    from stepwarden.agents.run_list import RunFilter
    from stepwarden.cli import run_list
    from stepwarden.cli.run_console import with_runs
    from stepwarden.cli.run_options import read_time

    begin, end = read_time("--since", since), read_time("--until", until)
    wanted = RunFilter(status, tool, text, begin, end, limit=limit)
    with_runs(lambda found: run_list.list_runs(found, wanted, as_json=as_json))


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
def events(
    run_id: RunId,
    after: Annotated[int, typer.Option(min=0, metavar="NUMBER", help="Only those after this one.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Each as JSON, whole, in a line of its own.")] = False,
) -> None:
    """Show the events of a run, a line each."""
    from stepwarden.cli.run_console import with_runs
    from stepwarden.cli.run_list import show_events

    with_runs(lambda found: show_events(found, run_id, after, as_json=as_json))


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
    from stepwarden.cli.run_console import Terminal, carry_out, with_runs

    raise typer.Exit(with_runs(lambda found: carry_out(found, run_id, Terminal())))


@runs.command()
def approve(run_id: RunId, call: CallKey = None, drive: Drive = False) -> None:
    """Allow a call that waits."""
    _answer(run_id, call, "approve", {}, drives=drive)


@runs.command()
def refuse(
    run_id: RunId,
    call: CallKey = None,
    reason: Annotated[str, typer.Option(help="What the model is told.")] = "",
    drive: Drive = False,
) -> None:
    """Refuse a call that waits: the run goes on without it."""
    _answer(run_id, call, "refuse", {"reason": reason}, drives=drive)


@runs.command()
def resolve(
    run_id: RunId,
    done: Annotated[bool, typer.Option("--done/--not-done", help="What you found there.", show_default=False)],
    call: CallKey = None,
    note: Annotated[str, typer.Option(help="What the model is told of it.")] = "",
    drive: Drive = False,
) -> None:
    """Say whether a call in doubt was carried out; one that was not is sent again."""
    _answer(run_id, call, "resolve", {"verdict": "done" if done else "not_done", "note": note}, drives=drive)


@runs.command()
def pause(run_id: RunId) -> None:
    """Let a run rest: what is under way is cut off, but for writes."""
    _tell(run_id, "pause", {})


@runs.command()
def resume(run_id: RunId, drive: Drive = False) -> None:
    """Let a paused run go on."""
    _tell(run_id, "resume", {}, drives=drive)


@runs.command()
def stop(run_id: RunId) -> None:
    """Stop a run; what it has found so far stays."""
    _tell(run_id, "stop", {})


@runs.command()
def extend(
    run_id: RunId,
    limit: Annotated[list[str], typer.Option(help="What is added: steps=10, seconds=300, tokens=..., dollars=...")],
    drive: Drive = False,
) -> None:
    """Give a run more, and let it go on where a limit stopped it."""
    from stepwarden.cli.run_options import read_additions

    _tell(run_id, "extend", read_additions(limit), drives=drive)


@runs.command()
def prune(
    older_than: Annotated[float, typer.Option(min=0, metavar="DAYS", help="Idle for so many days.")],
    bodies: Annotated[
        bool, typer.Option("--bodies", help="Only their long texts; the history stays, and its chain whole.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
) -> None:
    """Delete ended runs with all that belongs to them, or only their long texts, for good.

    Nothing of a run is ever deleted but by this command.
    """
    from stepwarden.cli.opened import with_journal
    from stepwarden.threads.retention import ended_runs

    rules = [ended_runs(older_than * DAY_SECONDS)]
    if bodies:
        sizes = with_journal(lambda journal: journal.store.maintenance.prune_kept(rules, dry_run=dry_run))
        heads = [size.head for size in sizes]
        what = f"long texts of {_counted(heads)} ({sum(size.stored_bytes for size in sizes):,} bytes)"
    else:
        heads = with_journal(lambda journal: journal.store.maintenance.prune(rules, dry_run=dry_run))
        what = _counted(heads)
    for head in heads:
        typer.echo(plain(f"{head.stream} {head.state}: {head.title}"))
    typer.echo(f"{what} would be deleted." if dry_run else f"{what} deleted.", err=True)


def _counted(heads: "Sequence[Head]") -> str:
    return f"{len(heads)} run{'' if len(heads) == 1 else 's'}"


def _answer(run_id: str, call: str | None, kind: str, arguments: Mapping[str, Any], *, drives: bool) -> None:
    from stepwarden.cli.run_console import answer_call, with_runs
    from stepwarden.runs.run_commands import RunCommandKind

    word = RunCommandKind(kind)
    raise typer.Exit(with_runs(lambda found: answer_call(found, run_id, call, word, arguments, drives=drives)))


def _tell(run_id: str, kind: str, arguments: Mapping[str, Any], *, drives: bool = False) -> None:
    from stepwarden.cli.run_console import tell_run, with_runs
    from stepwarden.runs.run_commands import RunCommandKind

    word = RunCommandKind(kind)
    raise typer.Exit(with_runs(lambda found: tell_run(found, run_id, word, arguments, drives=drives)))


def work() -> None:
    """Drive whatever runs have something to do, until it is ended."""
    from stepwarden.cli.run_console import serve_runs, with_runs

    with_runs(serve_runs)
