"""How looks are taken: in a worker thread, with what they need imported and opened when the first one is."""

import time
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from stepwarden.files import Workspace
from stepwarden.inspections.context import INSPECTION_SECONDS, InspectionContext, InspectionResult, Inspector
from stepwarden.steps.thread import Thread

if TYPE_CHECKING:
    from stepwarden.source.reader import Reader


def inspector_of(tool: str) -> Inspector:
    """Return the inspector of a tool; its module is imported at its first use, to keep the cold start short."""

    def look(scene: InspectionContext) -> InspectionResult | None:
        return cast("Inspector", import_module(f"stepwarden.inspections.{tool}.inspector").inspect)(scene)

    return look


class InspectionRunner:
    """Takes the looks of a process. What it reads is cached in `cache_dir`, private to the user; None: nowhere."""

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache_dir = cache_dir

    @cached_property
    def _reader(self) -> "Reader":
        from stepwarden.source.reader import Reader

        return Reader(self._cache_dir)

    def take(
        self, look: Inspector, thread: Thread, workspace: Workspace, kept: Mapping[str, bytes]
    ) -> InspectionResult | None:
        """Let `look` look at the last step of `thread`; blocks for as long as LOOK_SECONDS."""
        return look(InspectionContext(thread, workspace, self._reader, time.monotonic() + INSPECTION_SECONDS, kept))

    def close(self) -> None:
        """Close what was opened."""
        if "_reader" in self.__dict__:
            self._reader.close()
