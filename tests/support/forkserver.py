"""A program that has imported what a server needs, and forks a process of ours for each request.

An interpreter that imports the SDK takes about a second of CPU; a fork of one that has done so takes some milliseconds.
The fork is a process like any other: it has its own pipes, environment and directory, and dies by `kill -9`. Requests
come over a socket as JSON, with four descriptors: stdin, stdout, stderr, and where to report the pid and the end.
"""

import gc
import json
import os
import runpy
import signal
import socket
import struct
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

LENGTH = struct.Struct("!I")
REPORT = struct.Struct("!i")
PRELOADED = (
    "anyio._backends._asyncio",
    "cryptography.hazmat.primitives.ciphers.aead",
    "filelock",
    "httpcore2",
    "mcp.server.mcpserver",
    "mcp.server.streamable_http_manager",
    "pysqlite3",
    "sqlalchemy",
    "uvicorn",
    "stepwarden.cli.commands",
    "stepwarden.cli.serve",
    "stepwarden.cli.doctor",
    "stepwarden.cli.login",
    "stepwarden.http.app",
    "stepwarden.http.server",
    "stepwarden.runtime",
    "stepwarden.storage.database",
    "stepwarden.storage.sqlite",
    "tools.catalogue",
    "tools.resources",
    "tools.status",
)


def receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and its descriptors; None where nobody will ask any more."""
    head, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, 4)
    if not head:
        return None
    (missing,) = LENGTH.unpack(head)
    body = bytearray()
    while len(body) < missing:
        body += control.recv(missing - len(body))
    return json.loads(body), descriptors


def next_process(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork at each request; return in the forked processes only."""
    reports: dict[int, int] = {}

    def reap(*_: object) -> None:
        while reports:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:  # this handler was itself interrupted by the next end, and that took all
                return
            if not pid:
                return
            report = reports.pop(pid)
            os.write(report, REPORT.pack(os.waitstatus_to_exitcode(status)))
            os.close(report)

    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: who asks decides when it is over
    while request := receive(control):
        said, descriptors = request
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid:
            *pipes, report = descriptors
            for pipe in pipes:
                os.close(pipe)
            reports[pid] = report
            os.write(report, REPORT.pack(pid))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            control.detach()
            return said, descriptors
    os._exit(0)


def become(said: dict[str, Any], descriptors: list[int]) -> None:
    """Run what was asked for, with its pipes, environment and directory."""
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, 1_024)
    os.environ.clear()
    os.environ.update(said["environment"])
    os.chdir(said["directory"])
    sys.argv = said["command"]
    program = Path(sys.argv[0])
    if program.suffix == ".py":
        sys.path.insert(0, str(program.parent))
        runpy.run_path(str(program), run_name="__main__")
    else:
        main = import_module("stepwarden.cli").main
        sys.exit(main())


if __name__ == "__main__":
    warnings.simplefilter("error")
    for name in PRELOADED:
        import_module(name)
    gc.freeze()  # else each fork goes through all of that once more as it ends: 0.4 s of CPU
    become(*next_process(socket.socket(fileno=int(sys.argv[1]))))
