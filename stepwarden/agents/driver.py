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
from stepwarden.agents.live_text import LiveTexts, complete_aloud
from stepwarden.agents.model_answers import failure_of, spent_on
from stepwarden.agents.process_memory import used_mb
from stepwarden.agents.run_journal import BodyStore, LoadedRun, RunJournal
from stepwarden.agents.toolbox import CallContext, CallOutput, DoubtSettler, Toolbox
from stepwarden.consultation.call_allowance import CallAllowance, allow
from stepwarden.errors import StepwardenError, StoreError, VersionConflict
from stepwarden.files.encodings import as_unicode
from stepwarden.files.secret_values import hide_in_prose, hide_secrets
from stepwarden.models import ModelError, ModelRequest, Models
from stepwarden.runs.data_summary import summarize_data
from stepwarden.runs.decide import AskModel, MakeCall, RunEffect, SettleDoubt, decide
from stepwarden.runs.limits import NOTHING
from stepwarden.runs.run import Job, OpenQuestion, Run, ToolLevel
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
from stepwarden.upstream.calls.result_text import unfenced

logger = logging.getLogger(__name__)

STAYS_S = 2.0
"""A run with nothing to do for longer is let go of, until it is time."""

MOST_LOOKS = 5
"""So often is looked after a call in doubt, where looks fail."""

MOST_SENDS = 5
"""So often is a call sent by itself that is lost each time."""

LOOK_S = 0.25
"""So often is looked for what others recorded, while something is under way."""


@dataclass(frozen=True)
class RunSurroundings:
    """What driving needs: where runs are recorded, who answers, and which tools a run has. `driver` names this one."""

    journal: RunJournal
    models: Models
    toolbox_of: Callable[[Run, str], Coroutine[Any, Any, Toolbox]]
    driver: str
    live: LiveTexts = field(default_factory=LiveTexts)
    ability_prompt: Callable[[str], str] = lambda _: ""


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
            if not loaded.run.is_due(time.time()):
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
                if not self._tasks and not (loaded.run.is_due(time.time()) and _is_near(loaded.run)):
                    break
                loaded = await self._wait(loaded, decision.wake_at)
            return loaded.run
        except asyncio.CancelledError:
            asked = [question for question in _questions_of(loaded.run) if question.key in self._tasks]
            await self._end_tasks()
            await self._leave(loaded, asked)
            raise
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
                is_steered = loaded.run.jobs[effect.job].work is not None  # whose steps may grow, and be superseded
                conversation = Conversation() if is_steered else self._conversations[effect.job]
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

    async def _leave(self, loaded: LoadedRun, asked: Sequence[OpenQuestion]) -> None:
        """Record that these questions, perhaps paid for, were cut off: they are not taken for those of a crash."""
        cut = FailedAnswer(CANCELLED, "whoever drove the run let go of it")
        events = [QuestionAnswered(question.key, spent=question.reserved, failure=cut) for question in asked]
        try:
            if events:
                await self.around.journal.append(loaded, events, self._bodies)
        except StoreError as error:  # somebody else was first, or it cannot be written: then they count as lost
            logger.info("what %s was asked is not recorded as cut off: %s", self.run_id, error)

    async def _end_tasks(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()


def _is_near(run: Run) -> bool:
    """Return whether it is worth staying with a run until there is something to do."""
    return run.looks_at - time.time() < STAYS_S


def _result_of(task: asyncio.Task[list[RunEvent]], key: str, run: Run) -> list[RunEvent]:
    """Return what an effect came to; one that was cut off says so."""
    if not task.cancelled():
        return task.result()
    if any(job.question is not None and job.question.key == key for job in run.jobs.values()):
        return [QuestionAnswered(key, failure=FailedAnswer(CANCELLED, "it was cut off"))]
    cut_off = [call for call in run.open_calls if call.key == key]
    return [CallEnded(key, BodyStore().put("It was cut off."), failed=True, spent=call.reserved) for call in cut_off]


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

        if job.question is not None and job.question.ability:
            return await self._ask_ability(run, job, key)
        begun = time.monotonic()
        request = await self._request(run, job)
        try:
            reply = await complete_aloud(self.around.models, request, self.around.live.teller(run.id, job.id))
        except ModelError as error:
            return [QuestionAnswered(key, seconds=time.monotonic() - begun, failure=failure_of(error, job))]
        text = hide_in_prose(as_unicode(reply.text))
        return [
            QuestionAnswered(
                key,
                self.bodies.put(text),
                tuple(
                    ProposedCall(
                        as_unicode(one.id), as_unicode(one.name), as_unicode(one.arguments), one.error, one.kept
                    )
                    for one in reply.calls
                ),
                spent_on(reply),
                is_priced=reply.usage.cost is not None,
                seconds=time.monotonic() - begun,
                matched=goal_matches(job.stop, text),
                kept=reply.kept,
            )
        ]

    async def _ask_ability(self, run: Run, job: Job, key: str) -> list[RunEvent]:
        from stepwarden.agents.abilities.ability import AbilityFacts
        from stepwarden.agents.abilities.question import ask_ability

        await self._know_texts(run, job)
        facts = AbilityFacts(run, job, key, self.bodies.known, self.bodies)
        surroundings = self.around
        return await ask_ability(
            surroundings.models, self.toolbox, surroundings.ability_prompt, facts, self.loaded.principal
        )

    async def _know_texts(self, run: Run, job: Job) -> None:
        if not self.bodies.known.keys() >= self.conversation.unread(job):  # of a driver before this one
            self.bodies.known.update(await self.around.journal.texts(run.id))

    async def _request(self, run: Run, job: Job) -> ModelRequest:
        question = job.question
        assert question is not None
        await self._know_texts(run, job)
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
        allowance = CallAllowance(call.reserved, needs_price=run.limits.dollars is not None)
        allow(allowance)  # in this task, which makes this call and nothing else
        measures = run.limits.memory_mb is not None
        before = used_mb() if measures else 0.0
        output = await self._output(run, call)
        grown = max(0.0, used_mb() - before) if measures else 0.0
        seconds = time.monotonic() - begun
        text = hide_secrets(as_unicode(output.text))
        if output.in_doubt:
            return [*output.events, CallDoubted(call.key, text[:300], look_at=time.time())]
        job = run.jobs[self.effect.job]
        matched = () if output.failed else result_matches(job.stop, call.tool, text)
        ended = CallEnded(
            call.key,
            self.bodies.put(text),
            failed=output.failed,
            seconds=seconds,
            matched=matched,
            spent=allowance.charge,
            is_priced=allowance.is_priced,
            thread=output.thread,
            summary=None if output.failed else summarize_data(unfenced(text)),
            grown_mb=round(grown, 1),
        )
        return [*output.events, ended]

    async def _output(self, run: Run, call: RunCall) -> CallOutput:
        """Make a call; whatever it raises is its error, and a write without an answer is in doubt."""
        tool = self.toolbox.tools.get(call.tool)
        if tool is None:  # nothing was sent
            return CallOutput(f"{call.tool} is not there any more.", failed=True)
        asks_models = tool.grant.may_cost != NOTHING
        seconds = run.limits.call_seconds + (run.limits.answer_seconds if asks_models else 0.0)
        context = self._context_of(run, call, seconds)
        try:
            async with asyncio.timeout(seconds):
                return await tool.call(context)
        except TimeoutError:
            limits = "are the limits call_seconds and answer_seconds" if asks_models else "is the limit call_seconds"
            text = f"No answer within {seconds:g} s, which {limits} of the run."
            return CallOutput(text, failed=True, in_doubt=not call.kind.may_be_repeated)
        except StepwardenError as error:
            return CallOutput(str(error), failed=True)
        except Exception as error:  # a crash of a tool is that call's error, and the run goes on
            logger.exception("the tool %s crashed", call.tool)
            return CallOutput(
                f"The tool crashed: {type(error).__name__}.", failed=True, in_doubt=not call.kind.may_be_repeated
            )

    def _context_of(self, run: Run, call: RunCall, seconds: float) -> CallContext:
        arguments = json.loads(as_unicode(json.dumps(json.loads(call.proposed.arguments), ensure_ascii=False)))
        return CallContext(run, self.loaded.principal, arguments, call.was_doubted, call.key, seconds)

    async def _settle(self, run: Run, call: RunCall) -> list[RunEvent]:
        """Find out what became of a call that was lost, or when or by whom that can be told."""
        tool = self.toolbox.tools.get(call.tool)
        if not isinstance(tool, DoubtSettler):
            return [CallDoubted(call.key, call.doubt)]
        try:
            found = await tool.settle(self._context_of(run, call, run.limits.call_seconds))
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


def _questions_of(run: Run) -> list[OpenQuestion]:
    return [job.question for job in run.jobs.values() if job.question is not None]
