"""The way of one step from a host to the disk: load, admit, look up, decide, ask the manager, append.

`Threads.submit` calls `_take`, which loads and admits; `_carry_out` then records, refuses, replays or collects, and
`_record` has the rest one below the other. All that a call decides is appended at once, so another process sees all of
it or nothing. Of two calls that decide on the same version, the second is told so by the append and decides anew.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import anyio.to_thread

from stepwarden.consultation.background_requests import CALL_SECONDS, deadline
from stepwarden.consultation.consultant import AdmittedStep, Consultant, NoConsultant, WaitingThread
from stepwarden.errors import StepwardenError, StoreBusy, StoreError, VersionConflict
from stepwarden.files import RootPolicy
from stepwarden.inspections.context import InspectionResult
from stepwarden.inspections.runner import InspectionRunner
from stepwarden.manager.facts import ReviewInput
from stepwarden.manager.manager import Manager
from stepwarden.steps import events as recorded
from stepwarden.steps.admission import Accept, Collect, Open, Reason, Refusal, Replay
from stepwarden.steps.gate import Policy, assess, clauses_at_end
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise, apply_answers, open_thread
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.thread import Thread
from stepwarden.threads.calls import StepCall, StepRefused, StepReply
from stepwarden.threads.journal import Journal
from stepwarden.threads.lookup import AdmittedCall, StepLookup, admit_call, directory_of
from stepwarden.threads.steps_in_work import StepsInWork

ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"  # base32 of RFC 4648, in lower case
ID_CHARACTERS = 26  # 130 random bits (protocol, rule 1)
ATTEMPTS = 8  # how often a call decides anew after another process was first

_NO_CONSULTANT = NoConsultant()


def new_thread_id(tool: str) -> str:
    """Return a fresh, unguessable id."""
    return f"{tool}-" + "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_CHARACTERS))


@dataclass(eq=False)
class Threads:
    """Takes the steps of all threads of this process. Between calls it holds only which steps are being worked on.

    `consultants` ask models, by the kinds that policies name. `inspections` take the looks of tools, None for none.
    `call_seconds` is the deadline of one call.
    """

    journal: Journal
    manager: Manager
    roots: tuple[str, ...] = ()
    consultants: Mapping[str, Consultant] = field(default_factory=dict[str, Consultant])
    inspections: InspectionRunner | None = None
    call_seconds: float = CALL_SECONDS
    _in_work: StepsInWork = field(default_factory=StepsInWork, init=False, repr=False)

    async def submit(self, call: StepCall) -> StepReply | StepRefused:
        """Take one step. Whatever this returns is on disk.

        Returns within 45 s; models that need longer are collected by the same call sent again. Raises, with nothing
        recorded: UnknownStream for an id the caller has no thread of; RootRefused for a working directory that may not
        be read; ModelError or ConsultationRefused for models that cannot be asked; CannotInspect for a step whose tool
        cannot look at what it names; StoreError where the store failed.
        """
        until = deadline(self.call_seconds)
        with self._in_work.note(call.thread_id or "", call.submission.number):
            for _ in range(ATTEMPTS):
                try:
                    return await self._take(call, until)
                except VersionConflict:
                    call = replace(call, raced=True)
        raise StoreBusy("Other calls kept changing this thread; nothing was recorded. Send the same call again.")

    async def _take(self, call: StepCall, until: float) -> StepReply | StepRefused:
        """Take the call on the thread that this process remembers, if the call appends: then a stale copy is noticed.

        Whatever appends nothing, and any error, is decided on the thread as it is loaded from the store.
        """
        remembered = self.journal.remembered(call.thread_id or "", call.caller)
        if remembered is not None and not call.raced:
            try:
                admitted = await self._admit(call, remembered, until)
                if isinstance(admitted.admission, Accept | Refusal):
                    return await self._carry_out(admitted)
            except StoreError:
                raise
            except StepwardenError:
                pass  # another process may have mended by now what is wrong
        thread = await self.journal.load(call.thread_id, call.caller) if call.thread_id else None
        return await self._carry_out(await self._admit(call, thread, until))

    async def _admit(self, call: StepCall, thread: Thread | None, until: float) -> AdmittedCall:
        """Tell what the call is, and look up what it names: in one go, in a worker thread where that reads files."""
        in_work = self._in_work.of_thread(call.thread_id or "")
        roots = RootPolicy(self.roots, call.caller.local)
        goes_back = call.submission.backtrack is not None  # which counts all the steps that are left anew
        if roots.reads_nothing(directory_of(call, thread)) and not goes_back:
            return admit_call(call, thread, roots, in_work, until)
        return await anyio.to_thread.run_sync(admit_call, call, thread, roots, in_work, until)

    async def _carry_out(self, admitted: AdmittedCall) -> StepReply | StepRefused:
        admission, thread = admitted.admission, admitted.thread
        if isinstance(admission, Refusal):
            return await self._refuse(admitted, admission)
        if isinstance(admission, Open | Accept):
            return await self._record(admitted, admission)
        assert thread is not None  # what was recorded before, was recorded of a thread
        if isinstance(admission, Replay):
            return await self._replay(thread, admission.number, admitted.policy, replayed=True)
        return await self._collect(admitted, thread, admission)

    async def _record(self, admitted: AdmittedCall, admission: Open | Accept) -> StepReply | StepRefused:
        """Record an admitted step, and wait for the models that it asks."""
        call, policy, before = admitted.call, admitted.policy, admitted.joined
        found = admitted.found
        assert found is not None
        number = 1 if isinstance(admission, Open) else admission.number
        step = AdmittedStep(admitted.submission, number, before, admitted.workspace)
        submission, prepared = await _consultant(self.consultants, policy).prepare(step)
        if submission is not admitted.submission:
            admitted = replace(admitted, submission=submission)
        facts = replace(found.facts, prepared=prepared)
        decision = _decide(admitted, admission, facts)
        seen = await self._inspect(admitted, decision, is_new=before is None)
        if seen is not None:
            facts = replace(facts, measured=seen.inspection)
            decision = _decide(admitted, admission, facts, decision.thread.id)
        decision = advise(decision, await self._ask_manager(decision, found, policy), policy, prepared)
        version, keep = before.version if before is not None else 0, seen.kept if seen is not None else None
        await self.journal.append(version, decision.thread, decision.events, call.caller, keep=keep)
        await _consultant(self.consultants, policy).give_up(before, decision.thread, decision.events)
        if status_of(decision.thread) is ThreadStatus.WAITING:
            try:
                return await self._collect(admitted, decision.thread, Collect(number))
            except VersionConflict:  # by its id from now on: a first step would open one more thread
                return await self._take(replace(call, thread_id=decision.thread.id), admitted.until)
        origin = admitted.thread if isinstance(admission, Open) else None
        return _reply(decision, policy, origin=origin)

    async def _inspect(self, admitted: AdmittedCall, decision: Decision, *, is_new: bool) -> InspectionResult | None:
        """Let the tool look at the code for the step that `decision` records; None where it has nothing to say."""
        call = admitted.call
        if call.inspector is None or self.inspections is None or not admitted.workspace.readable:
            return None
        thread = decision.thread
        kept = await self.journal.kept(thread.id) if call.keeps and not is_new else {}
        seen = await anyio.to_thread.run_sync(self.inspections.run, call.inspector, thread, admitted.workspace, kept)
        assert seen is None or call.keeps or not seen.kept, f"{thread.tool} keeps things and does not say so"
        return seen

    async def _collect(self, admitted: AdmittedCall, thread: Thread, admission: Collect) -> StepReply:
        """Wait for the answers that `thread` waits for as long as the call may take, and go on with what they say."""
        call, policy, consultant = admitted.call, admitted.policy, _consultant(self.consultants, admitted.policy)
        while status_of(thread) is ThreadStatus.WAITING:
            waiting = WaitingThread(thread, policy, admitted.workspace, call.caller.principal)
            answers = await consultant.wait(waiting, until=admitted.until)
            if answers is None:
                arrived = await consultant.arrived(waiting)
                return replace(await self._replay(thread, admission.number, policy), arrived=tuple(arrived))
            decision = apply_answers(thread, waiting.key, answers, policy)
            await self.journal.append(thread.version, decision.thread, decision.events, call.caller)
            await consultant.give_up(None, decision.thread, decision.events)
            thread = decision.thread
        return await self._replay(thread, admission.number, policy)

    async def _ask_manager(self, decision: Decision, found: StepLookup, policy: Policy) -> Advice:
        thread = decision.thread
        step = thread.trail[-1]
        if step.number == 1:
            finished = await self.journal.store.calibration.steps_of_finished(policy.tool)
            counted = policy.consultation.steps(thread)
            task = found.task_facts(step, counted=counted, finished=finished)
            return await self.manager.size(task, policy, thread)
        if not decision.is_open or thread.claims.measured.total is not None:
            return Advice()
        return await self.manager.review(ReviewInput(thread, policy, assess(thread, policy)))

    async def _refuse(self, admitted: AdmittedCall, refusal: Refusal) -> StepRefused:
        """Record the refusal of a known thread: what it refused bears on what is admitted next (protocol, rule 4)."""
        call, thread, submission = admitted.call, admitted.thread, admitted.submission
        if thread is None:
            return StepRefused(refusal)
        if call.raced and refusal.reason is Reason.RECORDED:
            refusal = replace(refusal, reason=Reason.RACED, subject=str(submission.number))
        event = recorded.Refused(submission.number, submission.digest, refusal.reason.value)
        decision = Decision(thread).then(event)
        await self.journal.append(thread.version, decision.thread, decision.events, call.caller)
        if refusal.reason is not Reason.NOTHING_NEW:
            return StepRefused(refusal, thread)
        return StepRefused(refusal, thread, await self._replay(thread, thread.live[-1].number, admitted.policy))

    async def _replay(self, thread: Thread, number: int, policy: Policy, *, replayed: bool = False) -> StepReply:
        """Answer as the call that recorded step `number` was answered; `replayed` says that this is another call."""
        then, events = await self.journal.replayed(thread, number)
        return replace(_reply(Decision(then, events), policy), next_number=thread.next_number, replayed=replayed)


def _consultant(consultants: Mapping[str, Consultant], policy: Policy) -> Consultant:
    return consultants.get(policy.consultation.kind, _NO_CONSULTANT)


def _decide(admitted: AdmittedCall, admission: Open | Accept, facts: StepFacts, new_id: str = "") -> Decision:
    """Let the machine record the step; `new_id` is that of a thread which was opened for a look before."""
    policy, submission = admitted.policy, admitted.submission
    if isinstance(admission, Open):
        by_run = admitted.call.origin
        new_id = new_id or (by_run.new_id if by_run is not None else new_thread_id(policy.tool))
        run = by_run.run if by_run is not None else ""
        return open_thread(new_id, policy, submission, facts, admission.origin, run=run)
    assert admitted.thread is not None
    return advance(admitted.thread, admission, submission, facts, policy)


def _reply(decision: Decision, policy: Policy, *, origin: Thread | None = None) -> StepReply:
    thread = decision.thread
    return StepReply(
        thread,
        thread.trail[-1],
        decision.events,
        assess(thread, policy),
        thread.next_number,
        at_end=clauses_at_end(thread, policy),
        origin=origin,
    )
