"""One step from a host to the disk: load, admit, check, advance, ask the manager, save."""

import secrets
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePath

import anyio.to_thread

from stepwarden.consultation.background_requests import CALL_SECONDS, deadline
from stepwarden.consultation.expert import Experts
from stepwarden.consultation.panel import ConsensusRunner
from stepwarden.errors import StoreBusy, VersionConflict
from stepwarden.files import RootPolicy, Workspace, open_workspace
from stepwarden.inspections.context import InspectionResult
from stepwarden.inspections.runner import InspectionRunner
from stepwarden.manager.facts import ReviewInput, TaskFacts
from stepwarden.manager.manager import Manager
from stepwarden.models import ErrorKind, ModelError
from stepwarden.steps import events as recorded
from stepwarden.steps.admission import Accept, Collect, Open, Reason, Refusal, Replay, admit
from stepwarden.steps.events import Event
from stepwarden.steps.evidence import Quote
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.gate import Policy, assess
from stepwarden.steps.inspection import NO_INSPECTION
from stepwarden.steps.machine import (
    Advice,
    Decision,
    StepFacts,
    advance,
    advise,
    apply_answers,
    apply_review,
    open_thread,
)
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread
from stepwarden.threads.calls import StepCall, StepRefused, StepReply
from stepwarden.threads.journal import Journal

ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # base32 of RFC 4648, in lower case
ID_CHARACTERS = 26  # 130 random bits (protocol, rule 1)
ATTEMPTS = 8  # how often a call decides anew after another process was first


def new_thread_id(tool: str) -> str:
    """Return a fresh, unguessable id."""
    return f"{tool}-" + "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_CHARACTERS))


@dataclass(frozen=True)
class StepLookup:
    """What was looked up for a step: the machine's facts, and the size of what was named, for the manager."""

    facts: StepFacts
    files: int = 0
    bytes: int = 0
    languages: frozenset[str] = frozenset()

    def work(self, said: Submission, finished: Sequence[int]) -> TaskFacts:
        """Return what the manager sizes the work by; `finished` are the lengths of finished threads of the tool."""
        measured = self.facts.measured or NO_INSPECTION
        return TaskFacts(
            task=said.step,
            files=self.files if measured.files is None else measured.files,
            file_bytes=self.bytes,
            languages=self.languages,
            hint=said.total,
            finished=tuple(finished),
            computed=measured.total,
            changed_lines=measured.changed_lines,
        )


class Threads:
    """Takes the steps of all threads of this process. Between calls it holds only which steps are being worked on."""

    def __init__(
        self,
        journal: Journal,
        manager: Manager,
        roots: tuple[str, ...],
        experts: Experts | None = None,
        panels: ConsensusRunner | None = None,
        observer: InspectionRunner | None = None,
        *,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._journal = journal
        self._manager = manager
        self._roots = roots
        self._experts = experts
        self._panels = panels
        self._observer = observer
        self._call_seconds = call_seconds
        self._working: dict[str, Counter[int]] = {}

    async def submit(self, call: StepCall) -> StepReply | StepRefused:
        """Take one step. Whatever this returns is on disk.

        Raises UnknownStream for an id the caller has no thread of, RootRefused for a working directory that may not
        be read, ModelError for a model that is not there, CannotMeasure for a step whose tool cannot look at what it
        names, StoreError where the store failed; then nothing was recorded. Returns within 45 s; an expert that needs
        longer is collected by the same call sent again.
        """
        until = deadline(self._call_seconds)
        with self._at_work(call.thread_id, call.said.number):
            for _ in range(ATTEMPTS):
                try:
                    return await self._attempt(call, until)
                except VersionConflict:
                    call = replace(call, raced=True)
        raise StoreBusy("Other calls kept changing this thread; nothing was recorded. Send the same call again.")

    async def _attempt(self, call: StepCall, until: float) -> StepReply | StepRefused:
        thread = await self._journal.load(call.thread_id, call.caller) if call.thread_id else None
        workspace = await anyio.to_thread.run_sync(_workspace, call, thread, self._roots)
        said = located(call.said, workspace)
        admission = admit(thread, said, call.policy, working_on=self._pending(call))
        if isinstance(admission, Refusal):
            return await self._refuse(call, thread, said, admission)
        if isinstance(admission, Replay):
            assert thread is not None
            return await self._replay(thread, admission.number, call.policy)
        if isinstance(admission, Collect):
            assert thread is not None
            return await self._collect(call, thread, workspace, until)
        return await self._take(call, thread, said, admission, workspace, until)

    async def _take(
        self,
        call: StepCall,
        thread: Thread | None,
        said: Submission,
        admission: Open | Accept,
        workspace: Workspace,
        until: float,
    ) -> StepReply | StepRefused:
        """Record an admitted step, and wait for the models that it asks."""
        found = await anyio.to_thread.run_sync(_look_up, workspace, said, *_looked_at(thread, admission))
        expert = ""
        if call.policy.has_panel:
            said, found = await self._seated(thread, said, admission, workspace, found)
        elif self._experts is not None:
            if not said.more:
                await self._experts.find_some()
            expert = self._experts.choose(thread, said)
        decision = _decided(thread, admission, said, found.facts, call.policy, expert)
        seen = await self._seen(call, decision, workspace, isinstance(admission, Open))
        if seen is not None:
            found = replace(found, facts=replace(found.facts, measured=seen.measured))
            decision = _decided(thread, admission, said, found.facts, call.policy, expert, decision.thread.id)
        decision = advise(decision, await self._advice(decision, found, call.policy), call.policy, expert=expert)
        before = thread.version if thread is not None and isinstance(admission, Accept) else 0
        keep = seen.kept if seen is not None else None
        await self._journal.append(before, decision.thread, decision.events, call.caller, keep=keep)
        await self._give_up(thread if isinstance(admission, Accept) else None, decision, call.policy)
        if decision.thread.awaiting is not None:
            try:
                return await self._collect(call, decision.thread, workspace, until)
            except VersionConflict:  # by its id from now on: a first step would open one more thread
                return await self._attempt(replace(call, thread_id=decision.thread.id), until)
        origin = thread if isinstance(admission, Open) else None
        return _reply(decision.thread, decision.events, call.policy, decision.thread.next_number, origin=origin)

    async def _seen(
        self, call: StepCall, decision: Decision, workspace: Workspace, is_new: bool
    ) -> InspectionResult | None:
        """Let the tool look at the code for the step that `decision` records; None where it has nothing to say."""
        if call.look is None or self._observer is None or not workspace.readable:
            return None
        thread = decision.thread
        kept = {} if is_new else await self._journal.kept(thread.id)
        return await anyio.to_thread.run_sync(self._observer.take, call.look, thread, workspace, kept)

    async def _collect(self, call: StepCall, thread: Thread, workspace: Workspace, until: float) -> StepReply:
        """Wait for the models' answer as long as the call may take, and go on with what they say."""
        assert thread.awaiting is not None
        number = thread.awaiting[1]
        while thread.awaiting is not None:
            decision = await self._heard(call, thread, workspace, until)
            if decision is None:
                break
            await self._journal.append(thread.version, decision.thread, decision.events, call.caller)
            await self._give_up(None, decision, call.policy)
            thread = decision.thread
        then, events = await self._journal.replayed(thread, number)
        return _reply(then, events, call.policy, thread.next_number)

    async def _heard(self, call: StepCall, thread: Thread, workspace: Workspace, until: float) -> Decision | None:
        """Return what follows from the answer that `thread` waits for, None when it has not come by `until`."""
        assert thread.awaiting is not None
        key, policy = thread.awaiting[0], call.policy
        if (panel := policy.panel(thread)) is not None:
            principal = call.caller.principal
            voices = await self._asking().hear(thread, panel, workspace, until=until, principal=principal)
            return None if voices is None else apply_answers(thread, key, voices, policy)
        opinion: ExpertReview | None = ExpertReview(failed="no model is configured any more")
        if self._experts is not None:
            opinion = await self._experts.opinion(thread, policy, workspace, until=until)
        return None if opinion is None else apply_review(thread, key, opinion, policy)

    async def _seated(
        self, thread: Thread | None, said: Submission, admission: Open | Accept, workspace: Workspace, found: StepLookup
    ) -> tuple[Submission, StepLookup]:
        """Return a consensus's first step with its models' resolved names, and the files they are not sent."""
        if isinstance(admission, Accept) and admission.number > 1:
            return said, found
        said = self._asking().seated(said, thread if isinstance(admission, Accept) else None)
        brief = await anyio.to_thread.run_sync(self._asking().brief, said, workspace)
        return said, replace(found, facts=replace(found.facts, left_out=brief.left_out))

    def _asking(self) -> ConsensusRunner:
        if self._panels is None:
            raise ModelError(ErrorKind.NO_MODEL, "No model is configured here.")
        return self._panels

    async def _give_up(self, before: Thread | None, decision: Decision, policy: Policy) -> None:
        """Stop what is asked and nobody waits for after this call."""
        if policy.has_panel and self._panels is not None:
            await self._panels.give_up(before, decision.thread, policy, decision.events)
        elif self._experts is not None and before is not None:
            await self._experts.give_up(before)

    async def _advice(self, decision: Decision, found: StepLookup, policy: Policy) -> Advice:
        thread = decision.thread
        step = thread.trail[-1]
        if step.number == 1:
            finished = await self._journal.store.calibration.steps_of_finished(policy.tool)
            panel = policy.panel(thread)
            work = found.work(step.submission, finished)
            work = work if panel is None else replace(work, computed=panel.steps)
            return await self._manager.size(work, policy, thread)
        if not decision.is_open or thread.claims.measured.total is not None:
            return Advice()
        return await self._manager.review(ReviewInput(thread, policy, assess(thread, policy)))

    async def _refuse(self, call: StepCall, thread: Thread | None, said: Submission, refusal: Refusal) -> StepRefused:
        if thread is None:
            return StepRefused(refusal)
        if call.raced and refusal.reason is Reason.RECORDED:
            refusal = replace(refusal, reason=Reason.RACED, subject=str(said.number))
        event = recorded.Refused(said.number, said.digest, refusal.reason.value)
        decision = Decision(thread).then(event)
        await self._journal.append(thread.version, decision.thread, decision.events, call.caller)
        return StepRefused(refusal, thread)

    async def _replay(self, thread: Thread, number: int, policy: Policy) -> StepReply:
        then, events = await self._journal.replayed(thread, number)
        return _reply(then, events, policy, thread.next_number, replayed=True)

    def _pending(self, call: StepCall) -> tuple[int, ...]:
        return tuple(self._working.get(call.thread_id or "", ()))

    @contextmanager
    def _at_work(self, thread_id: str | None, number: int) -> Generator[None]:
        """Note that step `number` is being worked on, so that a later one is told to wait rather than of a gap."""
        key = thread_id or ""
        self._working.setdefault(key, Counter())[number] += 1
        try:
            yield
        finally:
            self._working[key][number] -= 1
            self._working[key] = +self._working[key]
            if not self._working[key]:
                del self._working[key]


def _workspace(call: StepCall, thread: Thread | None, roots: tuple[str, ...]) -> Workspace:
    directory = call.said.directory or (thread.directory if thread else None)
    return open_workspace(directory, RootPolicy(roots, call.caller.local))


def located(said: Submission, workspace: Workspace) -> Submission:
    """Return the submission with every path by its canonical name."""
    name = workspace.canonical
    return replace(
        said,
        checked=tuple(dict.fromkeys(name(path) for path in said.checked)),
        relevant=tuple(dict.fromkeys(name(path) for path in said.relevant)),
        issues=tuple(replace(claim, path=name(claim.path) if claim.path else None) for claim in said.issues),
        quotes=tuple(replace(quote, file=name(quote.file)) for quote in said.quotes),
        directory=workspace.directory,
    )


def _looked_at(thread: Thread | None, admission: Open | Accept) -> tuple[Thread | None, tuple[str, ...]]:
    """Return the thread whose quotes are read again, and the files that a follow-up goes on from."""
    if isinstance(admission, Accept):
        return thread, ()
    return None, tuple(thread.claims.files) if thread else ()


def _look_up(workspace: Workspace, said: Submission, thread: Thread | None, context: Sequence[str] = ()) -> StepLookup:
    """Read what the step names: files, quotes and, where it asks to end, the quotes that held before.

    A step that names no files goes on from those of `context`, for its size.
    """
    survey = workspace.survey(said.files or context) if said.files or context else {}
    there = {path: fact for path, fact in survey.items() if fact.exists}
    named = [path for path in there if path in said.files]
    quotes: list[Quote] = [quote for quote in said.quotes if not quote.withdrawn]
    ending = not said.more or (said.confidence is not None and said.confidence.asks_to_end)
    same_place = thread is not None and workspace.directory == thread.directory
    held = [item for _, item in thread.claims.evidence if item.holds] if thread and ending and same_place else []
    facts = StepFacts(
        evidence=tuple(workspace.check(quotes)) if quotes else (),
        existing=tuple(named),
        readable=workspace.readable,
        stale=len(workspace.recheck(held)) if held else 0,
    )
    languages = frozenset(PurePath(path).suffix for path in there) - {""}
    return StepLookup(facts, len(there), sum(fact.bytes for fact in there.values()), languages)


def _decided(
    thread: Thread | None,
    admission: Open | Accept,
    said: Submission,
    facts: StepFacts,
    policy: Policy,
    expert: str,
    new_id: str = "",
) -> Decision:
    if isinstance(admission, Open):
        return open_thread(new_id or new_thread_id(policy.tool), policy, said, facts, admission.origin)
    assert thread is not None
    return advance(thread, admission, said, facts, policy, expert=expert)


def _reply(
    thread: Thread,
    events: tuple[Event, ...],
    policy: Policy,
    next_number: int,
    *,
    replayed: bool = False,
    origin: Thread | None = None,
) -> StepReply:
    return StepReply(thread, thread.trail[-1], events, assess(thread, policy), next_number, replayed, origin)
