"""An anchor: an append-only file of heads under a key of its own, kept outside the store.

Whoever can write the store can write all of it anew, chain and heads, and nothing in it would tell. An anchor holds
what was there at some time: a line for each stream, with a MAC over it and the line before. It costs a step nothing,
since lines are added when the store is verified against it; what came after the last line the chain alone covers.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from stepwarden.errors import StepwardenError
from stepwarden.storage import Head, Store

KEY_BYTES = 32


class AnchorUnusable(StepwardenError):
    """An anchor cannot be read, written or checked: the user has to name its files, or mend what the text says."""


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """What an anchor knows of one stream: its event `version` had this hash. `goes`: retention may delete it."""

    stream: str
    version: int
    hash: str
    principal: str
    tool: str
    created: float
    goes: bool


class Anchor:
    """The anchor in the file `path`, whose key is in the file `key`; both are made where neither is there."""

    def __init__(self, path: Path, key: Path) -> None:
        self._path = path
        if not path.parent.is_dir():
            raise AnchorUnusable(f"There is no directory {path.parent}.")
        try:
            if not path.exists() and not key.exists():
                _write_new(key, secrets.token_bytes(KEY_BYTES).hex().encode())
                _write_new(path, b"")
            self._key = bytes.fromhex(key.read_text("ascii").strip())
            lines = path.read_bytes().splitlines()
        except FileNotFoundError as error:
            raise AnchorUnusable(f"{error.filename} is gone: an anchor is its file and its key.") from error
        except OSError as error:
            raise AnchorUnusable(f"{error.filename} cannot be used: {error.strerror}.") from error
        except ValueError as error:
            raise AnchorUnusable(f"{key} holds no key of an anchor.") from error
        if len(self._key) < KEY_BYTES:
            raise AnchorUnusable(f"{key} holds no key of an anchor.")
        self._read = lines
        self._last = ""
        self._known: dict[str, AnchoredHead] = {}
        for number, line in enumerate(lines, start=1):
            self._take(number, line)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was in the anchor when it was read, so that nothing could be compared with it."""
        return not self._read

    async def find_changes(self, store: Store) -> dict[str, str]:
        """Return by stream what is no longer as the anchor has it, as a phrase."""
        found = {stream: await _change_of(store, known) for stream, known in self._known.items()}
        return {stream: change for stream, change in found.items() if change is not None}

    def add(self, heads: list[Head]) -> int:
        """Add what is not in the anchor yet of these heads; return how many lines that took. On disk by then."""
        new = [head for head in map(_anchored, heads) if self._known.get(head.stream) != head]
        lines = list[str]()
        for head in new:
            body = json.dumps(asdict(head), separators=(",", ":"))
            self._last = self._mac(body)
            self._known[head.stream] = head
            lines.append(f"{self._last} {body}\n")
        try:
            self._write("".join(lines).encode("ascii"))
        except OSError as error:
            raise AnchorUnusable(f"{self._path} cannot be written: {error.strerror}.") from error
        return len(new)

    def _write(self, lines: bytes) -> None:
        """Append lines, unless another run did so since the anchor was read: their MACs would not go on from its."""
        from filelock import FileLock

        with FileLock(self._path.with_name(self._path.name + ".lock"), mode=0o600), self._path.open("ab+") as file:
            file.seek(0)
            if file.read().splitlines() != self._read:
                raise AnchorUnusable(f"{self._path} was added to by another run meanwhile; run the same again.")
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
            self._read = [*self._read, *lines.splitlines()]

    def _take(self, number: int, line: bytes) -> None:
        mac, _, body = line.decode("ascii", "replace").partition(" ")
        if not hmac.compare_digest(mac.encode(), self._mac(body).encode()):
            raise AnchorUnusable(
                f"{self._path}: line {number} does not fit its key and the lines before: the anchor was changed, or "
                "its last line was cut by a crash and has to be removed."
            )
        known = AnchoredHead(**json.loads(body))
        self._last, self._known[known.stream] = mac, known

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, f"{self._last}\n{body}".encode(), hashlib.sha256).hexdigest()


async def _change_of(store: Store, known: AnchoredHead) -> str | None:
    head = await store.head(known.stream)
    if head is None:
        return None if known.goes else "is gone, pruned or deleted"
    for name in ("principal", "tool", "created"):
        if getattr(head, name) != getattr(known, name):
            return f"the head has another {name} than the anchor"
    event = await store.read(known.stream, after=known.version - 1, limit=1)
    if not event or event[0].seq != known.version:
        return f"event {known.version}, which the anchor has, is gone"
    return None if event[0].hash == known.hash else f"was written anew: event {known.version} is not the anchor's"


def _anchored(head: Head) -> AnchoredHead:
    goes = head.state == "open" and head.steps <= 1
    return AnchoredHead(head.stream, head.version, head.hash, head.principal, head.tool, head.created, goes)


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
