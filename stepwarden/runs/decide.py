"""What is next in a run: the events to record now, and what to do once they are recorded.

Nothing is done before it is recorded, and nothing is recorded as done that was not. Who drives the run says what it has
in flight: what the history says is under way and is not, was lost with another process.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from stepwarden.runs.budget import RunBudget, last_turn_of, notice_of, prompt_tokens_of, uses_of
from stepwarden.runs.limits import LAST_PROMPT_TOKENS, NOTHING, Amount, LimitUse, cost_of
from stepwarden.runs.run import Job, OpenQuestion, Run, RunStatus, Stopping, ToolLevel
from stepwarden.runs.run_calls import Body, CallKind, CallState, RunCall, ToolGrant, body_of, object_of, unknown_tool
from stepwarden.runs.run_events import (
    CANCELLED,
    RESTS_AT_LIMIT,
    ApprovalAsked,
    CallDoubted,
    CallEnded,
    CallReserved,
    CallSent,
    FailedAnswer,
    JobEnded,
    JobStopping,
    QuestionAnswered,
    QuestionAsked,
    RunCrashed,
    RunEnded,
    RunEvent,
    RunPaused,
)
from stepwarden.runs.steered_protocol import next_step
from stepwarden.runs.stop_conditions import is_bound, leaves
from stepwarden.runs.stop_facts import LastResult, StopFacts

MOST_ATTEMPTS = 3
"""So often a question is asked whose asker vanished: each was perhaps paid for. Then the run rests, for a person."""

MOST_FAILURES = 3
"""So many answers in a row may fail: with all tools, with the essential ones, with none."""

MOST_OUTAGES = 8
"""So often a model is asked that is held up by a rate limit or the network; then the run rests, for a person."""

MOST_CRASHES = 3
"""So often whoever drives a run may crash without an answer between."""

_SHORTEST_WAIT = 0.001  # seconds: sums of times are not exact, and nobody is to be woken without end


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
    if run.stop_asked or run.misfit:
        status, why = _why_at_once(run)
        return RunDecision(cancelled=unwanted) if in_flight else RunDecision(tuple(_ended_at_once(run, status, why)))
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


def _why_at_once(run: Run) -> tuple[RunStatus, str]:
    if run.stop_asked:
        return RunStatus.STOPPED, f"{run.stop_asked} stopped it"
    return RunStatus.FAILED, run.misfit


def after_crash(run: Run, error: str) -> tuple[RunEvent, ...]:
    """Return what is recorded after a crash of whoever drove the run: with the last one that is borne, its end.

    Only an answer between two crashes makes them count anew.
    """
    crashed = RunCrashed(error)
    if run.status.is_end or run.crashes + 1 < MOST_CRASHES:
        return (crashed,)
    why = f"driving it crashed {run.crashes + 1} times, a fault of ours: {error}"
    return (crashed, *_ended_at_once(run, RunStatus.FAILED, why))


def _ended_at_once(run: Run, status: RunStatus, why: str) -> Iterator[RunEvent]:
    """Yield the ends of a run and its jobs, with their answers so far."""
    for job in run.jobs.values():
        if job.status.is_end:
            continue
        for call in job.open_calls:
            if call.state is CallState.SENT:
                yield CallDoubted(call.key, f"whoever sent it is gone, and the run is {status}")
            elif call.reserved != NOTHING:
                told = body_of(f"Whoever made this call is gone, and the run is {status}.")
                yield CallEnded(call.key, told, failed=True, spent=call.reserved)
        if job.question is not None:
            yield _lost(job.question)
        yield JobEnded(job.id, status, why, job.best_answer)
    answers = [job.best_answer for job in run.jobs.values() if job.best_answer.text]
    yield RunEnded(status, why, answers[-1] if answers else Body())


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
        self.wake_at: float | None = None
        self.budget = RunBudget(run)
        self.free_calls = run.limits.calls_at_once - len([call for call in run.open_calls if call.key in in_flight])

    def decision(self) -> RunDecision:
        asked = {job.question.key for job in self.run.jobs.values() if job.question is not None}
        calls = self.run.open_calls
        looks = {_look_key(call) for call in calls if call.is_looked_after}
        self.cancelled += sorted(self.in_flight - asked - looks - {call.key for call in calls})
        pause = next((event for event in self.events if isinstance(event, RunPaused)), None)
        if pause is not None:  # what else was decided waits until it is resumed
            lost = [event for event in self.events if isinstance(event, QuestionAnswered)]
            return RunDecision((*lost, pause))
        limit = self.run.limits.seconds
        times = [time for time in (self.wake_at, self.run.deadline) if time is not None]
        if limit is not None and self.run.working_since is not None:
            times.append(self.now + limit - self.run.working_seconds(self.now))
        wake_at = max(self.now + _SHORTEST_WAIT, min(times)) if times and not self.events else None
        return RunDecision(tuple(self.events), tuple(self.effects), tuple(self.cancelled), wake_at)

    def go_on(self, job: Job) -> None:
        if job.stopping is None and (use := self._used_up_time(job)) is not None:
            self._stop_at(job, use)
        elif job.question is not None:
            self._wait_for_answer(job)
        elif _may_be_analysed(job) and job.stopping is None:
            self._steer(job)
        elif job.open_calls:
            self._go_on_with_calls(job)
        elif job.stopping is not None:
            self._finish(job, job.stopping)
        elif job.work is not None:
            self._steer(job)
        elif job.fails_for_good or job.failures >= MOST_FAILURES or (job.failures and not job.plan.tools):
            self.events.append(JobEnded(job.id, RunStatus.FAILED, job.failure, job.best_answer))
        elif (stopping := self._condition_met(job)) is not None:
            self.events.append(JobStopping(job.id, stopping))
        elif _is_finished(job) and job.current is not None:
            self.events.append(JobEnded(job.id, RunStatus.COMPLETED, "", job.current.text))
        else:
            self._ask_in_time(job)

    def _steer(self, job: Job) -> None:
        step = next_step(self.run, job, self.now)
        if step.begins:
            full = [use for use in uses_of(self.run, job, self.now) if use.share >= 1]
            stopping = None if full else self._condition_met(job)
            if full:
                self._stop_at(job, full[0])
                return
            if stopping is not None:
                self.events.append(JobStopping(job.id, stopping))
                return
        self.events.extend(step.events)
        if step.wake_at is not None:
            self.wake_at = step.wake_at if self.wake_at is None else min(self.wake_at, step.wake_at)
        if step.ability is not None and not self._is_held_up(job):
            if job.outages >= MOST_OUTAGES:
                self.events.append(RunPaused(f"its model was not to be had {job.outages} times: {job.failure}"))
            else:
                self._ask_for(job, step.ability)

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
        # A `not` is none of them: what did not happen bounds the work and is no goal.
        goals = {str(leaf) for leaf in leaves(job.stop) if not is_bound(leaf)}
        is_goal = any(reason.condition in goals for reason in reasons)
        if is_goal and _is_finished(job):
            return None  # the model says itself that it is done
        first = reasons[0]
        name = " and ".join(reason.condition for reason in reasons)
        return Stopping(name, first.value, first.limit, is_goal=is_goal)

    def _stop_at(self, job: Job, use: LimitUse) -> None:
        if self.run.pauses_at_limits:
            self.events.append(RunPaused(f"{RESTS_AT_LIMIT}{use}"))
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
            text = f"its model was asked {question.attempt} times, and whoever asked was gone each time"
            self.events += [_lost(question), RunPaused(f"{text}; resume asks again")]
        else:
            self.budget.take(question.reserved)
            self._record_question(
                job,
                question.key,
                question.reserved,
                question.prompt_tokens,
                attempt=question.attempt + 1,
                is_last_turn=question.is_last_turn,
                ability=question.ability,
            )

    def _ask_in_time(self, job: Job) -> None:
        """Ask, unless an outage is waited out, or it lasted too long."""
        if self._is_held_up(job):
            return
        if job.outages >= MOST_OUTAGES:
            self.events.append(RunPaused(f"its model was not to be had {job.outages} times: {job.failure}"))
        else:
            self._ask(job)

    def _is_held_up(self, job: Job) -> bool:
        if self.now >= job.ask_after:
            return False
        self.wake_at = job.ask_after if self.wake_at is None else min(self.wake_at, job.ask_after)
        return True

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
            self._record_question(job, _question_key(job), reserved, tokens)
        elif not self.budget.has_reservations:  # else what is under way may turn out cheaper
            self._stop_at(job, lacking)

    def _ask_for(self, job: Job, ability: str) -> None:
        """Ask for an ability; what is set aside is enough to ask once more, with what was wrong."""
        tokens = prompt_tokens_of(self.run, job)
        once = cost_of(job.plan.price, tokens, self.run.limits.answer_tokens)
        reserved = once + once
        lacking = self.budget.lacks(reserved)
        if lacking is None:
            self.budget.take(reserved)
            self._record_question(job, _question_key(job), reserved, tokens, ability=ability)
        elif not self.budget.has_reservations:
            self._stop_at(job, lacking)

    def _record_question(
        self,
        job: Job,
        key: str,
        reserved: Amount,
        prompt_tokens: int,
        *,
        attempt: int = 1,
        is_last_turn: bool = False,
        ability: str = "",
    ) -> None:
        level = ToolLevel.NONE if is_last_turn else job.level
        notice = notice_of(self.run, job, self.now)
        self.events.append(
            QuestionAsked(
                key, job.id, job.plan.model, reserved, prompt_tokens, attempt, level, is_last_turn, notice, ability
            )
        )
        self.effects.append(AskModel(key, job.id))

    def _finish(self, job: Job, stopping: Stopping) -> None:
        """Let a job that is stopped write its answer, where it has none and there is room, and end it."""
        is_reached = stopping.is_goal and (job.work is None or job.work.is_complete)
        status = RunStatus.COMPLETED if is_reached else RunStatus.STOPPED
        step = job.current
        is_answered = step is not None and (
            step.is_last_turn
            or (bool(job.best_answer.text.strip()) and (job.work is not None or stopping.is_goal or not step.calls))
        )
        tokens = min(prompt_tokens_of(self.run, job), LAST_PROMPT_TOKENS)
        reserved = last_turn_of(job)
        is_in_vain = bool(job.failures) or job.outages >= MOST_OUTAGES
        if is_answered or step is None or is_in_vain or self.budget.lacks(reserved, is_last_turn=True) is not None:
            self.events.append(JobEnded(job.id, status, str(stopping), job.best_answer))
            return
        if self._is_held_up(job):
            return
        self.budget.take(reserved)
        self._record_question(job, _question_key(job), reserved, tokens, is_last_turn=True)

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
            elif call.state is CallState.WAITING and call.until is not None and self.now >= call.until:
                told = body_of("Nobody answered in time whether this may be done: it was not sent.")
                self.events.append(CallEnded(call.key, told, refused=True))

    def _look_after(self, job: Job, call: RunCall) -> None:
        """Find out what became of a call in doubt, once it is time."""
        key, look_at = _look_key(call), call.look_at or 0.0
        if key in self.in_flight:
            return
        if look_at <= self.now:
            self.effects.append(SettleDoubt(key, job.id, call.key))
        else:
            self.wake_at = look_at if self.wake_at is None else min(self.wake_at, look_at)

    def _drop(self, call: RunCall, stopping: Stopping) -> None:
        if call.state is CallState.IN_DOUBT:
            told = body_of("Nobody knows whether this was carried out.")
            self.events.append(CallEnded(call.key, told, failed=True))
        else:
            told = body_of(f"Not sent: the run is being stopped ({stopping}).")
            self.events.append(CallEnded(call.key, told, refused=True, spent=call.reserved))

    def _make(self, job: Job, call: RunCall) -> None:
        grant = next((grant for grant in job.plan.tools if grant.name == call.tool), None)
        error = call.proposed.error or ("" if grant else unknown_tool(call.tool, job.plan.tools))
        if error:
            self.events.append(CallEnded(call.key, body_of(error), failed=True))
        elif call.state is CallState.PROPOSED and grant is not None and self._needs_approval(call, grant):
            seconds = self.run.limits.question_seconds
            until = None if seconds is None else self.now + seconds
            self.events.append(ApprovalAsked(call.key, about_of(job, call, grant), until))
        elif self.free_calls > 0 and not job.holds_back(call):
            self.free_calls -= 1
            if not call.kind.may_be_repeated:
                self.events.append(CallSent(call.key))
            if grant is not None:
                self._reserve(call, grant.may_cost)
            self.effects.append(MakeCall(call.key, job.id))

    def _reserve(self, call: RunCall, may_cost: Amount) -> None:
        """Set aside what the models of a call may cost; where there is no room for it, it has to do without them."""
        if may_cost != NOTHING and self.budget.lacks(may_cost) is None:
            self.budget.hold(may_cost)
            self.events.append(CallReserved(call.key, may_cost))
        elif call.reserved != NOTHING:  # of a maker who is gone
            self.events.append(CallReserved(call.key))

    def _needs_approval(self, call: RunCall, grant: ToolGrant) -> bool:
        return grant.asks or self.run.approval.is_needed(call.kind)


def _look_key(call: RunCall) -> str:
    return f"look/{call.key}"


def _may_be_analysed(job: Job) -> bool:
    """Return whether a person asked for an analysis, and no call of the job is under way."""
    waiting = {CallState.WAITING, CallState.IN_DOUBT}
    asked = job.work is not None and bool(job.work.analysis_asked)
    return asked and all(call.state in waiting for call in job.open_calls)


def about_of(job: Job, call: RunCall, grant: ToolGrant) -> str:
    """Return what a person's word is bound to; in a steered job it names what would be destroyed, too."""
    digest = digest_of(call, grant.fingerprint)
    is_named = job.work is not None and call.kind is CallKind.DESTRUCTIVE
    return f"{object_of(call)} {digest}" if is_named else digest


def _question_key(job: Job) -> str:
    """Return the key of a job's next question, unique in the run: a slash in the id does not look like another job."""
    return f"{job.id.replace('%', '%25').replace('/', '%2F')}/{job.questions + 1}"


def _is_finished(job: Job) -> bool:
    """Whether the model answered without another call: it is done, unless a bound is met."""
    step = job.current
    return step is not None and not step.calls and not step.is_last_turn and not job.failures


def digest_of(call: RunCall, fingerprint: str) -> str:
    """Return what a person's word about a call is bound to: the tool as it was described, and the exact arguments."""
    told = "\0".join((call.key, call.tool, fingerprint, call.proposed.arguments))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def facts_of(run: Run, job: Job, now: float) -> StopFacts:
    """Return what stop conditions look at."""
    calls = [call for step in job.steps for call in step.calls if call.state in {CallState.DONE, CallState.FAILED}]
    last = calls[-1] if calls else None
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
        tokens=run.spent.tokens,
        last=LastResult(last.tool, last.result.text, last.state is CallState.FAILED) if last else LastResult(),
        answer=job.current.text.text if job.current is not None else "",
    )
