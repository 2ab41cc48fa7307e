"""`stepwarden threads`: the threads of everybody on this machine, for its owner."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.opened import with_journal
from stepwarden.cli.output import plain, show_markdown, show_table, write_or_show
from stepwarden.settings import load_settings
from stepwarden.steps.commands import Command, CommandKind, CommandRefused
from stepwarden.steps.thread import Outcome
from stepwarden.storage import Head, HeadQuery, kinds
from stepwarden.threads.anchors import Anchor
from stepwarden.threads.calls import HistoryEntry
from stepwarden.threads.commands import give_command, owner
from stepwarden.threads.event_text import stamp
from stepwarden.threads.exports import as_html, as_json, as_markdown
from stepwarden.threads.journal import Journal
from stepwarden.threads.queries import ThreadQueries, Whole
from stepwarden.threads.retention import finished_streams, orphan_threads
from stepwarden.threads.verification import find_changes, without_heads

DAY_SECONDS = 86_400.0
PAGE = 500  # heads that are read at once

threads = typer.Typer(help="List, show, export, abandon, prune and verify threads.", no_args_is_help=True)

ThreadId = Annotated[str, typer.Argument(metavar="ID", help="The thread's continuation_id.", show_default=False)]


@threads.command("list")
def list_threads(
    tool: Annotated[str | None, typer.Option(help="Only threads of this tool.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only threads with this outcome.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the last changed first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List threads, the last changed first."""
    query = HeadQuery(None, tool=tool, limit=limit)
    if outcome is not None:  # only threads of steps have one
        query = replace(query, kind=kinds.THREAD, state=outcome.value)
    heads = with_journal(lambda journal: journal.store.heads(query))
    if as_json:
        typer.echo(json.dumps([_described(head) for head in heads], ensure_ascii=False, indent=2))
    elif heads:
        _show(heads)
    else:
        typer.echo("No threads.", err=True)
    _name_damaged(heads)


@threads.command()
def show(thread_id: ThreadId) -> None:
    """Show a thread as a report: what was found, on what evidence, and everything that happened."""
    whole = with_journal(lambda journal: _whole(journal, thread_id))
    show_markdown(as_markdown(*whole))


@threads.command()
def export(
    thread_id: ThreadId,
    form: Annotated[
        Literal["json", "markdown", "html"],
        typer.Option("--format", help="json holds every event with its hash; markdown and html are for people."),
    ] = "json",
    output: Annotated[Path | None, typer.Option(help="File to write; else stdout.", dir_okay=False)] = None,
) -> None:
    """Export a thread with its whole history."""
    thread, history, calls = with_journal(lambda journal: _whole(journal, thread_id))
    text = {"json": _json_text, "markdown": as_markdown, "html": as_html}[form](thread, history, calls)
    write_or_show(text, output)


@threads.command()
def abandon(thread_id: ThreadId) -> None:
    """Give an open thread up; its history stays."""
    command = Command(CommandKind.ABANDON, via="cli")
    admission = with_journal(lambda journal: give_command(journal, thread_id, command))
    if isinstance(admission, CommandRefused):
        typer.echo(f"{thread_id} is {admission.subject} already; only open threads can be abandoned.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{thread_id} is abandoned.")


@threads.command()
def prune(
    older_than: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="DAYS",
            help="Also ended threads, chats and upstream sessions that were idle for so many days.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
) -> None:
    """Delete threads that never got past their first step (idle for STEPWARDEN_RETENTION_DAYS), for good.

    Open threads of more steps always stay.
    """
    if older_than is None:
        rules = [orphan_threads(load_settings().retention_days * DAY_SECONDS)]
    else:
        rules = [orphan_threads(older_than * DAY_SECONDS), *finished_streams(older_than * DAY_SECONDS)]
    heads = with_journal(lambda journal: journal.store.maintenance.prune(rules, dry_run=dry_run))
    if heads:
        _show(heads)
        _name_damaged(heads)
    count = f"{len(heads)} thread{'' if len(heads) == 1 else 's'}"
    typer.echo(f"{count} would be deleted." if dry_run else f"{count} deleted.", err=True)


@threads.command()
def verify(
    thread_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only this thread.", show_default=False)
    ] = None,
    anchor: Annotated[
        Path | None, typer.Option(help="Check against this file of heads too, and add those that are new.")
    ] = None,
    anchor_key: Annotated[Path | None, typer.Option(help="The key of the anchor; else FILE.key.")] = None,
) -> None:
    """Name what was changed outside stepwarden in events and in what the list shows of them; exit 1 if anything was.

    Not seen without --anchor: a thread that is gone with all its rows or was written anew as a whole, and another
    principal. Keep the anchor and its key where nobody who can write the store can write.
    """
    if anchor is None:
        checked, broken = with_journal(lambda journal: _verified(journal, thread_id))
    elif thread_id is not None:
        raise typer.BadParameter("--anchor is of all threads: leave the ID out")
    else:
        against = Anchor(anchor, anchor_key or anchor.with_name(anchor.name + ".key"))
        fresh = against.is_empty
        checked, broken, added = with_journal(lambda journal: _anchored(journal, against))
        empty = " It was empty: nothing was compared with it." if fresh else ""
        typer.echo(f"{anchor}: {added} lines added.{empty}", err=True)
    for name, changes in broken.items():
        typer.echo(f"{name}: {'; '.join(changes)}")
    typer.echo(f"{checked} checked, {len(broken)} broken.")
    raise typer.Exit(1 if broken else 0)


def _json_text(whole: Whole, history: Sequence[HistoryEntry], calls: Sequence[HistoryEntry]) -> str:
    return as_json(whole, history, calls) + "\n"


async def _whole(journal: Journal, thread_id: str) -> tuple[Whole, list[HistoryEntry], list[HistoryEntry]]:
    caller = await owner(journal, thread_id)
    queries = ThreadQueries(journal)
    whole = await queries.whole(thread_id, caller)
    return whole, await journal.history(thread_id), await queries.calls(thread_id, caller)


async def _verified(journal: Journal, thread_id: str | None) -> tuple[int, dict[str, list[str]]]:
    if thread_id is not None:
        changes = await find_changes(journal, thread_id)
        return 1, {thread_id: changes} if changes else {}
    names = [head.stream async for head in _heads(journal)] + await without_heads(journal)
    found = {name: await find_changes(journal, name) for name in names}
    return len(names), {name: changes for name, changes in found.items() if changes}


async def _anchored(journal: Journal, anchor: Anchor) -> tuple[int, dict[str, list[str]], int]:
    """Verify all threads and the anchor; what is not broken is added to the anchor, which goes on to tell the rest."""
    checked, broken = await _verified(journal, None)
    for name, change in (await anchor.find_changes(journal.store)).items():
        broken.setdefault(name, []).append(change)
    heads = [head async for head in _heads(journal) if head.stream not in broken]
    return checked, broken, anchor.add(heads)


async def _heads(journal: Journal) -> AsyncIterator[Head]:
    offset = 0
    while heads := await journal.store.heads(HeadQuery(None, limit=PAGE, offset=offset)):
        for head in heads:
            yield head
        offset += len(heads)


def _described(head: Head) -> dict[str, Any]:
    times = {name: stamp(at) for name in ("created", "updated", "finished") if (at := getattr(head, name)) is not None}
    described = asdict(head) | dict.fromkeys(head.damaged)
    described["damaged"] = list(head.damaged)
    times = {name: at for name, at in times.items() if name not in head.damaged}
    return described | {"outcome": described.pop("state")} | times


def _name_damaged(heads: Sequence[Head]) -> None:
    for head in heads:
        if head.damaged:
            typer.echo(
                f"{plain(head.stream)} was changed outside stepwarden: its head has no possible "
                f"{' and '.join(head.damaged)}; see `stepwarden threads verify`.",
                err=True,
            )


def _show(heads: Sequence[Head]) -> None:
    columns = ("id", "outcome", "steps", "changed", "principal", "directory", "task")
    rows = [
        (
            head.stream,
            _cell(head, "state", head.state),
            _cell(head, "steps", f"{head.steps}/{head.total_steps}" if head.total_steps else str(head.steps)),
            _cell(head, "updated", stamp(head.updated)),
            _cell(head, "principal", head.principal),
            _cell(head, "directory", head.directory or ""),
            head.title,
        )
        for head in heads
    ]
    show_table(columns, rows)


def _cell(head: Head, name: str, text: str) -> str:
    return "?" if name in head.damaged else text
