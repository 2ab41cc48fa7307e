"""Runs inspectors, in a worker thread; what they need is opened at the first inspection."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stepwarden.files import Workspace
from stepwarden.files.secret_values import hide_secrets
from stepwarden.inspections.context import (
    INSPECTION_SECONDS,
    InspectedPlace,
    InspectionContext,
    InspectionResult,
    Inspector,
)
from stepwarden.inspections.shared.fact_places import find_citable
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

if TYPE_CHECKING:
    from stepwarden.source.scan.reader import Reader


class InspectionRunner:
    """The inspections of a process. What they read is cached in `cache_dir`, private to the user; None: nowhere."""

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache_dir = cache_dir

    @cached_property
    def _reader(self) -> "Reader":
        from stepwarden.source.scan.reader import Reader

        return Reader(self._cache_dir)

    def run(
        self, inspector: Inspector, thread: Thread, workspace: Workspace, kept: Mapping[str, bytes]
    ) -> InspectionResult | None:
        """Return what `inspector` finds at the last step of `thread`; it blocks for INSPECTION_SECONDS at most."""
        until = time.monotonic() + INSPECTION_SECONDS
        found = inspector(InspectionContext(workspace, self._reader, until, thread, kept))
        if found is None:
            return None
        shown = _without_secrets(found.inspection)
        return replace(found, inspection=replace(shown, citable=find_citable(shown.facts, workspace)))

    def ask(self, question: Callable[[InspectedPlace], str], workspace: Workspace) -> str:
        """Return what `question` says of a workspace, without secrets; it blocks for INSPECTION_SECONDS at most."""
        until = time.monotonic() + INSPECTION_SECONDS
        return hide_secrets(question(InspectedPlace(workspace, self._reader, until)))

    def close(self) -> None:
        """Close what was opened."""
        if "_reader" in self.__dict__:
            self._reader.close()


def _without_secrets(found: Inspection) -> Inspection:
    """Return what was found with no secret in what a host or a report shows of it."""
    return replace(
        found,
        facts=tuple(map(hide_secrets, found.facts)),
        sections={name: hide_secrets(text) for name, text in found.sections.items()},
    )
