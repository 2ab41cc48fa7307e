"""Runs as tasks of the Tasks extension: the id of the task is the id of the run."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp.types import ElicitRequestFormParams, ElicitResult

from stepwarden.agents.run_text import WaitingCall, activity_line, waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.errors import RunRefused, StoreUnreadable
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.storage import Head
from stepwarden.threads.calls import Caller
from stepwarden.upstream.calls.records import new_id
from tools.shared.run_questions import approval_form, is_agreed, resume_form, verdict_form, verdict_in
from tools.shared.run_reply import run_result
from tools.shared.tasks import HostTask, TaskOffer, TaskStatus

VIA_TASK = "task"


@dataclass(frozen=True)
class RunTasks:
    """The runs of this process as tasks."""

    runs: Runs

    async def find(self, task_id: str, caller: Caller) -> HostTask:
        """See `TaskKeeper`. A run of a newer version is a task that failed: it is nothing that can be answered here."""
        self.runs.serve_soon()
        try:
            run = await self.runs.look(task_id, caller)
        except StoreUnreadable as error:
            head = await self.runs.journal.head(task_id, caller.principal)
            return HostTask(task_id, TaskStatus.FAILED, head.created, head.updated, str(error), error=str(error))
        return await self._task_of(run, await self.runs.journal.head(task_id, caller.principal))

    async def answer(self, task_id: str, answers: Mapping[str, ElicitResult], caller: Caller) -> None:
        """See `TaskKeeper`."""
        run = await self.runs.look(task_id, caller)
        waiting = {_key_of(call): call for call in waiting_calls(run)}
        for key, answer in answers.items():
            word = None
            if key in waiting:
                word = _word_on_doubt(waiting[key], answer) if waiting[key].in_doubt else _word(waiting[key], answer)
            elif key == _resume_key(run) and run.status is RunStatus.PAUSED:
                word = _command(RunCommandKind.RESUME if is_agreed(answer) else RunCommandKind.STOP, "host")
            if word is not None:
                await self._tell(task_id, word, caller)

    async def cancel(self, task_id: str, caller: Caller) -> None:
        """See `TaskKeeper`."""
        await self.runs.look(task_id, caller)
        await self._tell(task_id, _command(RunCommandKind.STOP, VIA_TASK), caller)

    async def offer(self, offer: TaskOffer, run: Run, caller: Caller) -> bool:
        """Make a call the task of its run, and return whether that is so.

        It is not where the run is over, or may come to wait for a person whom the host cannot ask: the reply says then
        what its model has to do.
        """
        if run.status.is_end or not (offer.can_ask or _asks_nobody(run)):
            return False
        offer.task = await self._task_of(run, await self.runs.journal.head(run.id, caller.principal))
        return True

    async def _tell(self, run_id: str, word: RunCommand, caller: Caller) -> None:
        try:
            await self.runs.tell(run_id, word, caller)
        except RunRefused:  # it is over, or another word came first: `find` says how it stands
            return
        self.runs.serve_soon()

    async def _task_of(self, run: Run, head: Head) -> HostTask:
        status, questions = _status_of(run)
        result = None
        if status is TaskStatus.COMPLETED:
            result = run_result(run, await self.runs.texts(run))
            result.is_error = run.status is RunStatus.FAILED
        return HostTask(run.id, status, head.created, run.seen_at, activity_line(run), questions, result)


def _status_of(run: Run) -> tuple[TaskStatus, Mapping[str, ElicitRequestFormParams]]:
    """Return how the task of a run stands, with the questions that its user is asked."""
    if run.status.is_end:
        return (TaskStatus.CANCELLED if _is_cancelled(run) else TaskStatus.COMPLETED), {}
    if run.status is RunStatus.PAUSED and not run.paused_by:
        return TaskStatus.INPUT_REQUIRED, {_resume_key(run): resume_form(run)}
    if run.status is RunStatus.RUNNING and not run.is_at_work and (waiting := waiting_calls(run)):
        questions = {_key_of(one): verdict_form(one) if one.in_doubt else approval_form(one) for one in waiting}
        return TaskStatus.INPUT_REQUIRED, questions
    return TaskStatus.WORKING, {}


def _is_cancelled(run: Run) -> bool:
    """Return whether the host cancelled the task of a run, and that ended it."""
    stops = [one for one in run.commands.values() if one.kind == RunCommandKind.STOP and one.accepted]
    return run.status is RunStatus.STOPPED and bool(run.stop_asked) and stops[-1].via == VIA_TASK


def _asks_nobody(run: Run) -> bool:
    """Return whether no tool of a run changes anything that a person has to allow, or say what became of."""
    grants = [grant for job in run.jobs.values() for grant in job.plan.tools]
    return all(
        grant.kind.may_be_repeated and not grant.asks and not run.approval.is_needed(grant.kind) for grant in grants
    )


def _word(call: WaitingCall, answer: ElicitResult) -> RunCommand:
    if is_agreed(answer):
        return _command(RunCommandKind.APPROVE, "host", call=call.key, about=call.about)
    said = "your user closed the question" if answer.action == "cancel" else "your user said no"
    return _command(RunCommandKind.REFUSE, "host", call=call.key, reason=said)


def _word_on_doubt(call: WaitingCall, answer: ElicitResult) -> RunCommand | None:
    verdict = verdict_in(answer)
    return _command(RunCommandKind.RESOLVE, "host", call=call.key, verdict=verdict) if verdict else None


def _command(kind: RunCommandKind, via: str, **arguments: str) -> RunCommand:
    return RunCommand(new_id("word"), kind, "user", via, arguments)


def _key_of(call: WaitingCall) -> str:
    return f"{'resolve' if call.in_doubt else 'approve'}:{call.key}"


def _resume_key(run: Run) -> str:
    return f"resume:{run.version}"
