"""Output of the commands: tables and layout on a terminal, tab-separated lines and plain text in a pipe."""

import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.errors import StepwardenError


class CannotWrite(StepwardenError):
    """A file cannot be written: the user has to name another one."""


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show rows under their columns; the first column is never wrapped."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            typer.echo("\t".join(" ".join(plain(cell).split()) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console().print(table)


def show_markdown(text: str) -> None:
    """Show Markdown, rendered on a terminal."""
    if not sys.stdout.isatty():
        typer.echo(plain(text), nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(plain(text), hyperlinks=False))


def write_or_show(text: str, output: Path | None) -> None:
    """Write text to a file, or show it where none is named. Raises CannotWrite."""
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise CannotWrite(f"{output} cannot be written: {error.strerror}.") from error
    typer.echo(f"{output}: {len(text)} characters", err=True)


def plain(text: str) -> str:
    """Return `text` without what controls a terminal: threads contain what models wrote about anybody's files."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"})
