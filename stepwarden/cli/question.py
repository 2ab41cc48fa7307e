"""Questions to the person at the terminal that end with whoever asks them: Ctrl-C is heeded while one is open."""

import os
import sys

import anyio
import anyio.to_thread
import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.output import plain

_WORDS = {"y": True, "yes": True, "n": False, "no": False}


def is_person_there() -> bool:
    """Return whether somebody is at the terminal who can be shown something and asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


async def ask_yes_or_no(question: str, *, default: bool | None = None) -> bool | None:
    """Return what the person says; None where they close their input (Ctrl-D)."""
    choices = {None: "y/n", True: "Y/n", False: "y/N"}[default]
    while True:
        typer.echo(f"{plain(question)} [{choices}]: ", nl=False)
        line = await _read_line()
        if not line:
            typer.echo("")
            return None
        word = line.strip().casefold()
        if word in _WORDS:
            return _WORDS[word]
        if not word and default is not None:
            return default
        typer.echo("Say y or n.")


async def _read_line() -> str:
    """Return the next line of the terminal, "" at its end."""
    if os.name == "nt":  # a console cannot be waited for there: the thread is left behind where nobody waits any more
        return await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    await anyio.wait_readable(sys.stdin)
    return sys.stdin.readline()
