"""Files of the user that hold a secret: read only where nobody else can read them."""

import os
import stat
from pathlib import Path


class OpenToOthers(Exception):
    """Others than its owner can read the file."""


def read_secret(path: Path, most_bytes: int) -> bytes:
    """Return the first `most_bytes` and one of a file, nothing of what is no regular file.

    Raises OSError where it cannot be read, OpenToOthers where others can.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        content = file.read(most_bytes + 1) if stat.S_ISREG(found.st_mode) else b""
    if os.name == "posix" and found.st_mode & 0o077:
        raise OpenToOthers
    return content
