"""Files of the user that hold a secret: read only where nobody else can read them."""

import os
import stat
from pathlib import Path


class OpenToOthers(Exception):
    """The file can be read by others than its owner."""


def read_secret(path: Path, most_bytes: int) -> bytes:
    """Return the first `most_bytes` + 1 of a file; nothing of one that is not a regular file.

    Raises OSError where it cannot be read, OpenToOthers where others can.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        content = file.read(most_bytes + 1) if stat.S_ISREG(found.st_mode) else b""
    if os.name == "posix" and found.st_mode & 0o077:
        raise OpenToOthers
    return content
