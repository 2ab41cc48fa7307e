"""Sends a person to a sign-in from the terminal: the address is printed and opened, and its answer may be pasted."""

import asyncio
import contextlib
import os
import threading
import webbrowser
from dataclasses import dataclass

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.upstream.sign_in import SignInAnswer, SignInRequest


@dataclass(frozen=True)
class TerminalSignIn:
    """The sign-in prompt of one command; without `browser` the address is printed alone."""

    browser: bool

    async def open_address(self, request: SignInRequest) -> SignInAnswer:
        """Print the address, and open it."""
        typer.echo(f"Open this address to sign in at {request.upstream}:", err=True)
        typer.echo(request.address)
        self.say("From a browser on another machine, paste the address it ends on here, even if it shows an error.")
        if self.browser:
            threading.Thread(target=_open, args=(request.address,), daemon=True).start()
        return request.answer("opened")

    def say(self, text: str) -> None:
        """Print a line for the person; the address alone is on stdout."""
        typer.echo(text, err=True)


class TypedLines:
    """The lines that come in on stdin, read by a thread that the end of the process need not wait for."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._reads = False

    async def line(self) -> str:
        """Return the next line that is not empty, "" at the end of stdin."""
        if not self._reads:
            self._reads = True
            threading.Thread(target=self._read, daemon=True).start()
        return await self._lines.get()

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(OSError, RuntimeError):  # no stdin, or nobody listens any more
            while data := os.read(0, 65_536):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if text := line.decode(errors="replace").strip():
                        self._loop.call_soon_threadsafe(self._lines.put_nowait, text)
            self._loop.call_soon_threadsafe(self._lines.put_nowait, rest.decode(errors="replace").strip())


def _open(address: str) -> None:
    try:
        opened = webbrowser.open(address)
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        typer.echo("No browser could be opened here.", err=True)
