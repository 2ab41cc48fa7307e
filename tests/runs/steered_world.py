"""A steered run driven without I/O: a model that says anything, tools that do anything, people, crashes and a clock.

`Ledger` is a naive account beside it, kept from the events alone.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from run_world import TOOLS

from stepwarden.runs.decide import AskModel, MakeCall, RunEffect, SettleDoubt, decide
from stepwarden.runs.limits import Amount, RunLimits
from stepwarden.runs.requirements import Requirement, RequirementKind, checked_split
from stepwarden.runs.run import JobPlan, Run, RunStatus
from stepwarden.runs.run_calls import Approval, Body, CallKind, CallState, RunCall, body_of
from stepwarden.runs.run_commands import RunCommand, RunCommandKind, admit_run_command
from stepwarden.runs.run_events import (
    CANCELLED,
    CallDoubted,
    CallEnded,
    CallSent,
    DoubtSettled,
    FailedAnswer,
    JobEnded,
    JobsPlanned,
    QuestionAnswered,
    QuestionAsked,
    RunAttached,
    RunCommanded,
    RunEnded,
    RunEvent,
    RunStarted,
    decode_run_event,
    encode_run_event,
)
from stepwarden.runs.run_fold import apply_to_run
from stepwarden.runs.steered import AbilityName, AnsweredBy, Depth, Insight, ProposedAction, ResultClaim, SteeredWork
from stepwarden.runs.steered_events import (
    ActionChosen,
    ActionProposed,
    CompletionClaimed,
    CompletionJudged,
    ContextAnalysed,
    InsightsGained,
    RecoveryAdvised,
    RequirementsSplit,
    ResultValidated,
    SteeredEvent,
    StrategySet,
)
from stepwarden.runs.steered_rules import new_calls

REQUEST = "Look up the price of apples, and then write the price of apples to the list"
MOST_ROUNDS = 600

Answer = Callable[[Run, AbilityName, str], SteeredEvent]
"""What a model says to the open question of the job, by its key."""


@dataclass
class Ledger:
    """What the events say, written down by a bookkeeper who knows no rule of the machine."""

    depth: Depth
    calls: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    order: list[str] = field(default_factory=list[str])
    invalid: set[str] = field(default_factory=set[str])
    superseded: set[str] = field(default_factory=set[str])
    sent: Counter[str] = field(default_factory=Counter[str])
    asked: int = 0
    last_failed: str = ""

    def note(self, event: RunEvent, after: Run) -> None:
        if isinstance(event, RunCommanded) and event.accepted:
            self.asked -= 1  # what a person says may have to be asked about
        match event:
            case ActionChosen():
                for action in self.actions_of(after):
                    assert event.how == "retry" or action != self.last_failed, "the same failing action again"
            case CallSent(call=key):
                self.sent[key] += 1
                assert self.sent[key] == 1, "a write was sent twice"
            case DoubtSettled():
                state = next(
                    call.state for step in after.jobs["a"].steps for call in step.calls if call.key == event.call
                )
                if event.verdict == "not_done" and state is CallState.ALLOWED:
                    self.sent[event.call] -= 1
                elif event.verdict == "done" and state is CallState.DONE:
                    self.calls[event.call]["state"] = "done"
            case CallEnded() if event.call not in self.superseded:
                state = "refused" if event.refused else "failed" if event.failed else "done"
                self.calls[event.call]["state"] = state
            case ResultValidated():
                bad = [key for key in event.calls if not event.valid or self.calls[key]["state"] != "done"]
                self.invalid.update(bad)
                self.last_failed = self.calls[bad[-1]]["action"] if bad else ""
            case _:
                self._judged(event, after)

    def _judged(self, event: RunEvent, after: Run) -> None:
        match event:
            case QuestionAsked() if event.ability not in {"", AbilityName.ANALYSE} and event.attempt == 1:
                self.asked += 1
                assert self.depth is Depth.FULL or self.asked <= 4 + (event.ability == AbilityName.SPLIT)
            case CompletionJudged():
                self.asked = 0
                for one in event.requirements:
                    if one.is_met:
                        self.proves(one)
            case RequirementsSplit():
                self.asked = 0
            case RunCommanded() if event.accepted:
                self._said(event, after)
            case RunEnded(status=RunStatus.COMPLETED):
                work = after.jobs["a"].work
                assert work is not None
                assert all(one.is_met for one in work.requirements)
            case _:
                pass

    def _said(self, event: RunCommanded, after: Run) -> None:
        match event:
            case RunCommanded(kind="choose"):
                self.actions_of(after)
                refused = [call for step in after.jobs["a"].steps for call in step.calls if call.state == "refused"]
                self.calls.update({one.key: self.calls[one.key] | {"state": "refused"} for one in refused})
            case RunCommanded(kind="edit"):
                for call in after.open_calls:
                    self.calls[call.key]["action"] = f"{call.tool} {call.proposed.arguments}"
            case RunCommanded(kind="restore"):
                self.superseded = set(after.superseded)
                self.asked, self.last_failed = 0, after.jobs["a"].work.failed if after.jobs["a"].work else ""
            case RunCommanded(kind="answer") if event.arguments["choice"] == "again":
                self.last_failed = ""
            case RunCommanded(kind="refuse"):
                self.calls[event.arguments["call"]]["state"] = "refused"
            case RunCommanded(kind="resolve") if event.arguments["verdict"] == "done":
                self.calls[event.arguments["call"]]["state"] = "done"
            case _:
                pass

    def actions_of(self, after: Run) -> list[str]:
        """Write the new calls of the last step down, and return what each does."""
        new = [call for call in after.jobs["a"].steps[-1].calls if call.key not in self.calls]
        for call in new:
            action = f"{call.tool} {call.proposed.arguments}"
            self.calls[call.key] = {"kind": call.kind, "action": action, "state": "open"}
            self.order.append(call.key)
        return [self.calls[call.key]["action"] for call in new]

    def proves(self, one: Requirement) -> None:
        """Check by hand what a requirement that counts as met rests on."""
        assert one.evidence, "met by nothing"
        for key in one.evidence:
            assert self.calls[key]["state"] == "done", "met by what failed"
            assert key not in self.invalid, "met by what was found invalid"
            assert key not in self.superseded, "met by what was superseded"
        if one.kind is RequirementKind.CHANGE:
            writes = [key for key in self.order if self.calls[key]["kind"] in {CallKind.WRITE, CallKind.DESTRUCTIVE}]
            done = [key for key in writes if self.calls[key]["state"] == "done"]
            assert done, "a change without any write"
            first = self.order.index(done[0])
            assert any(key in writes or self.order.index(key) > first for key in one.evidence), "an earlier read"


@dataclass
class SteeredWorld:
    """One steered run; `says` answers as its model, `dice` decide everything else."""

    says: Answer
    dice: Random
    depth: Depth = Depth.LEAN
    now: float = 1_000_000.0
    run: Run = field(default_factory=lambda: Run("run-1"))
    log: list[tuple[RunEvent, float]] = field(default_factory=list[tuple[RunEvent, float]])
    in_flight: dict[str, RunEffect] = field(default_factory=dict[str, RunEffect])
    result: Callable[[RunCall, Random], tuple[str, bool]] = lambda call, dice: (f"{call.tool} said fine", False)
    crashes: float = 0.0
    fails: float = 0.0
    steers: float = 0.0
    goes_back: bool = False
    commands: int = 0

    def start(self, request: str = REQUEST, limits: RunLimits | None = None) -> "SteeredWorld":
        self.ledger = Ledger(self.depth)
        plan = JobPlan("a", "do it", "m", TOOLS, depth=self.depth)
        limits = limits or RunLimits(steps=12, question_seconds=500.0)
        self.append(RunStarted(request, "me", "cli", limits, Approval.WRITES), JobsPlanned((plan,)))
        self.append(RunAttached("p"))
        return self

    @property
    def work(self) -> SteeredWork:
        work = self.run.jobs["a"].work
        assert work is not None
        return work

    def append(self, *events: RunEvent) -> None:
        for event in events:
            kind, payload = encode_run_event(event)
            again = decode_run_event(kind, json.dumps(json.loads(payload)))
            before, self.run = self.run, apply_to_run(self.run, event, self.now)
            assert apply_to_run(before, again, self.now) == self.run
            self.log.append((event, self.now))
            self.ledger.note(event, self.run)

    def end(self) -> Run:
        """Drive it to its end."""
        for _ in range(MOST_ROUNDS):
            if self.run.status.is_end:
                return self.run
            self.round()
        raise AssertionError(f"it never ends: {self.work.phase}")

    def round(self) -> None:
        if self.dice.random() < self.crashes:
            self.in_flight.clear()
            self.append(RunAttached("another"))
        if self.dice.random() < self.steers:
            self.steer()
        decision = decide(self.run, self.now, frozenset(self.in_flight))
        self.append(*decision.events)
        for effect in decision.effects:
            self.in_flight[effect.key] = effect
        for key in decision.cancelled:
            self.in_flight.pop(key)
            if any(call.key == key for call in self.run.open_calls):
                self.append(CallEnded(key, body_of("It was cut off."), failed=True))
            elif (question := self.run.jobs["a"].question) is not None and question.key == key:
                self.append(QuestionAnswered(key, failure=FailedAnswer(CANCELLED, "it was cut off")))
        if decision.events:
            return
        if self.in_flight:
            self.finish(self.dice.choice(sorted(self.in_flight)))
        elif decision.wake_at is not None and self.run.is_at_work:
            self.now = decision.wake_at
        else:
            self.person()
        self.now += self.dice.choice([0.1, 1.0])

    def finish(self, key: str) -> None:
        effect = self.in_flight.pop(key)
        if isinstance(effect, MakeCall):
            call = next(call for call in self.run.open_calls if call.key == key)
            text, failed = self.result(call, self.dice)
            self.append(CallEnded(key, body_of(text), failed=failed))
            return
        if isinstance(effect, SettleDoubt):
            found = body_of("it is there")
            settled = (
                DoubtSettled(effect.call, "done", "look", found),
                DoubtSettled(effect.call, "not_done", "look", found),
                CallDoubted(effect.call, "nobody knows"),
            )
            self.append(self.dice.choice(settled))
            return
        assert isinstance(effect, AskModel)
        question = self.run.jobs["a"].question
        assert question is not None
        if self.dice.random() < self.fails:
            kind = self.dice.choice(["network", "invalid_answer", "refused"])
            self.append(QuestionAnswered(key, failure=FailedAnswer(kind, "no answer")))
        elif question.is_last_turn:
            self.append(QuestionAnswered(key, body_of("so far"), spent=Amount(10)))
        else:
            event = self.says(self.run, AbilityName(question.ability), key)
            self.append(event, QuestionAnswered(key, Body("said"), spent=Amount(10)))

    def steer(self) -> None:
        """Say something that may fit, or not."""
        kinds = ["choose", "edit", "analyse", "answer", "checkpoint", "rate", "resume"]
        kind = self.dice.choice([*kinds, "restore"] if self.goes_back else kinds)
        points = [*self.run.checkpoints, "c99"]
        choices: dict[str, Any] = {
            "choose": self.dice.randint(1, 2),
            "answer": self.dice.choice(["again", "other", "skip", "perhaps"]),
            "restore": self.dice.choice(points),
            "rate": self.dice.randint(0, 6),
        }
        given: dict[str, Any] = {"choice": choices[kind]} if kind in choices else {}
        if kind == "edit":
            given["parameters"] = self.dice.choice([{"what": "price of apples", "n": 77}, "no object"])
        self.command(kind, **given)

    def person(self) -> None:
        if self.run.status is RunStatus.PAUSED:
            assert self.command("resume")
            return
        self._decide_a_call()

    def _decide_a_call(self) -> None:
        """Let somebody say what is waited for, or let the time pass in which they could."""
        for call in self.run.open_calls:
            if call.state is CallState.WAITING:
                word = self.dice.choice(["approve", "approve", "refuse", ""])
                if not word and call.until is not None:
                    self.now = call.until
                    return
                self.command(word or "approve", call=call.key, about=call.about)
                return
            if call.state is CallState.IN_DOUBT:
                self.command("resolve", call=call.key, verdict=self.dice.choice(["done", "not_done"]))
                return
        if self.run.deadline is not None:
            self.now = self.run.deadline
            return
        raise AssertionError("it waits, and nobody knows for what")

    def command(self, kind: str, **arguments: Any) -> bool:
        self.commands += 1
        word = RunCommand(f"w{self.commands}", RunCommandKind(kind), "ann", "cli", arguments)
        said = admit_run_command(self.run, word)
        assert said is not None
        self.append(said)
        if kind == "resolve" and arguments["verdict"] == "not_done":
            self.ledger.sent[arguments["call"]] -= 1
        return said.accepted


def honest(run: Run, ability: AbilityName, key: str, **more: Any) -> SteeredEvent:
    """Say what a good model says to the request of this module."""
    job, by = run.jobs["a"], {"by": AnsweredBy.MODEL, "key": key}
    assert job.work is not None
    done = [call for step in job.steps for call in step.calls if call.state is CallState.DONE]
    match ability:
        case AbilityName.SPLIT:
            return RequirementsSplit("a", checked_split(run.request, [(REQUEST.split(",", maxsplit=1)[0], None)]), **by)  # type: ignore[arg-type]
        case AbilityName.ANALYSE:
            return ContextAnalysed("a", "going on", **by)  # type: ignore[arg-type]
        case AbilityName.OPTIMISE:
            return StrategySet("a", **by)  # type: ignore[arg-type]
        case AbilityName.SUGGEST:
            tool = "look" if not any(call.tool == "look" for call in done) else "write"
            number = job.work.iteration
            action = ProposedAction(tool, json.dumps({"what": "price of apples", "n": number}), requirements=("r1",))
            return ActionProposed("a", action, **by)  # type: ignore[arg-type]
        case AbilityName.VALIDATE:
            fresh = [call for call in new_calls(job) if call.state is CallState.DONE]
            claims = tuple(
                ResultClaim("r1" if call.tool == "look" else "r2", (call.key,), call.result.text[:20]) for call in fresh
            )
            return ResultValidated("a", tuple(call.key for call in new_calls(job)), claims=claims, **by)  # type: ignore[arg-type]
        case AbilityName.RECOVER:
            return RecoveryAdvised("a", "try otherwise", key=key)
        case AbilityName.INSIGHTS:
            return InsightsGained("a", (Insight("finding", "apples have a price"),), **by)  # type: ignore[arg-type]
        case AbilityName.COMPLETION:
            return CompletionClaimed("a", True, (), "all is there", body_of("The price is on the list."), key=key)


__all__ = ["REQUEST", "JobEnded", "Ledger", "SteeredWorld", "honest"]
