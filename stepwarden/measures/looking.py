"""How looks are taken: in a worker thread, with what they need imported and opened when the first one is."""

import time
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from stepwarden.files import Workspace
from stepwarden.measures.scene import LOOK_SECONDS, Look, Scene, Seen
from stepwarden.steps.thread import Thread

if TYPE_CHECKING:
    from stepwarden.source.reader import Reader


def look_of(tool: str) -> Look:
    """Give the look of `stepwarden.measures.<tool>`, imported when it is first taken: hosts wait for a start."""

    def look(scene: Scene) -> Seen | None:
        return cast("Look", import_module(f"stepwarden.measures.{tool}").look)(scene)

    return look


class Observer:
    """Takes the looks of a process. What it reads is cached in `cache_dir`, private to the user; None: nowhere."""

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache_dir = cache_dir

    @cached_property
    def _reader(self) -> "Reader":
        from stepwarden.source.reader import Reader

        return Reader(self._cache_dir)

    def take(self, look: Look, thread: Thread, workspace: Workspace, kept: Mapping[str, bytes]) -> Seen | None:
        """Let `look` look at the last step of `thread`; blocks for as long as LOOK_SECONDS."""
        return look(Scene(thread, workspace, self._reader, time.monotonic() + LOOK_SECONDS, kept))

    def close(self) -> None:
        """Close what was opened."""
        if "_reader" in self.__dict__:
            self._reader.close()
