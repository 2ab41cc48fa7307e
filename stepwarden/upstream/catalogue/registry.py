"""The tools of one upstream: what it lists now, what was trusted, and both kept on disk across restarts.

The file holds words of a foreign server and nothing secret. Several processes share it: every write merges what another
one has trusted meanwhile. Each tool is trusted as it was first seen; one that widened since is barred until somebody
looked at it and accepted it, here or by the command line.
"""

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from stepwarden.errors import UnknownUpstream, UpstreamRefused
from stepwarden.upstream.catalogue.drift import ToolChange, changes, widens
from stepwarden.upstream.catalogue.schemas import Checker, UnusableSchema, compiled
from stepwarden.upstream.catalogue.tool import UnusableTool, UpstreamTool, read_tools
from stepwarden.upstream.config import UpstreamConfig

logger = logging.getLogger(__name__)

FILE_BYTES = 64 * 1024 * 1024
LOCK_S = 5.0
MOST_TRUSTED = 4_000  # tools that are remembered, those that are gone too
FORMAT = 1


@dataclass
class Registry:
    """What is known of the tools of `config`'s server; `path` is the file, None keeps nothing."""

    config: UpstreamConfig
    path: Path | None
    clock: Callable[[], float] = time.time
    skipped: Sequence[UnusableTool] = ()
    listed_at: float | None = None
    _listed: dict[str, UpstreamTool] = field(default_factory=dict[str, UpstreamTool])
    _trusted: dict[str, UpstreamTool] = field(default_factory=dict[str, UpstreamTool])
    _checkers: dict[str, Checker | UnusableSchema] = field(default_factory=dict[str, "Checker | UnusableSchema"])
    _read: tuple[int, int] | None = None

    def load(self) -> None:
        """Read the file, if it is there and was written for the same server."""
        found = self._file()
        if found is None or found.get("server") != _server_of(self.config):
            return
        tools, skipped = read_tools(found["listed"])
        self._listed, self.skipped = tools, skipped
        self._trusted, _ = read_tools(found["trusted"])
        self.listed_at = found["listed_at"]

    def update(self, listed: Sequence[Mapping[str, Any]]) -> None:
        """Take in a list that the server gave just now; what is new is trusted as it stands."""
        tools, self.skipped = read_tools(listed)
        self.listed_at = self.clock()
        changed = tools != self._listed
        self._listed = tools
        new = [name for name in tools if name not in self._trusted]
        self._trusted.update({name: tools[name] for name in new})
        gone = [name for name in self._trusted if name not in tools]
        for name in gone[: max(0, len(self._trusted) - MOST_TRUSTED)]:
            del self._trusted[name]  # a server that renames its tools for ever
        for name in list(self._trusted):
            if name in tools and not widens(self._trusted[name], tools[name]):
                self._trusted[name] = tools[name]
        if changed or new:
            self._save(set(new))

    @property
    def tools(self) -> dict[str, UpstreamTool]:
        """The tools that may be used by the settings, by name, in the server's order."""
        return {name: tool for name, tool in self._listed.items() if self.config.permits(name)}

    def tool(self, name: str) -> UpstreamTool:
        """Return a tool that may be called. Raises UnknownUpstream, or UpstreamRefused with what to do."""
        if name not in self._listed:
            raise UnknownUpstream(self._unknown(name))
        if not self.config.permits(name):
            raise UpstreamRefused(
                f"{name} of {self.config.name} is not allowed by the file of upstreams (allow, deny)."
            )
        if self.drift(name):
            self._look_again()
        if self.drift(name):
            raise UpstreamRefused(
                f"{name} of {self.config.name} changed since it was trusted, and may do more now. Look at it first: "
                f'upstream(action="describe", tool="{self.config.name}/{name}") shows the change and how to accept it.'
            )
        return self._listed[name]

    def drift(self, name: str) -> list[ToolChange]:
        """List what changed in a tool since it was trusted; empty where nothing widened."""
        before, after = self._trusted.get(name), self._listed.get(name)
        if before is None or after is None or not widens(before, after):
            return []
        return changes(before, after)

    @property
    def barred(self) -> list[str]:
        """The names of the tools that somebody has to look at."""
        return [name for name in self.tools if self.drift(name)]

    def accept(self, name: str, fingerprint: str) -> None:
        """Trust a tool as it is listed now; `fingerprint` says which one was looked at.

        Raises UnknownUpstream, and UpstreamRefused where it is another by now.
        """
        tool = self._listed.get(name)
        if tool is None:
            raise UnknownUpstream(self._unknown(name))
        if tool.fingerprint != fingerprint:
            raise UpstreamRefused(f"{name} is not what was looked at any more; describe it again.")
        self._trusted[name] = tool
        self._save({name})

    def checker(self, name: str) -> Checker:
        """Return the compiled schema of a tool's arguments. Raises UpstreamRefused where it is none."""
        return self._checker(f"in {name}", name, self._listed[name].schema)

    def output_checker(self, name: str) -> Checker | None:
        """Return the compiled schema of its results, None where it has none or none that can be used."""
        schema = self._listed[name].output_schema
        try:
            return None if schema is None else self._checker(f"out {name}", name, schema)
        except UpstreamRefused:
            return None

    def _checker(self, key: str, name: str, schema: Mapping[str, Any]) -> Checker:
        key = f"{key} {self._listed[name].fingerprint}"
        if key not in self._checkers:
            try:
                self._checkers[key] = compiled(schema)
            except UnusableSchema as error:
                self._checkers[key] = error
        found = self._checkers[key]
        if isinstance(found, UnusableSchema):
            if key.startswith("in ") and all(item.name != name for item in self.skipped):
                self.skipped = (*self.skipped, UnusableTool(name, str(found)))
            raise UpstreamRefused(f"{name} of {self.config.name} cannot be called: {found}. Tell who runs it.")
        return found

    def _unknown(self, name: str) -> str:
        import difflib

        skipped = next((item for item in self.skipped if item.name == name), None)
        if skipped is not None:
            return f"{name} of {self.config.name} cannot be used: {skipped.why}."
        near = difflib.get_close_matches(name, self.tools, n=1, cutoff=0.5)
        meant = f"; did you mean {near[0]}?" if near else "."
        return (
            f'{self.config.name} has no tool {name[:80]!r}{meant} Look it up: upstream(action="search", query="...").'
        )

    def _look_again(self) -> None:
        """Take over what another process, or the command line, has accepted since the file was read."""
        if self.path is None or _stamp(self.path) == self._read:
            return
        found = self._file()
        if found is not None and found.get("server") == _server_of(self.config):
            self._trusted.update(read_tools(found["trusted"])[0])

    def _file(self) -> dict[str, Any] | None:
        if self.path is None:
            return None
        try:
            self._read = _stamp(self.path)
            if self._read is None or self._read[1] > FILE_BYTES:
                return None
            found = json.loads(self.path.read_text("utf-8"))
            if found["format"] == FORMAT and isinstance(found["trusted"], list) and isinstance(found["listed"], list):
                return cast("dict[str, Any]", found)
            raise ValueError("another format")
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            aside = self.path.with_suffix(".unreadable")
            logger.warning(
                "%s is no list of tools of ours (%s): moved to %s", self.path, type(error).__name__, aside.name
            )
            _move(self.path, aside)
            return None
        except OSError as error:
            logger.warning("%s cannot be read: %s", self.path, error.strerror)
            return None

    def _save(self, ours: set[str]) -> None:
        """Write the file anew, with what others have trusted meanwhile, except the tools in `ours`."""
        if self.path is None:
            return
        from filelock import FileLock, Timeout

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self.path.with_suffix(".lock"), timeout=LOCK_S):
                found = self._file()
                if found is not None and found.get("server") == _server_of(self.config):
                    theirs, _ = read_tools(found["trusted"])
                    self._trusted.update({name: tool for name, tool in theirs.items() if name not in ours})
                body = {
                    "format": FORMAT,
                    "server": _server_of(self.config),
                    "listed_at": self.listed_at,
                    "listed": [tool.wire for tool in self._listed.values()],
                    "trusted": [tool.wire for tool in self._trusted.values()],
                }
                _write(self.path, json.dumps(body, ensure_ascii=False).encode(errors="replace"))
                self._read = _stamp(self.path)
        except (OSError, Timeout) as error:
            logger.warning("the tools of %s could not be kept: %s", self.config.name, error)


def _server_of(config: UpstreamConfig) -> str:
    """Return what stands for the server: of another one under the same name nothing is trusted yet."""
    return sha256(json.dumps([config.url, config.command, config.args, config.cwd]).encode()).hexdigest()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _move(path: Path, aside: Path) -> None:
    try:
        path.replace(aside)
    except OSError as error:
        logger.warning("%s cannot be moved: %s", path, error.strerror)


def _write(path: Path, data: bytes) -> None:
    """Replace the file in one step; readable by its owner alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
