"""From settings to what a process runs on: store, threads, manager, and the work in the background."""

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio.to_thread

import prompts
from stepwarden.deferred import DeferredModels
from stepwarden.errors import StepwardenError
from stepwarden.manager.manager import Manager
from stepwarden.manager.model_adviser import ModelAdviser
from stepwarden.measures.looking import Observer
from stepwarden.models import ModelError, Models, Need, find_some
from stepwarden.settings import Settings, variables
from stepwarden.storage import Store
from stepwarden.threads.chatting import ChatRoom
from stepwarden.threads.consult import Consultants
from stepwarden.threads.expert import Experts
from stepwarden.threads.journal import Journal
from stepwarden.threads.panel import Panels
from stepwarden.threads.reading import Archive
from stepwarden.threads.seats import Jurors
from stepwarden.threads.submit import Desk
from stepwarden.upstream.deferred import DeferredUpstreams

if TYPE_CHECKING:
    from stepwarden.upstream.config import UpstreamConfig
    from stepwarden.upstream.gateway import Upstreams
    from stepwarden.upstream.records import Recorder
    from stepwarden.upstream.signing import SignIn

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
    models: Models
    consultants: Consultants
    panels: Panels
    chats: ChatRoom
    observer: Observer
    upstreams: DeferredUpstreams | None = None
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
            await self.models.warm()
            await find_some(self.models)
        except StepwardenError as error:
            logger.warning("not ready: %s", error)  # the first call that needs it says so to its caller

    async def close(self) -> None:
        """End the work in the background and close the store."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(self.consultants.close(), self.panels.close())  # before the store: answers are recorded
        await self.models.close()
        await anyio.to_thread.run_sync(self.observer.close)
        if self.upstreams is not None:
            await self.upstreams.close()
        await self.store.close()

    def abandon(self) -> None:
        """Leave what `close` could not end in time to be ended after this process; call it last."""
        if self.upstreams is not None:
            self.upstreams.abandon()

    def configuration(self, tools: Sequence[str]) -> dict[str, str]:
        """Give what `status` and `doctor` show of the settings: nothing secret."""
        roots = os.pathsep.join(self.settings.roots)
        database = "PostgreSQL" if self.settings.store_url.startswith("postgres") else self.settings.store_url
        return {
            "store": database.removeprefix("sqlite:///"),
            "roots": roots or "the working_directory of each thread on stdio; none over HTTP",
            "tools": ", ".join(tools),
            "expert": self._expert(),
        }

    def _expert(self) -> str:
        try:
            choice = self.models.choose(None, Need.DEEP)
        except ModelError as error:
            return f"none: {error}"
        return f"{choice.info.name} ({choice.why})"


def build_runtime(settings: Settings, models: Models | None = None) -> Runtime:
    """Put a runtime together; nothing is opened or read yet. `models` stand in for those that are configured."""
    store = Store(settings.store_url)
    journal = Journal(store)
    models = models or _models(settings, store)
    consultants = Consultants(store, models)
    experts = Experts(models, consultants, prompts.text("expert"))
    seat = prompts.load("consensus_seat").texts
    panels = Panels(store, models, Consultants(store, Jurors(models, seat["form"])), seat)
    observer = Observer(settings.home / "cache" / "source")
    desk = Desk(journal, build_manager(settings, models), settings.roots, experts, panels, observer)
    archive = Archive(journal, os.getcwd())  # noqa: PTH109 - a string is kept
    chats = ChatRoom(journal, models, settings.roots, prompts.load("chat").texts["system"])
    upstreams = _upstreams(settings, store)
    return Runtime(settings, store, journal, desk, archive, models, consultants, panels, chats, observer, upstreams)


def _upstreams(settings: Settings, store: Store) -> DeferredUpstreams | None:
    """Give the upstream servers; their file is read now, so that a bad one is told at the start."""
    if not settings.upstreams_file.exists():
        return None
    from stepwarden.upstream.loading import load_upstreams

    configs = load_upstreams(settings.upstreams_file, variables())
    if not configs:
        return None

    def build() -> "tuple[Upstreams, Recorder]":
        from stepwarden.upstream.records import SessionRecorder
        from stepwarden.upstream.signing import SignIn

        return open_upstreams(settings, configs, SignIn(waits=False)), SessionRecorder(store)

    exposes = any(config.expose for config in configs)
    return DeferredUpstreams(tuple(config.name for config in configs), exposes, build)


def open_upstreams(settings: Settings, configs: "Sequence[UpstreamConfig]", how: "SignIn | None") -> "Upstreams":
    """Put the upstream servers together; `how` people sign in where one needs it, None where they are told a command.

    Raises SettingsError where an entry cannot be used.
    """
    from stepwarden.upstream.gateway import Upstreams
    from stepwarden.upstream.signing import build_auth, open_vault, standing

    vault = open_vault(settings)

    def lacking(config: "UpstreamConfig") -> str:
        missing = ", ".join(standing(config, vault).missing)
        told = f"{config.name}: signed in without {missing}; consent anew: stepwarden login {config.name}"
        return told if missing else ""

    directory = settings.home / "upstreams"
    return Upstreams(configs, directory, lambda config: build_auth(config, vault, how), lacking=lacking)


def _models(settings: Settings, store: Store) -> Models:
    """Give the models of the process; files of the user's are read now, so that a bad one is told at the start."""

    def build() -> Models:
        from providers.models import build_models

        return build_models(settings, ledger=store)

    return build() if settings.models_file or settings.scripted else DeferredModels(build)


def build_manager(settings: Settings, models: Models) -> Manager:
    """Give the manager with its model beside the rules, or the rules alone where the settings name none."""
    model = settings.manager_adviser
    if model is None:
        return Manager()
    return Manager(ModelAdviser(models, model, prompts.text("manager")))
