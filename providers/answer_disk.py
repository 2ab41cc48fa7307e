"""The disk class of the answer cache: plain JSON text in SQLite, and nothing else is ever read back.

diskcache's own classes unpickle what a row says is pickled (CVE-2025-69872, no fixed release), JSONDisk too.
"""

# pyright: reportMissingTypeStubs=false, reportIncompatibleMethodOverride=false
# diskcache has no types; what is inferred of its Disk is narrower than what it says

import json
from typing import Any

import diskcache  # noqa: TID253 - this module is itself imported lazily
from diskcache.core import MODE_RAW  # noqa: TID253

ANSWER_CHARACTERS = 4_000_000


class RefusedRow(Exception):
    """A row that we did not write: the cache is rebuilt."""


class AnswerDisk(diskcache.Disk):
    """Keys are text, values JSON text in the row itself: no pickle, no file that a row could name."""

    def put(self, key: Any) -> tuple[str, bool]:
        """Return the key as it is stored."""
        if not isinstance(key, str):
            raise RefusedRow("a key is text")
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        """Return a stored key."""
        if not raw or not isinstance(key, str):
            raise RefusedRow("a key that we did not write")
        return key

    def store(self, value: Any, read: bool, key: Any = None) -> tuple[int, int, None, str]:
        """Return the value as it is stored: size, mode, file, text."""
        return 0, MODE_RAW, None, json.dumps(value, ensure_ascii=False)

    def remove(self, file_path: str) -> None:
        """Remove no file: we write none, and a row is not to name one."""

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        """Return a stored value."""
        if mode != MODE_RAW or filename is not None or not isinstance(value, str) or len(value) > ANSWER_CHARACTERS:
            raise RefusedRow("a value that we did not write")
        return json.loads(value)
