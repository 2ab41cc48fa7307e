"""`stepwarden backup` and `stepwarden restore`: a copy of the store, taken and put back while servers run."""

import asyncio
from pathlib import Path

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.settings import Settings, load_settings
from stepwarden.storage.backups import BackupRefused, Contents, put_back, take_backup
from stepwarden.storage.transactions import sqlite_path
from stepwarden.threads.event_text import stamp

_NOT_IN_IT = "Not in it: sign-ins at upstreams (sealed, with their key elsewhere), upstreams.json, settings and caches."


def backup(target: Path, *, overwrite: bool) -> None:
    """Copy the store to `target`, check the copy, and say what is in it."""
    settings = load_settings()
    held = asyncio.run(take_backup(_store_file(settings), target.absolute(), overwrite=overwrite))
    typer.echo(f"{target}: {_described(held)}; every chain was checked.")
    typer.echo(_NOT_IN_IT, err=True)


def restore(source: Path, *, replace: bool) -> None:
    """Put the copy `source` in the place of the store, check it there, and say what was done."""
    store = _store_file(load_settings())
    held, kept = asyncio.run(put_back(source.absolute(), store, replace=replace))
    typer.echo(f"{store}: {_described(held)}; every chain was checked.")
    if kept is not None:
        typer.echo(f"What was there before is kept as {kept}.", err=True)


def _store_file(settings: Settings) -> Path:
    path = sqlite_path(settings.store_url)
    if path is None:
        raise BackupRefused("The store is in PostgreSQL: copy it by pg_dump, and put it back by pg_restore.")
    return path


def _described(held: Contents) -> str:
    changed = f", last changed {stamp(held.updated)}" if held.streams else ""
    return f"{held.streams} thread{'' if held.streams == 1 else 's'}, {held.events} events{changed}"
