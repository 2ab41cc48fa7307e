"""Drives a run: decide, record, do, record, until nothing is left to do, or only a person can go on."""

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from stepwarden.agents.conversation import Conversation
from stepwarden.agents.run_journal import BodyStore, LoadedRun, RunJournal
from stepwarden.agents.toolbox import CallContext, CallOutput, DoubtSettler, Toolbox
from stepwarden.errors import StepwardenError, StoreError, VersionConflict
from stepwarden.files.secret_values import hide_in_prose, hide_secrets
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Models
from stepwarden.runs.decide import AskModel, MakeCall, RunEffect, SettleDoubt, decide
from stepwarden.runs.limits import Amount
from stepwarden.runs.run import Job, Run, ToolLevel
from stepwarden.runs.run_calls import ProposedCall, RunCall
from stepwarden.runs.run_events import (
    CANCELLED,
    CallDoubted,
    CallEnded,
    DoubtSettled,
    FailedAnswer,
    QuestionAnswered,
    RunAttached,
    RunEvent,
    RunPaused,
)
from stepwarden.upstream.calls.call_doubt import AGAIN_S, DoubtResolution

logger = logging.getLogger(__name__)

STAYS_S = 2.0
"""A run with nothing to do for longer is let go of, until it is time."""

MOST_LOOKS = 5
"""So often is looked after a call in doubt, where looks fail."""

MOST_SENDS = 5
"""So often is a call sent by itself that is lost each time."""

LOOK_S = 0.25
"""So often is looked for what others recorded, while something is under way."""

_FATAL = frozenset(
    {
        ErrorKind.NO_MODEL,
        ErrorKind.UNKNOWN_MODEL,
        ErrorKind.NOT_ALLOWED,
        ErrorKind.WRONG_KEY,
        ErrorKind.NO_MONEY,
        ErrorKind.OVER_BUDGET,
        ErrorKind.MISCONFIGURED,
    }
)


@dataclass(frozen=True)
class RunSurroundings:
    """What driving needs: where runs are recorded, who answers, and which tools a run has. `driver` names this one."""

    journal: RunJournal
    models: Models
    toolbox_of: Callable[[Run, str], Coroutine[Any, Any, Toolbox]]
    driver: str


@dataclass
class Driver:
    """One run while it is driven. It lets go where another driver took over: the append that fails tells."""

    around: RunSurroundings
    run_id: str
    notice: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: dict[str, asyncio.Task[list[RunEvent]]] = field(default_factory=dict[str, asyncio.Task[list[RunEvent]]])
    _bodies: BodyStore = field(default_factory=BodyStore)
    _conversations: defaultdict[str, Conversation] = field(default_factory=lambda: defaultdict(Conversation))

    async def drive(self) -> Run:
        """Drive the run until there is nothing to do without a person, and return it as it stands then.

        Raises StoreError where nothing can be recorded any more; what was under way is ended.
        """
        loaded = await self.around.journal.load(self.run_id, None)
        try:
            if not loaded.run.is_at_work:
                return loaded.run
            loaded = await self._append(loaded, [RunAttached(self.around.driver)])
            try:
                toolbox = await self.around.toolbox_of(loaded.run, loaded.principal)
            except StoreError:
                raise
            except StepwardenError as error:  # a person can mend what is missing, and resume it
                return (await self._recorded(loaded, [RunPaused(f"it has not its tools: {error}")])).run
            while loaded.run.driver == self.around.driver:
                decision = decide(loaded.run, time.time(), frozenset(self._tasks))
                for key in decision.cancelled:
                    self._tasks[key].cancel()
                if decision.events:
                    loaded = await self._append(loaded, decision.events, decision.effects, toolbox)
                    continue
                self._start(loaded, decision.effects, toolbox)
                if not self._tasks and not (loaded.run.is_at_work and _is_near(decision.wake_at)):
                    break
                loaded = await self._wait(loaded, decision.wake_at)
            return loaded.run
        finally:
            await self._end_tasks()

    async def _append(
        self,
        loaded: LoadedRun,
        events: Sequence[RunEvent],
        effects: Sequence[RunEffect] = (),
        toolbox: Toolbox | None = None,
    ) -> LoadedRun:
        """Record events, and start what follows; where somebody else was first, return what they made of the run."""
        try:
            loaded = await self.around.journal.append(loaded, events, self._bodies)
        except VersionConflict:
            return await self.around.journal.load(self.run_id, None, loaded)
        if toolbox is not None:
            self._start(loaded, effects, toolbox)
        return loaded

    def _start(self, loaded: LoadedRun, effects: Sequence[RunEffect], toolbox: Toolbox) -> None:
        for effect in effects:
            if effect.key not in self._tasks:
                conversation = self._conversations[effect.job]
                work = _Work(self.around, loaded, effect, toolbox, self._bodies, conversation)
                self._tasks[effect.key] = asyncio.create_task(work.do())

    async def _wait(self, loaded: LoadedRun, wake_at: float | None) -> LoadedRun:
        """Wait until something ended, somebody recorded something, or it is time; record what ended."""
        pause = LOOK_S if wake_at is None else max(0.0, min(LOOK_S, wake_at - time.time()))
        noticed = asyncio.create_task(self.notice.wait())
        try:
            await asyncio.wait([noticed, *self._tasks.values()], timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        finally:
            noticed.cancel()
        self.notice.clear()
        ended = [key for key, task in self._tasks.items() if task.done()]
        events = [event for key in ended for event in _result_of(self._tasks[key], key, loaded.run)]
        loaded = await self._recorded(loaded, events) if events else loaded
        for key in ended:
            del self._tasks[key]
        return await self.around.journal.load(self.run_id, None, loaded)

    async def _recorded(self, loaded: LoadedRun, events: Sequence[RunEvent]) -> LoadedRun:
        """Record what ended, also where a person's word came between; not where another drives the run now."""
        while loaded.run.driver == self.around.driver:
            try:
                return await self.around.journal.append(loaded, events, self._bodies)
            except VersionConflict:
                loaded = await self.around.journal.load(self.run_id, None, loaded)
        return loaded

    async def _end_tasks(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()


def _is_near(wake_at: float | None) -> bool:
    """Return whether it is worth waiting for what is next, with nothing under way."""
    return wake_at is None or wake_at - time.time() < STAYS_S


def _result_of(task: asyncio.Task[list[RunEvent]], key: str, run: Run) -> list[RunEvent]:
    """Return what an effect came to; one that was cut off says so."""
    if not task.cancelled():
        return task.result()
    if any(job.question is not None and job.question.key == key for job in run.jobs.values()):
        return [QuestionAnswered(key, failure=FailedAnswer(CANCELLED, "it was cut off"))]
    if any(call.key == key for call in run.open_calls):
        return [CallEnded(key, BodyStore().put("It was cut off."), failed=True)]
    return []


@dataclass(frozen=True)
class _Work:
    """One effect: a question to a model, or a call of a tool."""

    around: RunSurroundings
    loaded: LoadedRun
    effect: RunEffect
    toolbox: Toolbox
    bodies: BodyStore
    conversation: Conversation

    async def do(self) -> list[RunEvent]:
        """Do it and return what is to be recorded of it."""
        run = self.loaded.run
        job = run.jobs[self.effect.job]
        match self.effect:
            case AskModel(key):
                return await self._ask(run, job, key)
            case MakeCall(key):
                return await self._call(run, next(call for call in job.open_calls if call.key == key))
            case SettleDoubt(_, _, key):
                return await self._settle(run, next(call for call in job.open_calls if call.key == key))

    # -- models

    async def _ask(self, run: Run, job: Job, key: str) -> list[RunEvent]:
        from stepwarden.agents.text_matches import goal_matches

        begun = time.monotonic()
        request = await self._request(run, job)
        try:
            reply = await self.around.models.complete(request)
        except ModelError as error:
            failure = FailedAnswer(error.kind, hide_in_prose(str(error)), fatal=error.kind in _FATAL)
            return [QuestionAnswered(key, seconds=time.monotonic() - begun, failure=failure)]
        text = hide_in_prose(reply.text)
        return [
            QuestionAnswered(
                key,
                self.bodies.put(text),
                tuple(ProposedCall(one.id, one.name, one.arguments, one.error, one.kept) for one in reply.calls),
                _spent(reply),
                is_priced=reply.usage.cost is not None,
                seconds=time.monotonic() - begun,
                matched=goal_matches(job.stop, text),
                kept=reply.kept,
            )
        ]

    async def _request(self, run: Run, job: Job) -> ModelRequest:
        question = job.question
        assert question is not None
        if not self.bodies.known.keys() >= self.conversation.unread(job):  # of a driver before this one
            self.bodies.known.update(await self.around.journal.texts(run.id))
        level = ToolLevel.NONE if question.is_last_turn else job.level
        names = {
            ToolLevel.FULL: [grant.name for grant in job.plan.tools],
            ToolLevel.ESSENTIAL: list(job.plan.essential),
            ToolLevel.NONE: list[str](),
        }[level]
        return ModelRequest(
            job.plan.model,
            self.conversation.messages(run, job, question, self.bodies.known, question.notice),
            tools=self.toolbox.offered(names or [grant.name for grant in job.plan.tools]),
            tool_choice="auto" if names else "none",
            max_output_tokens=run.limits.answer_tokens,
            deadline_s=run.limits.answer_seconds,
            purpose="run",
            thread=run.id,
            principal=self.loaded.principal,
        )

    # -- calls

    async def _call(self, run: Run, call: RunCall) -> list[RunEvent]:
        from stepwarden.agents.text_matches import result_matches

        begun = time.monotonic()
        output = await self._output(run, call)
        seconds = time.monotonic() - begun
        text = hide_secrets(output.text)
        if output.in_doubt:
            return [*output.events, CallDoubted(call.key, text[:300], look_at=time.time())]
        job = run.jobs[self.effect.job]
        matched = () if output.failed else result_matches(job.stop, call.tool, text)
        ended = CallEnded(call.key, self.bodies.put(text), failed=output.failed, seconds=seconds, matched=matched)
        return [*output.events, ended]

    async def _output(self, run: Run, call: RunCall) -> CallOutput:
        """Make a call; whatever it raises is its error, and a write without an answer is in doubt."""
        tool = self.toolbox.tools.get(call.tool)
        if tool is None:  # nothing was sent
            return CallOutput(f"{call.tool} is not there any more.", failed=True)
        context = self._context_of(run, call)
        try:
            async with asyncio.timeout(run.limits.call_seconds):
                return await tool.call(context)
        except TimeoutError:
            text = f"No answer within {run.limits.call_seconds:g} s, which is the limit call_seconds of the run."
            return CallOutput(text, failed=True, in_doubt=not call.kind.may_be_repeated)
        except StepwardenError as error:
            return CallOutput(str(error), failed=True)
        except Exception as error:  # a crash of a tool is that call's error, and the run goes on
            logger.exception("the tool %s crashed", call.tool)
            return CallOutput(
                f"The tool crashed: {type(error).__name__}.", failed=True, in_doubt=not call.kind.may_be_repeated
            )

    def _context_of(self, run: Run, call: RunCall) -> CallContext:
        arguments = json.loads(call.proposed.arguments)
        return CallContext(run, self.loaded.principal, arguments, call.was_doubted, call.key)

    async def _settle(self, run: Run, call: RunCall) -> list[RunEvent]:
        """Find out what became of a call that was lost, or when or by whom that can be told."""
        tool = self.toolbox.tools.get(call.tool)
        if not isinstance(tool, DoubtSettler):
            return [CallDoubted(call.key, call.doubt)]
        try:
            found = await tool.settle(self._context_of(run, call))
        except StoreError:
            raise
        except StepwardenError as error:
            found = DoubtResolution("failed", "look", str(error), time.time() + AGAIN_S)
        words = hide_secrets(found.words)
        if found.verdict == "done":
            return [DoubtSettled(call.key, "done", found.by, self.bodies.put(f"It was carried out: {words}"))]
        if found.verdict == "not_done" and call.sends >= MOST_SENDS:
            told = f"It was sent {call.sends} times, and not carried out: {words}"
            return [DoubtSettled(call.key, "given_up", found.by, self.bodies.put(told))]
        if found.verdict == "not_done":
            return [DoubtSettled(call.key, "not_done", found.by, self.bodies.put(words))]
        may_tell = found.verdict == "later" or (found.verdict == "failed" and call.looks < MOST_LOOKS)
        return [CallDoubted(call.key, words or call.doubt, look_at=found.at if may_tell else None)]


def _spent(reply: ModelReply) -> Amount:
    usage = reply.usage
    amount = Amount(usage.input_tokens + usage.output_tokens)
    return amount if usage.cost is None else Amount(amount.tokens, usage.cost)
