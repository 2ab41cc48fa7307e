"""A world in which a run is driven without I/O: models and tools that do anything, people, crashes and a clock."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from run_model import Account

from stepwarden.runs.decide import AskModel, MakeCall, RunDecision, RunEffect, SettleDoubt, decide
from stepwarden.runs.limits import Amount, RunLimits, TokenPrice
from stepwarden.runs.run import JobPlan, Run, RunStatus
from stepwarden.runs.run_calls import Approval, Body, CallKind, CallState, ProposedCall, ToolGrant
from stepwarden.runs.run_commands import RunCommand, RunCommandKind, admit_run_command
from stepwarden.runs.run_events import (
    CANCELLED,
    CallDoubted,
    CallEnded,
    DoubtSettled,
    FailedAnswer,
    JobsPlanned,
    QuestionAnswered,
    RunAttached,
    RunEvent,
    RunStarted,
    StateChanged,
    decode_run_event,
    encode_run_event,
)
from stepwarden.runs.run_fold import apply_to_run
from stepwarden.runs.workflow_state import StateChange

CHEAP = TokenPrice(Decimal(1), Decimal(3))
TOOLS = (
    ToolGrant("look", CallKind.READ, "f1"),
    ToolGrant("add", CallKind.LOCAL),
    ToolGrant("write", CallKind.WRITE, "f2"),
    ToolGrant("drop", CallKind.DESTRUCTIVE, "f3"),
)
MOST_DECISIONS = 60
"""No chain of decisions without anything from outside is longer, whatever happened before."""


def plan(name: str = "a", **more: Any) -> JobPlan:
    """Return a job with all kinds of tools."""
    given: dict[str, Any] = {"instructions": "do it", "model": "m", "tools": TOOLS, "price": CHEAP, **more}
    return JobPlan(name, **given)


def body(text: str) -> Body:
    return Body(text, size=len(text.encode()))


@dataclass
class World:
    """One run, who drives it, and what it has in flight. `history` are the states after each event."""

    now: float = 1_000_000.0
    run: Run = field(default_factory=lambda: Run("run-1"))
    log: list[tuple[RunEvent, float]] = field(default_factory=list[tuple[RunEvent, float]])
    states: list[Run] = field(default_factory=list[Run])
    account: Account = field(default_factory=Account)
    in_flight: dict[str, RunEffect] = field(default_factory=dict[str, RunEffect])
    busy: float = 0.0  # seconds in which somebody alive had something to do
    is_driven: bool = False
    is_at_rest: bool = False  # nothing is left to decide
    wake_at: float | None = None
    ids: "count[int]" = field(default_factory=lambda: count(1))

    def start(
        self,
        jobs: Sequence[JobPlan],
        limits: RunLimits | None = None,
        approval: Approval = Approval.WRITES,
        **more: Any,
    ) -> "World":
        """Begin with these jobs, and drive it."""
        started = RunStarted("the request", "me", "cli", limits or RunLimits(), approval, **more)
        self.append(started, JobsPlanned(tuple(jobs)))
        self.attach()
        return self

    def append(self, *events: RunEvent) -> None:
        """Record events, each checked against the account, and each readable again."""
        for event in events:
            kind, payload = encode_run_event(event)
            again = decode_run_event(kind, json.dumps(json.loads(payload)))
            assert encode_run_event(again) == (kind, payload)
            before, self.run = self.run, apply_to_run(self.run, event, self.now)
            assert apply_to_run(before, again, self.now) == self.run
            self.is_at_rest = False
            self.log.append((event, self.now))
            self.states.append(self.run)
            self.account.note(before, event, self.run)

    # -- who drives

    def attach(self) -> None:
        """Let a process drive that has nothing in flight."""
        self.in_flight.clear()
        self.append(RunAttached(f"process {next(self.ids)}"))
        self.is_driven = True
        self.drive()

    def crash(self) -> None:
        """Kill whoever drives."""
        self.in_flight.clear()
        self.is_driven, self.wake_at = False, None

    def decision(self) -> RunDecision:
        return decide(self.run, self.now, frozenset(self.in_flight))

    def drive(self, dies: Random | None = None) -> None:
        """Decide, record, do until there is nothing left to do; with `dies` whoever does it may die at any point."""
        for _ in range(MOST_DECISIONS):
            if not self.is_driven:
                return
            decision = self.decision()
            self.wake_at = decision.wake_at
            if dies is not None and dies.random() < 0.02:
                self.crash()
                return
            self.append(*decision.events)
            if dies is not None and dies.random() < 0.02:
                self.crash()
                return
            for effect in decision.effects:
                self.begin(effect)
            for key in decision.cancelled:
                self.cancel(key)
            if not (decision.events or decision.effects or decision.cancelled):
                self.is_at_rest = True
                self.check_rest()
                return
        raise AssertionError("it never comes to rest")

    def begin(self, effect: RunEffect) -> None:
        assert effect.key not in self.in_flight, "it is under way already"
        self.account.perform(effect)
        self.in_flight[effect.key] = effect
        calls = [each for each in self.in_flight.values() if isinstance(each, MakeCall)]
        assert len(calls) <= self.run.limits.calls_at_once

    def cancel(self, key: str) -> None:
        """Cut off what is in flight."""
        effect = self.in_flight.pop(key)
        if isinstance(effect, AskModel):
            self.append(QuestionAnswered(key, failure=FailedAnswer(CANCELLED, "nobody wants it")))
        elif not isinstance(effect, SettleDoubt):
            assert self.call(key).state is not CallState.SENT, "a write is never cut off"

    def check_rest(self) -> None:
        """Check that a run in which nothing is to be done is over, rests, or says whom it waits for."""
        if self.in_flight or self.run.status.is_end:
            return
        held_up = [job.ask_after for job in self.run.jobs.values() if job.ask_after > self.now]
        looks = [call.look_at or 0.0 for call in self.run.open_calls if call.is_looked_after]
        if (held_up or looks) and self.run.is_at_work:
            assert self.wake_at == min([*held_up, *looks])
            return
        assert not self.run.is_at_work
        assert self.wake_at is None
        if self.run.status is RunStatus.PAUSED:
            assert self.run.why
            return
        for job in self.run.jobs.values():
            if job.status is RunStatus.RUNNING:
                waits = [call for call in job.open_calls if call.state in {CallState.WAITING, CallState.IN_DOUBT}]
                assert waits, "it waits, and nobody knows for whom"
                assert all(call.about for call in waits if call.state is CallState.WAITING)

    # -- what comes from outside

    def call(self, key: str) -> Any:
        calls = (call for job in self.run.jobs.values() for step in job.steps for call in step.calls)
        return next(call for call in calls if call.key == key)

    def reserved(self, key: str) -> Amount:
        """Return what is set aside for an open question."""
        questions = [job.question for job in self.run.jobs.values() if job.question is not None]
        return next(question.reserved for question in questions if question.key == key)

    def answer(self, key: str, text: str = "", calls: Sequence[ProposedCall] = (), **more: Any) -> None:
        """Let a model answer."""
        del self.in_flight[key]
        reserved = self.reserved(key)
        more.setdefault("spent", Amount(reserved.tokens // 2, reserved.dollars / 2))
        self.append(QuestionAnswered(key, body(text), tuple(calls), **more))

    def fail(self, key: str, fatal: bool = False, *, passing: bool = False, retry_after: float = 0.0) -> None:
        del self.in_flight[key]
        failure = FailedAnswer("network", "no answer", fatal, passing, retry_after)
        self.append(QuestionAnswered(key, failure=failure))

    def time_out_with(self, key: str, text: str) -> None:
        """Let the time of the run be over, and a model's answer arrive before it could be cut off."""
        assert self.run.limits.seconds is not None
        self.now += self.run.limits.seconds
        decision = self.decision()
        self.append(*decision.events)
        self.answer(key, text)
        self.drive()

    def end_call(self, key: str, text: str = "fine", **more: Any) -> None:
        del self.in_flight[key]
        self.append(CallEnded(key, body(text), **more))

    def end_look(self, key: str, verdict: Any, later: float | None = None) -> None:
        """Let a look after a call in doubt tell what became of it, or when or that it cannot (None)."""
        effect = self.in_flight.pop(key)
        assert isinstance(effect, SettleDoubt)
        if verdict is None:
            self.append(CallDoubted(effect.call, "not known yet", look_at=later))
        else:
            self.append(DoubtSettled(effect.call, verdict, "look", body("it is there")))

    def command(self, kind: str, name: str | None = None, by: str = "ann", **arguments: Any) -> bool | None:
        """Say something to the run; return whether it was accepted, None where it was known already."""
        word = RunCommand(name or f"c{next(self.ids)}", RunCommandKind(kind), by, "cli", arguments)
        admitted = admit_run_command(self.run, word)
        if admitted is None:
            return None
        self.append(admitted)
        assert bool(admitted.reason) != admitted.accepted
        return admitted.accepted

    def change_state(self, change: StateChange) -> None:
        self.append(StateChanged(change))

    def pass_time(self, seconds: float) -> None:
        """Let time pass; somebody who drives wakes when it said so."""
        until = self.now + seconds
        while self.is_driven and self.wake_at is not None and self.wake_at < until:
            self._go_to(max(self.now, self.wake_at))
            self.wake_at = None
            self.drive()
        self._go_to(until)

    def _go_to(self, at: float) -> None:
        if self.is_driven and (self.in_flight or not self.is_at_rest):
            self.busy += at - self.now
        self.now = at
        if self.is_driven:
            assert self.run.working_seconds(self.now) <= self.busy + 1e-6, "it counts time in which nobody worked"
