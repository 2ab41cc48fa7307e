"""From settings to what a process runs on: store, threads, manager, and the work in the background."""

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from stepwarden.errors import StepwardenError
from stepwarden.manager.manager import Manager
from stepwarden.settings import Settings
from stepwarden.storage import Store
from stepwarden.threads.journal import Journal
from stepwarden.threads.reading import Archive
from stepwarden.threads.submit import Desk

logger = logging.getLogger(__name__)

DAY_SECONDS = 86_400.0


@dataclass
class Runtime:
    """What belongs to the process and to no connection: it opens at first use and is closed once."""

    settings: Settings
    store: Store
    journal: Journal
    desk: Desk
    archive: Archive
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _warmed: bool = False

    def warm_soon(self) -> None:
        """Import and open what the first step needs, and tidy up, in the background; once."""
        if not self._warmed:
            self._warmed = True
            task = asyncio.get_running_loop().create_task(self._warm())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _warm(self) -> None:
        try:
            await self.store.warm()
            await self.store.prune(orphans_older_than_s=self.settings.retention_days * DAY_SECONDS)
        except StepwardenError as error:
            logger.warning("the store is not ready: %s", error)  # the first call that needs it says so to its caller

    async def close(self) -> None:
        """End the work in the background and close the store."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.close()

    def configuration(self, tools: Sequence[str]) -> dict[str, str]:
        """Give what `status` and `doctor` show of the settings: nothing secret."""
        roots = os.pathsep.join(self.settings.roots)
        database = "PostgreSQL" if self.settings.store_url.startswith("postgres") else self.settings.store_url
        return {
            "store": database.removeprefix("sqlite:///"),
            "roots": roots or "the working_directory of each thread",
            "tools": ", ".join(tools),
            "expert": "none: no model provider is configured",
        }


def build_runtime(settings: Settings) -> Runtime:
    """Put a runtime together; nothing is opened or read yet."""
    store = Store(settings.store_url)
    journal = Journal(store)
    desk = Desk(journal, Manager(), settings.roots)
    return Runtime(settings, store, journal, desk, Archive(journal, os.getcwd()))  # noqa: PTH109 - a string is kept
