"""From settings to what a process runs on: store, threads, manager, and the work in the background."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio.to_thread

import prompts
from providers.endpoints import check_variables, free_manager_model
from stepwarden.agents.deferred import DeferredRuns
from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.call_allowance import AllowedAnswers
from stepwarden.consultation.consultant import Consultant
from stepwarden.consultation.expert import Expert
from stepwarden.consultation.expert_prompts import ExpertPrompts
from stepwarden.consultation.panel import ModelPanel
from stepwarden.consultation.panel_prompts import PanelPrompts
from stepwarden.deferred import DeferredModels
from stepwarden.errors import StepwardenError, StoreReadOnly
from stepwarden.inspections.runner import InspectionRunner
from stepwarden.manager.manager import Manager
from stepwarden.manager.model_adviser import ModelAdviser
from stepwarden.models import ModelError, Models, ModelTier, find_some
from stepwarden.settings import Settings, variables
from stepwarden.steps.consensus_rules import CONSENSUS
from stepwarden.steps.expert_rules import EXPERT
from stepwarden.storage import Store
from stepwarden.threads.chats import Chats
from stepwarden.threads.journal import Journal
from stepwarden.threads.queries import ThreadQueries
from stepwarden.threads.retention import orphan_threads
from stepwarden.threads.submissions import Threads
from stepwarden.upstream.deferred import DeferredUpstreams

if TYPE_CHECKING:
    from stepwarden.agents.runs import Runs
    from stepwarden.upstream.client import UpstreamClient
    from stepwarden.upstream.config import UpstreamConfig
    from stepwarden.upstream.oauth import SignIn
    from stepwarden.upstream.servers import Upstreams

logger = logging.getLogger(__name__)

DAY_SECONDS = 86_400.0


@dataclass
class Runtime:
    """What belongs to the process and to no connection: it opens at first use and is closed once."""

    settings: Settings
    store: Store
    journal: Journal
    threads: Threads
    queries: ThreadQueries
    models: Models
    background_requests: BackgroundRequests
    chats: Chats
    inspections: InspectionRunner
    runs: DeferredRuns
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
            with contextlib.suppress(StoreReadOnly):
                await self.store.maintenance.prune([orphan_threads(self.settings.retention_days * DAY_SECONDS)])
            await self.models.warm()
            await find_some(self.models)
        except StepwardenError as error:
            logger.warning("not ready: %s", error)  # the first call that needs it says so to its caller

    def drive_soon(self) -> None:
        """Drive the runs of the store, once all is ready: imports of two threads at once can meet in a circle."""
        task = asyncio.get_running_loop().create_task(self._drive_when_ready(list(self._tasks)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive_when_ready(self, warming: Sequence[asyncio.Task[None]]) -> None:
        await asyncio.gather(*warming, return_exceptions=True)
        self.runs.open().serve_soon()

    async def close(self) -> None:
        """End the work in the background and close the store."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.runs.close()
        await self.background_requests.close()  # before the store: answers are recorded
        await self.models.close()
        await anyio.to_thread.run_sync(self.inspections.close)
        if self.upstreams is not None:
            await self.upstreams.close()
        await self.store.close()

    def abandon(self) -> None:
        """Leave what `close` could not end in time to be ended after this process; call it last."""
        if self.upstreams is not None:
            self.upstreams.abandon()

    def configuration(self, tools: Sequence[str], *, local: bool = True) -> dict[str, str]:
        """Return what `status` shows of the settings: nothing secret; paths only to `local` ones."""
        roots = os.pathsep.join(self.settings.roots) if local else f"set ({len(self.settings.roots)})"
        is_file = not self.settings.store_url.startswith("postgres")
        file = self.settings.store_url.removeprefix("sqlite:///") if local else "SQLite"
        return {
            "store": file if is_file else "PostgreSQL",
            "roots": roots if self.settings.roots else "the working_directory of each thread on stdio; none over HTTP",
            "tools": ", ".join(tools),
            "expert": self._expert(),
        }

    def _expert(self) -> str:
        try:
            choice = self.models.choose(None, ModelTier.DEEP)
        except ModelError as error:
            return f"none: {error}"
        return f"{choice.info.name}, {choice.why}"


def build_runtime(settings: Settings, models: Models | None = None) -> Runtime:
    """Put a runtime together; nothing is opened or read yet. `models` stand in for those that are configured."""
    store = Store(settings.store_url)
    journal = Journal(store)
    models = models or _models(settings, store)
    background_requests = BackgroundRequests(store, AllowedAnswers(models))
    inspections = InspectionRunner(settings.home / "cache" / "source")
    consultants = _consultants(store, models, background_requests)
    threads = Threads(journal, build_manager(settings, models), settings.roots, consultants, inspections)
    queries = ThreadQueries(journal, os.getcwd())  # noqa: PTH109 - a string is kept
    chats = Chats(journal, models, settings.roots, prompts.load("chat").texts["system"])
    upstreams = _upstreams(settings, store)

    def build_runs() -> "Runs":
        from stepwarden.agents.run_journal import RunJournal
        from stepwarden.agents.runs import Instructions, Runs
        from stepwarden.engine.choice import build_dispatcher
        from tools.run_workflows import workflow_run_tools

        engine, journal = build_dispatcher(settings, store), RunJournal(store)
        words = {name: prompts.load(name).texts["system"] for name in ("agent", "steered")}
        instructions = Instructions(
            words["agent"], words["steered"], lambda name: prompts.load(f"ability_{name}").texts["system"]
        )
        workflows = workflow_run_tools(threads, models)
        return Runs(engine, journal, models, settings.roots, instructions, inspections, upstreams, workflows)

    return Runtime(
        settings,
        store,
        journal,
        threads,
        queries,
        models,
        background_requests,
        chats,
        inspections,
        DeferredRuns(build_runs),
        upstreams,
    )


def _consultants(store: Store, models: Models, requests: BackgroundRequests) -> dict[str, Consultant]:
    """Return whoever asks models about threads, by the kinds that policies name."""
    panel = PanelPrompts(prompts.load("consensus_panelist").texts)
    return {
        EXPERT.kind: Expert(models, requests, ExpertPrompts(prompts.load("expert").texts)),
        CONSENSUS.kind: ModelPanel(store, models, requests, panel),
    }


def _upstreams(settings: Settings, store: Store) -> DeferredUpstreams | None:
    """Return the upstream servers; their file is read now, so a bad file fails at startup."""
    if not settings.upstreams_file.exists():
        return None
    from stepwarden.upstream.config_file import load_upstreams

    configs = load_upstreams(settings.upstreams_file, variables())
    if not configs:
        return None

    def build() -> "UpstreamClient":
        from stepwarden.upstream.calls.records import SessionRecorder
        from stepwarden.upstream.client import UpstreamClient
        from stepwarden.upstream.oauth import SignIn

        return UpstreamClient(open_upstreams(settings, configs, SignIn(waits=False)), SessionRecorder(store))

    exposes = any(config.expose for config in configs)
    return DeferredUpstreams(tuple(config.name for config in configs), exposes, build)


def open_upstreams(settings: Settings, configs: "Sequence[UpstreamConfig]", how: "SignIn | None") -> "Upstreams":
    """Put the upstream servers together; `how` people sign in where one needs it, None where they are told a command.

    Raises SettingsError where an entry cannot be used.
    """
    from stepwarden.upstream.oauth import auth_status, build_auth, open_vault
    from stepwarden.upstream.servers import Upstreams

    vault = open_vault(settings)
    return Upstreams(
        configs,
        settings.home / "upstreams",
        lambda config: build_auth(config, vault, how),
        lambda config: auth_status(config, vault).missing,
    )


def _models(settings: Settings, store: Store) -> Models:
    """Return the models of the process; variables and files are checked now, so that a bad one fails at startup."""
    check_variables(settings)

    def build() -> Models:
        from providers.models import build_models

        return build_models(settings, ledger=store.spending)

    return build() if settings.models_file or settings.scripted else DeferredModels(build)


def build_manager(settings: Settings, models: Models) -> Manager:
    """Return the manager with its model beside the rules, or the rules alone where there is none or it is off."""
    named = settings.manager_model
    model = free_manager_model(settings) if named is None else named.strip()
    if model is None or model.casefold() in {"", "off"}:
        return Manager()
    return Manager(ModelAdviser(models, model, prompts.text("manager")))
