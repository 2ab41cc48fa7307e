"""Small text files of a git directory, read without following a link or waiting for a pipe."""

import os
import stat
from pathlib import Path

POINTER_BYTES = 8192


def read_small_text(path: Path) -> str:
    """Return the start of a regular file as text, "" for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.fsdecode(file.read(POINTER_BYTES)) if regular else ""
