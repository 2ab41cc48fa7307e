"""The file that keeps one upstream's tools across restarts: what was listed last, and what is trusted.

It holds words of a foreign server and nothing secret. Several processes share it.
"""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from stepwarden.files.private_directory import make_private_directory
from stepwarden.upstream.catalogue.tool import UpstreamTool, read_tools
from stepwarden.upstream.config import UpstreamConfig

logger = logging.getLogger(__name__)

FILE_BYTES = 64 * 1024 * 1024
LOCK_S = 5.0
FORMAT = 1

Tools = Mapping[str, UpstreamTool]


@dataclass(frozen=True)
class KnownTools:
    """What is known of one server's tools; `listed` as the protocol has it, `listed_at` in unix seconds."""

    listed: list[Mapping[str, Any]]
    trusted: Tools = field(default_factory=dict[str, UpstreamTool])
    listed_at: float | None = None


@dataclass
class ToolListFile:
    """The file at `path`, None keeps nothing. What was written for another server under the same name is not read."""

    path: Path | None
    server: str
    _read: tuple[int, int] | None = None

    @property
    def changed(self) -> bool:
        """Whether it was written since it was read or written here."""
        return self.path is not None and _stamp(self.path) != self._read

    def read(self) -> KnownTools | None:
        """Return what it holds; None where it holds nothing of this server. A damaged file is set aside."""
        if self.path is None:
            return None
        try:
            self._read = _stamp(self.path)
            if self._read is None or self._read[1] > FILE_BYTES:
                return None
            body: Any = json.loads(self.path.read_text("utf-8"))
            if (
                body["format"] != FORMAT
                or not isinstance(body["trusted"], list)
                or not isinstance(body["listed"], list)
            ):
                raise ValueError("another format")
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            self._set_aside(self.path, type(error).__name__)
            return None
        except OSError as error:
            logger.warning("%s cannot be read: %s", self.path, error.strerror)
            return None
        found = cast("dict[str, Any]", body)
        if found.get("server") != self.server:
            return None
        return KnownTools(found["listed"], read_tools(found["trusted"])[0], found["listed_at"])

    def write(self, merge: Callable[[KnownTools | None], KnownTools]) -> None:
        """Write what `merge` makes of what other processes wrote meanwhile; a failure is only logged."""
        from filelock import Timeout

        if self.path is None:
            return
        try:
            make_private_directory(self.path.parent)
            with _lock_of(self.path):
                known = merge(self.read())
                body = {
                    "format": FORMAT,
                    "server": self.server,
                    "listed_at": known.listed_at,
                    "listed": known.listed,
                    "trusted": [tool.wire for tool in known.trusted.values()],
                }
                _replace(self.path, json.dumps(body, ensure_ascii=False).encode(errors="replace"))
                self._read = _stamp(self.path)
        except (OSError, Timeout) as error:
            logger.warning("%s could not be written: %s", self.path, error)

    def _set_aside(self, path: Path, reason: str) -> None:
        aside = path.with_suffix(".unreadable")
        logger.warning("%s is not a list of tools of ours (%s): moved to %s", path, reason, aside.name)
        try:
            path.replace(aside)
        except OSError as error:
            logger.warning("%s cannot be moved: %s", path, error.strerror)


def server_digest(config: UpstreamConfig) -> str:
    """Return what stands for a server: of another one under the same name nothing is trusted yet."""
    return sha256(json.dumps([config.url, config.command, config.args, config.cwd]).encode()).hexdigest()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _lock_of(path: Path) -> AbstractContextManager[object]:
    from filelock import FileLock

    return FileLock(path.with_suffix(".lock"), timeout=LOCK_S)


def _replace(path: Path, data: bytes) -> None:
    """Replace the file in one step; readable by its owner alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
