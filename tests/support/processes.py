"""Processes of ours, and what they are started with."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from tests.support.forkserver import LENGTH, REPORT

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(sys.executable).with_name("stepwarden")
SERVER = ROOT / "server.py"
FORKSERVER = ROOT / "tests" / "support" / "forkserver.py"
ALWAYS_FRESH = bool(os.environ.get("STEPWARDEN_TEST_FRESH")) or not hasattr(os, "fork")


def environment(state: Path, **more: str) -> dict[str, str]:
    """Return the environment of a user of whom nothing is set but what is given, with `state` as STEPWARDEN_HOME."""
    kept = {name: value for name, value in os.environ.items() if not _personal(name)}
    return kept | {"HOME": str(state.parent), "STEPWARDEN_HOME": str(state), "PYTHONWARNINGS": "error"} | more


def unmeasured(wanted: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment in which no coverage is measured: its tracer loads what the product is to load late."""
    return {name: value for name, value in wanted.items() if not name.startswith("COVERAGE_")}


def _personal(name: str) -> bool:
    return name.startswith(("STEPWARDEN_", "XDG_", "CUSTOM_")) or name.endswith("_API_KEY")


class Process(Protocol):
    """What tests use of a process; `subprocess.Popen` is one."""

    pid: int
    returncode: int | None
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def kill(self) -> None: ...


class ForkedProcess:
    """A process that the fork server made: `Popen` as far as tests need it."""

    def __init__(self, report: int, pipes: Sequence[IO[bytes] | None]) -> None:
        self.stdin, self.stdout, self.stderr = pipes
        self.returncode: int | None = None
        self._report = report
        (self.pid,) = REPORT.unpack(os.read(report, REPORT.size))

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> int:
        if self.returncode is None:
            (code,) = REPORT.unpack(os.read(self._report, REPORT.size))
            os.close(self._report)
            self.returncode = code
        return self.returncode or 0

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The fork server of this test process; it ends with the socket that it is asked over."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-W", "error", str(FORKSERVER), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], directory: Path, descriptors: Sequence[int]
    ) -> int:
        """Start a process with these descriptors as stdin, stdout and stderr; return where it is reported."""
        report, theirs = os.pipe()
        said = {"command": list(command), "environment": dict(environment), "directory": str(directory)}
        body = json.dumps(said).encode(errors="surrogateescape")
        with self._lock:
            socket.send_fds(self._control, [LENGTH.pack(len(body))], [*descriptors, theirs])
            self._control.sendall(body)
        os.close(theirs)
        return report

    def close(self) -> None:
        self._control.close()
        self._process.wait()


class ForkServers:
    """The fork server of this test process: one, made when it is first asked, from whatever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: ForkServer | None = None

    def get(self) -> ForkServer:
        with self._lock:
            if self._made is None:
                self._made = ForkServer()
            return self._made

    def close(self) -> None:
        if self._made is not None:
            self._made.close()
            self._made = None


FORK_SERVERS = ForkServers()


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    *,
    fresh: bool = False,
    stdin: int | IO[bytes] = subprocess.PIPE,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> Process:
    """Start the installed command or a Python script; a `fresh` one begins with an interpreter of its own."""
    if fresh or ALWAYS_FRESH:
        words = [sys.executable, *command] if command[0].endswith(".py") else list(command)
        return subprocess.Popen(
            words, env=environment, cwd=directory, stdin=stdin, stdout=stdout, stderr=stderr, bufsize=0
        )
    ours: list[IO[bytes] | None] = []
    theirs: list[int] = []
    opened: list[int] = []
    for number, wanted in enumerate((stdin, stdout, stderr)):
        if wanted == subprocess.PIPE:
            reading, writing = os.pipe()
            their, our = (reading, writing) if number == 0 else (writing, reading)
            ours.append(os.fdopen(our, "wb" if number == 0 else "rb", buffering=0))
        elif wanted == subprocess.DEVNULL:
            their = os.open(os.devnull, os.O_RDWR)
            ours.append(None)
        else:
            their = os.dup(wanted if isinstance(wanted, int) else wanted.fileno())
            ours.append(None)
        theirs.append(their)
        opened.append(their)
    try:
        return ForkedProcess(FORK_SERVERS.get().start(command, environment, directory, theirs), ours)
    finally:
        for descriptor in opened:
            os.close(descriptor)


@contextmanager
def ending(process: Process) -> Generator[Process]:
    """End a process in the end, however it goes, and close its pipes."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True)
class Ended:
    """A process that ran to its end."""

    returncode: int
    stdout: str
    stderr: str


def run(command: Sequence[str], environment: Mapping[str, str], directory: Path, *, fresh: bool = False) -> Ended:
    """Run a command without input to its end."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = start(
            command, environment, directory, fresh=fresh, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        code = process.wait()
        texts: list[str] = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read().decode())
    return Ended(code, *texts)
