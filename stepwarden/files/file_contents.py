"""The contents of the files that one call reads: each once, and not more than a call may read."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from stepwarden.files.encodings import decode
from stepwarden.files.quote_context import SourceLines
from stepwarden.files.safe_open import FILE_BYTES, NO_ROOT, Unread, read_file
from stepwarden.files.secret_values import hide_secrets
from stepwarden.steps.evidence import Verdict

CALL_BYTES = 8 * FILE_BYTES  # that one call reads at most: about a second of work

_SPENT = Unread(Verdict.UNREACHABLE, f"not read: this call had already read {CALL_BYTES // 1024**2} MiB")

_Places = TypeVar("_Places")


@dataclass(frozen=True, slots=True)
class FileContent:
    """The bytes of a file as this call read them."""

    data: bytes
    sha256: str

    def source(self, path: str) -> SourceLines | None:
        """Return the lines, without secrets, for telling where a quote stands; None for a binary."""
        text = decode(self.data)
        return None if text is None else SourceLines.of(hide_secrets(text, path), path)


def read_contents(
    root: str | None, wanted: Mapping[str, _Places]
) -> Iterator[tuple[str, FileContent | Unread, _Places]]:
    """Read the files of `wanted` one after another; yield name, content and the value of `wanted`."""
    left = CALL_BYTES
    for name, places in wanted.items():
        data = _read(root, name) if left > 0 else _SPENT
        if isinstance(data, Unread):
            yield name, data, places
        else:
            left -= len(data)
            yield name, FileContent(data, hashlib.sha256(data).hexdigest()), places


def _read(root: str | None, name: str) -> bytes | Unread:
    return NO_ROOT if root is None else read_file(root, name)
