"""A worker process of scans: reads and parses the files it is told of, one after another, and nothing else.

It is started with pipes of its own, so it never has the server's stdin and stdout, and ends with them: when the server
is gone it reads the end of its input. A file that takes too long costs the process its life, which only that file is
lost by.
"""

import signal
import sys

from stepwarden.source.entry import FileEntry, read_entry
from stepwarden.source.frames import StreamEnded, read_frame, write_result

FILE_SECONDS = 10  # for one file: a hundred times what the slowest takes
MEMORY_BYTES = 1536 * 1024 * 1024  # of address space


def main() -> None:
    """Answer frames until the input ends."""
    _limit()
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            told, _ = read_frame(incoming)
        except StreamEnded:
            return
        for name, sha256 in told["files"]:
            known = FileEntry(0, -1, sha256, b"") if sha256 else None
            _alarm(FILE_SECONDS)
            result = read_entry(told["root"], name, known)
            _alarm(0)
            same = known is not None and isinstance(result, FileEntry) and result.sha256 == sha256
            write_result(outgoing, result, same=same)


def _alarm(seconds: int) -> None:
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)  # nobody handles it: the system ends the process, even one that hangs in C


def _limit() -> None:
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
