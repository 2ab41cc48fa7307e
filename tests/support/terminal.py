"""A command on a terminal of its own: what it shows is read as a person reads it, and answered."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

READ_S = 60.0  # for one text to come, on a machine with much else to do


class TerminalProcess:
    """A process on a pseudo-terminal of so many columns; `shown` is all that it wrote so far."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path, columns: int = 100
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=directory,
            env={**environment, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""
        self._read_to = 0

    def until(self, text: str) -> None:
        """Wait for a text after the last one that was waited for; raises AssertionError where it does not come."""
        while (at := self.shown.find(text, self._read_to)) < 0:
            assert self._read(), f"{text!r} did not come; there was:\n{self.shown}"
        self._read_to = at + len(text)

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self._ours, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """Return the exit code, once it ended and everything was read."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait()

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], READ_S)
        assert ready, f"nothing came; there was:\n{self.shown}"
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # the other side is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
