"""What is next in a run: the events to record now, and what to do once they are recorded.

Nothing is done before it is recorded, and nothing is recorded as done that was not. Who drives the run says what it has
in flight: what the history says is under way and is not, was lost with another process.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from stepwarden.runs.budget import RunBudget, last_turn_of, notice_of, prompt_tokens_of, uses_of
from stepwarden.runs.limits import LAST_PROMPT_TOKENS, Amount, LimitUse, cost_of
from stepwarden.runs.run import Job, OpenQuestion, Run, RunStatus, Stopping, ToolLevel
from stepwarden.runs.run_calls import Body, CallState, RunCall, ToolGrant, body_of
from stepwarden.runs.run_events import (
    CANCELLED,
    ApprovalAsked,
    CallDoubted,
    CallEnded,
    CallSent,
    FailedAnswer,
    JobEnded,
    JobStopping,
    QuestionAnswered,
    QuestionAsked,
    RunEnded,
    RunEvent,
    RunPaused,
)
from stepwarden.runs.stop_conditions import (
    ErrorRate,
    MaxSteps,
    SlowStep,
    SpentDollars,
    StopFacts,
    WorkedSeconds,
    leaves,
)

MOST_ATTEMPTS = 3
"""So often a question is asked whose asker vanished: each was perhaps paid for."""

MOST_FAILURES = 3
"""So many answers in a row may fail: with all tools, with the essential ones, with none."""

_SHORTEST_WAIT = 0.001  # seconds: sums of times are not exact, and nobody is to be woken without end

_BOUNDS = (MaxSteps, SpentDollars, WorkedSeconds, ErrorRate, SlowStep)


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask a job's model its open question."""

    key: str
    job: str


@dataclass(frozen=True, slots=True)
class MakeCall:
    """Make a call of a tool."""

    key: str
    job: str


@dataclass(frozen=True, slots=True)
class SettleDoubt:
    """Find out what became of a call that was lost; nothing of it is sent."""

    key: str
    job: str
    call: str


RunEffect = AskModel | MakeCall | SettleDoubt


@dataclass(frozen=True, slots=True)
class RunDecision:
    """What to record, then to do; which effects in flight nobody wants any more; and when to look again at the latest.

    Where there is nothing to record, to do or to wait for, nobody needs to drive the run.
    """

    events: tuple[RunEvent, ...] = ()
    effects: tuple[RunEffect, ...] = ()
    cancelled: tuple[str, ...] = ()
    wake_at: float | None = None


def decide(run: Run, now: float, in_flight: frozenset[str]) -> RunDecision:
    """Decide what is next; `now` is in unix seconds, `in_flight` are the keys of the effects under way here."""
    unwanted = _repeatable(run, in_flight)
    if run.status.is_end or run.status is RunStatus.PAUSED:
        return RunDecision(cancelled=unwanted)
    if run.stop_asked:
        return RunDecision(cancelled=unwanted) if in_flight else RunDecision(events=tuple(_stopped_by_person(run)))
    plan = _Plan(run, now, in_flight)
    for job in run.jobs.values():
        if job.status is RunStatus.RUNNING:
            plan.go_on(job)
    if not plan.events and all(job.status.is_end for job in run.jobs.values()):
        plan.events.append(_end_of(run))
    return plan.decision()


def _repeatable(run: Run, in_flight: frozenset[str]) -> tuple[str, ...]:
    """Return what in flight can be cut off without harm: all but calls that may have changed something."""
    sent = {call.key for call in run.open_calls if call.state is CallState.SENT}
    return tuple(sorted(in_flight - sent))


def _stopped_by_person(run: Run) -> Iterator[RunEvent]:
    why = f"{run.stop_asked} stopped it"
    for job in run.jobs.values():
        if job.status.is_end:
            continue
        for call in job.open_calls:
            if call.state is CallState.SENT:
                yield CallDoubted(call.key, "whoever sent it is gone, and the run is stopped")
        if job.question is not None:
            yield _lost(job.question)
        yield JobEnded(job.id, RunStatus.STOPPED, why, job.best_answer)
    answers = [job.best_answer for job in run.jobs.values() if job.best_answer.text]
    yield RunEnded(RunStatus.STOPPED, why, answers[-1] if answers else Body())


def _lost(question: OpenQuestion) -> QuestionAnswered:
    """Return the end of a question that nobody waits for any more: it was perhaps paid for."""
    lost = FailedAnswer(CANCELLED, "whoever asked is gone")
    return QuestionAnswered(question.key, spent=question.reserved, failure=lost)


def _end_of(run: Run) -> RunEnded:
    """Return how a run ends whose jobs all have: stopped where one was, completed where at least one is, or failed."""
    jobs = list(run.jobs.values())
    if not jobs:
        return RunEnded(RunStatus.FAILED, "nothing was planned")
    statuses = [job.status for job in jobs]
    if RunStatus.STOPPED in statuses:
        status = RunStatus.STOPPED
    else:
        status = RunStatus.COMPLETED if RunStatus.COMPLETED in statuses else RunStatus.FAILED
    best = [job for job in jobs if job.answer.text] or jobs
    whys = [job.why for job in jobs if job.why and job.status is not RunStatus.COMPLETED]
    return RunEnded(status, "; ".join(dict.fromkeys(whys)) or best[-1].why, best[-1].answer)


class _Plan:
    """One decision as it is made: what one job takes is gone for the next."""

    def __init__(self, run: Run, now: float, in_flight: frozenset[str]) -> None:
        self.run, self.now, self.in_flight = run, now, in_flight
        self.events = list[RunEvent]()
        self.effects = list[RunEffect]()
        self.cancelled = list[str]()
        self.looks_at: float | None = None
        self.budget = RunBudget(run)
        self.free_calls = run.limits.calls_at_once - len([call for call in run.open_calls if call.key in in_flight])

    def decision(self) -> RunDecision:
        pause = next((event for event in self.events if isinstance(event, RunPaused)), None)
        if pause is not None:  # what else was decided waits until it is resumed
            return RunDecision((pause,))
        limit = self.run.limits.seconds
        wake_at = None if self.events else self.looks_at
        if limit is not None and self.run.working_since is not None and not self.events:
            over_at = self.now + max(_SHORTEST_WAIT, limit - self.run.working_seconds(self.now))
            wake_at = over_at if wake_at is None else min(wake_at, over_at)
        return RunDecision(tuple(self.events), tuple(self.effects), tuple(self.cancelled), wake_at)

    def go_on(self, job: Job) -> None:
        if job.stopping is None and (use := self._used_up_time(job)) is not None:
            self._stop_at(job, use)
        elif job.question is not None:
            self._wait_for_answer(job)
        elif job.open_calls:
            self._go_on_with_calls(job)
        elif job.stopping is not None:
            self._finish(job, job.stopping)
        elif job.fails_for_good or job.failures >= MOST_FAILURES or (job.failures and not job.plan.tools):
            self.events.append(JobEnded(job.id, RunStatus.FAILED, job.failure, job.best_answer))
        elif job.current is not None and not job.current.calls and not job.current.is_last_turn and not job.failures:
            self.events.append(JobEnded(job.id, RunStatus.COMPLETED, "", job.current.text))
        elif (stopping := self._condition_met(job)) is not None:
            self.events.append(JobStopping(job.id, stopping))
        else:
            self._ask(job)

    # -- time and conditions

    def _used_up_time(self, job: Job) -> LimitUse | None:
        return next((use for use in uses_of(self.run, job, self.now) if use.name == "seconds" and use.share >= 1), None)

    def _condition_met(self, job: Job) -> Stopping | None:
        if job.stop is None or job.current is None or job.current.is_last_turn:
            return None
        verdict = job.stop.verdict(facts_of(self.run, job, self.now))
        if not verdict.fired:
            return None
        reasons = list(verdict.reasons())
        bounds = {str(leaf) for leaf in leaves(job.stop) if isinstance(leaf, _BOUNDS)}
        first = reasons[0]
        name = " and ".join(reason.condition for reason in reasons)
        return Stopping(
            name, first.value, first.limit, is_goal=any(reason.condition not in bounds for reason in reasons)
        )

    def _stop_at(self, job: Job, use: LimitUse) -> None:
        if self.run.pauses_at_limits:
            self.events.append(RunPaused(f"limit: {use}"))
            return
        value, limit = str(use).removeprefix(f"{use.name} ").split(" of ")
        self.events.append(JobStopping(job.id, Stopping(use.name, value, limit, by_limit=True)))

    # -- questions

    def _wait_for_answer(self, job: Job) -> None:
        question = job.question
        assert question is not None
        is_unwanted = job.stopping is not None and not question.is_last_turn
        if question.key in self.in_flight:
            if is_unwanted:
                self.cancelled.append(question.key)
        elif is_unwanted or self.budget.lacks(question.reserved) is not None:
            self.events.append(_lost(question))
        elif question.attempt >= MOST_ATTEMPTS:
            text = f"asked {question.attempt} times, and whoever asked was gone each time"
            lost = FailedAnswer("lost", text, fatal=True)
            self.events.append(QuestionAnswered(question.key, spent=question.reserved, failure=lost))
        else:
            self.budget.take(question.reserved)
            self._record_question(
                job,
                question.key,
                question.reserved,
                question.prompt_tokens,
                attempt=question.attempt + 1,
                is_last_turn=question.is_last_turn,
            )

    def _ask(self, job: Job) -> None:
        full = [use for use in uses_of(self.run, job, self.now) if use.share >= 1]
        if full:
            self._stop_at(job, full[0])
            return
        if not self.budget.has_step:  # until the answers under way are there
            return
        tokens = prompt_tokens_of(self.run, job)
        reserved = cost_of(job.plan.price, tokens, self.run.limits.answer_tokens)
        lacking = self.budget.lacks(reserved)
        if lacking is None:
            self.budget.take(reserved)
            self._record_question(job, f"{job.id}/{job.questions + 1}", reserved, tokens)
        elif not self.budget.has_reservations:  # else what is under way may turn out cheaper
            self._stop_at(job, lacking)

    def _record_question(
        self, job: Job, key: str, reserved: Amount, prompt_tokens: int, *, attempt: int = 1, is_last_turn: bool = False
    ) -> None:
        level = ToolLevel.NONE if is_last_turn else job.level
        notice = notice_of(self.run, job, self.now)
        self.events.append(
            QuestionAsked(key, job.id, job.plan.model, reserved, prompt_tokens, attempt, level, is_last_turn, notice)
        )
        self.effects.append(AskModel(key, job.id))

    def _finish(self, job: Job, stopping: Stopping) -> None:
        """Let a job that is stopped write its answer, where it has none and there is room, and end it."""
        status = RunStatus.COMPLETED if stopping.is_goal else RunStatus.STOPPED
        step = job.current
        is_answered = step is not None and (
            step.is_last_turn or (bool(step.text.text.strip()) and (stopping.is_goal or not step.calls))
        )
        tokens = min(prompt_tokens_of(self.run, job), LAST_PROMPT_TOKENS)
        reserved = last_turn_of(job)
        if is_answered or step is None or job.failures or self.budget.lacks(reserved, is_last_turn=True) is not None:
            self.events.append(JobEnded(job.id, status, str(stopping), job.best_answer))
            return
        self.budget.take(reserved)
        self._record_question(job, f"{job.id}/{job.questions + 1}", reserved, tokens, is_last_turn=True)

    # -- calls

    def _go_on_with_calls(self, job: Job) -> None:
        lost = [call for call in job.open_calls if call.state is CallState.SENT and call.key not in self.in_flight]
        if lost:  # recorded before anything else of the job goes on
            gone = "whoever sent it is gone"
            self.events.extend(CallDoubted(call.key, gone, look_at=self.now) for call in lost)
            return
        for call in job.open_calls:
            if call.is_looked_after:
                self._look_after(job, call)
            elif call.key in self.in_flight:
                if job.stopping is not None and call.state is not CallState.SENT:
                    self.cancelled.append(call.key)
            elif job.stopping is not None:
                self._drop(call, job.stopping)
            elif call.state in {CallState.PROPOSED, CallState.ALLOWED}:
                self._make(job, call)

    def _look_after(self, job: Job, call: RunCall) -> None:
        """Find out what became of a call in doubt, once it is time."""
        key, look_at = f"look/{call.key}", call.look_at or 0.0
        if key in self.in_flight:
            return
        if look_at <= self.now:
            self.effects.append(SettleDoubt(key, job.id, call.key))
        else:
            self.looks_at = look_at if self.looks_at is None else min(self.looks_at, look_at)

    def _drop(self, call: RunCall, stopping: Stopping) -> None:
        if call.state is CallState.IN_DOUBT:
            told = body_of("Nobody knows whether this was carried out.")
            self.events.append(CallEnded(call.key, told, failed=True))
        else:
            told = body_of(f"Not sent: the run is being stopped ({stopping}).")
            self.events.append(CallEnded(call.key, told, refused=True))

    def _make(self, job: Job, call: RunCall) -> None:
        grant = next((grant for grant in job.plan.tools if grant.name == call.tool), None)
        error = call.proposed.error or (f"There is no tool {call.tool!r:.80}." if grant is None else "")
        if error:
            self.events.append(CallEnded(call.key, body_of(error), failed=True))
        elif call.state is CallState.PROPOSED and grant is not None and self._needs_approval(call, grant):
            self.events.append(ApprovalAsked(call.key, digest_of(call, grant.fingerprint)))
        elif self.free_calls > 0 and not job.holds_back(call):
            self.free_calls -= 1
            if not call.kind.may_be_repeated:
                self.events.append(CallSent(call.key))
            self.effects.append(MakeCall(call.key, job.id))

    def _needs_approval(self, call: RunCall, grant: ToolGrant) -> bool:
        return grant.asks or self.run.approval.is_needed(call.kind)


def digest_of(call: RunCall, fingerprint: str) -> str:
    """Return what a person's word about a call is bound to: the tool as it was described, and the exact arguments."""
    told = "\0".join((call.key, call.tool, fingerprint, call.proposed.arguments))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def facts_of(run: Run, job: Job, now: float) -> StopFacts:
    """Return what stop conditions look at."""
    calls = [call for step in job.steps for call in step.calls if call.state in {CallState.DONE, CallState.FAILED}]
    return StopFacts(
        steps=len(job.steps),
        last_had_calls=job.current is None or bool(job.current.calls),
        tools=[call.tool for call in calls],
        errors=sum(call.state is CallState.FAILED for call in calls),
        dollars=run.spent.dollars,
        seconds=run.working_seconds(now),
        slowest=max((step.duration for step in job.steps), default=0.0),
        matched=job.matched,
        state=run.state,
    )
