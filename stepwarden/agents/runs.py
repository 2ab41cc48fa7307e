"""Runs as the rest of the product sees them: started, told something, looked at, driven."""

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwarden.agents.code_tools import code_tools
from stepwarden.agents.driver import Driver, RunSurroundings
from stepwarden.agents.live_text import LiveTexts
from stepwarden.agents.local_tools import local_tools
from stepwarden.agents.run_files import RunFiles
from stepwarden.agents.run_journal import LoadedRun, RunJournal
from stepwarden.agents.run_report import WholeRun, history_lines
from stepwarden.agents.run_request import RunRequest, named_tools, plan_run
from stepwarden.agents.toolbox import RunTool, Toolbox
from stepwarden.engine import Dispatcher
from stepwarden.errors import NewerRun, RunMovedOn, RunRefused, StepwardenError, StoreError, VersionConflict
from stepwarden.files.paths import shown
from stepwarden.files.roots import RootPolicy
from stepwarden.files.secret_values import hide_in_prose
from stepwarden.files.workspace import open_workspace
from stepwarden.inspections.runner import InspectionRunner
from stepwarden.models import Models, ModelTier
from stepwarden.runs.decide import after_crash
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import CallState
from stepwarden.runs.run_commands import RunCommand, RunCommandKind, admit_run_command, is_about_the_same
from stepwarden.runs.run_events import JobsPlanned, RunCommanded, RunStarted
from stepwarden.storage import Head, HeadQuery, kinds
from stepwarden.threads.calls import Caller
from stepwarden.upstream.calls.records import new_id
from stepwarden.upstream.deferred import DeferredUpstreams

if TYPE_CHECKING:
    from stepwarden.agents.upstream_tools import UpstreamOffer

logger = logging.getLogger(__name__)

SAME_S = 600.0
LATEST = 20
MOST_TOLD = 10  # events that changed what a command is about
_DECIDING = frozenset({"commanded", "approval_asked", "sent", "call_ended", "in_doubt", "stopping", "paused", "ended"})
AGAIN_S = 1.0  # after another driver took a run over that was handed out to this one


NEWER_S = 60.0  # after a run that only a newer version can drive

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Instructions:
    """What models are told: one that works by itself, and in a steered run all abilities, and each of them."""

    agent: str
    steered: str = ""
    ability: Callable[[str], str] = lambda _: ""


@dataclass
class Runs:
    """The runs of a process, of which it drives those that `engine` hands out to it."""

    engine: Dispatcher
    journal: RunJournal
    models: Models
    roots: tuple[str, ...]
    instructions: Instructions
    inspections: InspectionRunner
    upstreams: DeferredUpstreams | None = None
    workflows: Callable[[str | None], Awaitable[Sequence[RunTool]]] | None = None
    name: str = field(default_factory=lambda: new_id("driver"))
    live: LiveTexts = field(default_factory=LiveTexts)
    _drivers: dict[str, Driver] = field(default_factory=dict[str, Driver])
    _serving: asyncio.Task[None] | None = None

    async def start(self, wanted: RunRequest, caller: Caller, *, via: str) -> Run:
        """Record a run; whoever drives does the rest. Raises RunRefused, ModelError, RootRefused and StoreError."""
        wanted = self._settled(wanted)
        await self._check_thread(wanted.thread, caller)
        own = await self._own_tools(wanted, caller)
        wanted = replace(wanted, tools=named_tools(wanted.tools, own))
        offer = await self._of_upstreams(wanted, own)
        toolbox = Toolbox.of([*own, *offer.tools])
        lacking = "; ".join(f"no tools of {name}: {why}" for name, why in offer.lacking.items())
        words = self.instructions.agent if wanted.mode == "agent" else self.instructions.steered
        instructions = "\n\n".join(filter(None, [words, lacking]))
        planned = await plan_run(wanted, self.models, toolbox, instructions)
        started = RunStarted(
            request=hide_in_prose(wanted.request),
            by=caller.principal,
            via=via,
            limits=planned.limits,
            approval=wanted.approval,
            pauses_at_limits=wanted.pauses_at_limits,
            directory=wanted.directory,
            is_local=caller.local,
            thread=wanted.thread,
            metadata={name: _hidden(value) for name, value in wanted.metadata.items()},
        )
        new = LoadedRun(Run(new_id("run")), caller.principal, "")
        run = (await self.journal.append(new, [started, JobsPlanned((planned.job,), lacking)])).run
        await self.engine.offer(run.id)
        return run

    def _settled(self, wanted: RunRequest) -> RunRequest:
        """Return a request with its mode: steered where there are upstreams and the model gives typed answers."""
        if wanted.mode != "auto":
            return wanted
        has_upstreams = self.upstreams is not None and bool(self.upstreams.names)
        info = self.models.choose(wanted.model, ModelTier.BALANCED).info
        return replace(wanted, mode="steered" if has_upstreams and info.typed_answers else "agent")

    async def _check_thread(self, thread: str, caller: Caller) -> None:
        """Raise RunRefused where a run is asked for a thread that is none of the caller's."""
        if not thread:
            return
        head = None if "\x00" in thread else await self.journal.store.head(thread)
        if head is None or head.principal != caller.principal:
            named = shown(thread, 80)
            raise RunRefused(f"continuation_id: no thread of yours has the id {named}; send a reply's id, or none.")

    async def tell(
        self, run_id: str, command: RunCommand, caller: Caller, *, seen: int | None = None
    ) -> tuple[Run, RunCommanded]:
        """Record a person's word, and return the run with what became of it; one that is known is not recorded again.

        `seen` is the last event that they saw. Raises UnknownStream, RunRefused where the word changes nothing, and
        RunMovedOn where what it is about changed since.
        """
        while True:
            loaded = await self.journal.load(run_id, caller.principal)
            said = admit_run_command(loaded.run, _without_secrets(command))
            if said is not None and seen is not None:
                await self._check_seen(loaded.run, command, seen)
            if said is not None and said.accepted and command.kind is RunCommandKind.EDIT:
                await self._check_edited(loaded, command)
            if said is None:
                known = loaded.run.commands[command.id]
                if known.kind != command.kind:
                    raise RunRefused(f"id: {shown(command.id, 80)} was {known.kind}; give each command its own id.")
                said = RunCommanded(command.id, known.kind, known.by, known.via, {}, known.accepted, known.reason)
            else:
                try:
                    loaded = await self.journal.append(loaded, [said])
                except VersionConflict:
                    continue
            if not said.accepted:
                raise RunRefused(f"{command.kind}: {said.reason}.")
            if (driver := self._drivers.get(run_id)) is not None:
                driver.notice.set()
            elif not await self.engine.wake(run_id):
                await self.engine.offer(run_id)
            return loaded.run, said

    async def _check_edited(self, loaded: LoadedRun, command: RunCommand) -> None:
        """Raise RunRefused where a person's arguments do not fit what the tool takes."""
        from stepwarden.upstream.catalogue.schemas import UnusableSchema, compiled

        waiting = [call for call in loaded.run.open_calls if call.state is CallState.WAITING]
        call = next(call for call in waiting if command.arguments.get("call") in {None, call.key})
        toolbox = await self._toolbox_of(loaded.run, loaded.principal)
        tool = toolbox.tools.get(call.tool)
        if tool is None:
            raise RunRefused(f"edit: {call.tool} is not there any more.")
        try:
            wrong = compiled(tool.offered.schema).errors_in(dict(command.arguments["parameters"]))
        except UnusableSchema:  # its server says what is wrong
            return
        if wrong:
            raise RunRefused(f"edit: {call.tool} does not take that: {'; '.join(wrong)}.")

    async def _check_seen(self, run: Run, command: RunCommand, seen: int) -> None:
        """Raise RunMovedOn where what the command is about is not any more as it was after event `seen`."""
        if seen > run.version:
            raise RunRefused(f"seen: the run has {run.version} events, and none of number {seen}.")
        if seen == run.version or is_about_the_same(await self.journal.as_of(run.id, seen), run, command):
            return
        after = await self.journal.store.read(run.id, after=seen)
        changed = list(history_lines([row for row in after if row.kind in _DECIDING]))[-MOST_TOLD:]
        said = "; ".join(changed) or f"event {run.version}"
        text = f"{command.kind}: nothing was done, since this changed after event {seen}: {said}. Look again."
        raise RunMovedOn(text, changed=changed, cursor=run.version)

    async def same(self, wanted: RunRequest, caller: Caller) -> Run | None:
        """Return a run of the caller's that was asked for in the same words a short while ago and is not at its end."""
        for head in await self.heads(caller, LATEST):
            if time.time() - head.created > SAME_S or RunStatus(head.state).is_end:
                continue
            try:
                run = await self.look(head.stream, caller)
            except NewerRun:  # it is no reason to start none
                continue
            if (run.request, run.directory) == (hide_in_prose(wanted.request), wanted.directory):
                return run
        return None

    async def heads(self, caller: Caller, limit: int) -> Sequence[Head]:
        """Return the caller's runs, the last changed first; none to callers whom nothing identifies."""
        query = HeadQuery(caller.principal, kind=kinds.RUN, limit=limit)
        return await self.journal.store.heads(query) if caller.listed else []

    async def texts(self, run: Run) -> Mapping[str, str]:
        """Return the long texts of a run's answer, by digest."""
        return await self.journal.texts(run.id) if run.answer.digest else {}

    async def whole(self, run_id: str, caller: Caller) -> WholeRun:
        """Return a run with its history and its long texts. Raises UnknownStream and OtherKind."""
        run = await self.look(run_id, caller)
        history = await self.journal.store.read(run_id, limit=run.version)
        return WholeRun(run, history, await self.journal.texts(run_id))

    async def look(self, run_id: str, caller: Caller) -> Run:
        """Return a run as it stands. Raises UnknownStream and OtherKind."""
        return (await self.journal.load(run_id, caller.principal)).run

    def serve_soon(self) -> None:
        """Drive in the background whatever runs have something to do, from now on."""
        if self._serving is None or self._serving.done():
            self._serving = asyncio.get_running_loop().create_task(self._keep_serving())

    async def _keep_serving(self) -> None:
        try:
            await self.serve()
        except StepwardenError as error:  # whoever asks next tries it again
            logger.warning("no runs are driven here: %s", error)

    @property
    def is_serving(self) -> bool:
        """Whether this process drives whatever runs have something to do."""
        return self._serving is not None and not self._serving.done()

    @property
    def driven(self) -> int:
        """How many runs this process drives at the moment."""
        return len(self._drivers)

    async def serve(self, only: str | None = None) -> None:
        """Drive whatever runs have something to do, or one alone, until cancelled. Raises StoreError."""
        await self.engine.serve(self._drive, only=only)

    async def _drive(self, run_id: str) -> float | None:
        around = RunSurroundings(
            self.journal, self.models, self._toolbox_of, self.name, self.live, self.instructions.ability
        )
        driver = self._drivers[run_id] = Driver(around, run_id)
        try:
            run = await driver.drive()
        except NewerRun as error:
            logger.warning("%s is left alone: %s", run_id, error)
            return time.time() + NEWER_S
        except StoreError:
            raise
        except Exception as error:
            logger.exception("driving %s crashed", run_id)
            run = await self._after_crash(run_id, _place_of(error))
        finally:
            del self._drivers[run_id]
        if not run.is_at_work:
            return run.deadline
        due = max(time.time() + AGAIN_S * 2**run.crashes, run.looks_at)
        return due if run.deadline is None else min(due, run.deadline)

    async def _after_crash(self, run_id: str, error: str) -> Run:
        """Record that driving a run crashed, or its end once that happened too often."""
        while True:
            loaded = await self.journal.load(run_id, None)
            try:
                return (await self.journal.append(loaded, after_crash(loaded.run, error))).run
            except VersionConflict:
                continue

    async def close(self) -> None:
        """Let go of every run; another process may go on with them."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        await self.engine.close()

    async def _own_tools(self, wanted: RunRequest, caller: Caller) -> Sequence[RunTool]:
        """Return the tools of ours; the workflows are among them where tools are named at all."""
        policy = RootPolicy(self.roots, caller.local)
        workspace = open_workspace(wanted.directory, policy)
        own = [*local_tools(RunFiles(workspace)), *code_tools(self.inspections, workspace)]
        if wanted.tools is None or self.workflows is None:
            return own
        return [*own, *await self.workflows(workspace.directory)]

    async def _toolbox_of(self, run: Run, principal: str) -> Toolbox:
        names = [grant.name for job in run.jobs.values() for grant in job.plan.tools]
        wanted = RunRequest(run.request, directory=run.directory, tools=names)
        own = await self._own_tools(wanted, Caller(principal, local=run.is_local))
        return Toolbox.of([*own, *(await self._of_upstreams(wanted, own)).tools])

    async def _of_upstreams(self, wanted: RunRequest, own: Sequence[RunTool]) -> "UpstreamOffer":
        from stepwarden.agents.upstream_tools import UpstreamOffer, upstream_tools

        if self.upstreams is None or (
            wanted.tools is not None and {tool.grant.name for tool in own} >= {*wanted.tools}
        ):
            return UpstreamOffer()
        return await upstream_tools(self.upstreams.open(), wanted.request, wanted.tools)


def _hidden(value: Any) -> Any:
    return hide_in_prose(value) if isinstance(value, str) else value


def _without_secrets(command: RunCommand) -> RunCommand:
    """Return a command without secrets in what its sender wrote in words."""
    words = {name: _hidden(value) for name, value in command.arguments.items() if name in {"reason", "note", "text"}}
    return replace(command, arguments={**command.arguments, **words})


def _place_of(error: Exception) -> str:
    """Return the type of an error and where it was raised; its words may hold anything."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
