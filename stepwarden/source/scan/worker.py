"""A worker process of scans: reads and parses the files it is sent, one after another, and nothing else.

It has pipes of its own, so it never holds the server's stdin and stdout, and it ends when they close: when the server
is gone, it reads the end of its input. A file that takes too long ends the process; only that file is lost by it.
"""

import signal
import sys

from stepwarden.source.scan.entry import FileEntry, read_entry
from stepwarden.source.scan.frames import StreamEnded, read_frame, write_result

FILE_SECONDS = 10  # for one file: a hundred times what the slowest takes
MEMORY_BYTES = 1536 * 1024 * 1024  # of address space


def main() -> None:
    """Answer frames until the input ends."""
    _limit_process()
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            request, _ = read_frame(incoming)
        except StreamEnded:
            return
        for name, sha256 in request["files"]:
            known = FileEntry(None, sha256) if sha256 else None
            _set_alarm(FILE_SECONDS)
            result = read_entry(request["root"], name, known)
            _set_alarm(0)
            same = known is not None and isinstance(result, FileEntry) and result.sha256 == sha256
            write_result(outgoing, result, same=same)


def _set_alarm(seconds: int) -> None:
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)  # not handled: the system ends the process, even where it hangs in C


def _limit_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
