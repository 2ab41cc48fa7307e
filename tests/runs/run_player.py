"""Plays a run at random: everybody does anything at any time, and in the end somebody is patient with it."""

from decimal import Decimal
from random import Random
from typing import Any

from run_world import CHEAP, TOOLS, World, plan

from stepwarden.runs.decide import AskModel, SettleDoubt
from stepwarden.runs.limits import Amount, RunLimits
from stepwarden.runs.run import JobPlan, RunStatus
from stepwarden.runs.run_calls import Approval, CallState, ProposedCall
from stepwarden.runs.run_commands import RunCommandKind
from stepwarden.runs.run_fold import MOST_PAUSE_S
from stepwarden.runs.workflow_state import StateChange

STOPS: list[dict[str, Any] | None] = [
    None,
    None,
    {"max_steps": 4},
    {"any": [{"max_steps": 6}, {"tool_seen": "drop"}]},
    {"goal_text": "done"},
    {"all": [{"tool_seen": "write"}, {"not": {"tool_seen": "drop"}}]},
    {"at_least": {"count": 2, "of": [{"time": 60}, {"cost": 0.05}, {"error_rate": 0.5}, {"slow_step": 20}]}},
    {"state": {"progress": 0.5}},
    {"tool_sequence": ["look", "write"]},
]
MUCH: dict[str, Any] = {"steps": 5, "seconds": 50, "tokens": 20_000, "dollars": 1}
MOST_ROUNDS = 400


class Player:
    """Plays one run; everything it does comes of the seed."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.world = World()
        self.overbills = self.dice.random() < 0.3
        self.words = list[str]()
        limits = RunLimits(
            steps=self.dice.choice([None, 3, 8, 15]),
            seconds=self.dice.choice([None, 40.0, 300.0]),
            tokens=self.dice.choice([None, None, 30_000, 100_000]),
            dollars=self.dice.choice([None, Decimal("0.03"), Decimal("0.2"), Decimal(1)]),
            calls_at_once=self.dice.choice([1, 2, 8]),
        )
        jobs = [self._job(name) for name in "abcdefgh"[: self.dice.choice([1, 1, 2, 3, 8])]]
        pauses = self.dice.random() < 0.3
        self.world.start(jobs, limits, self.dice.choice(list(Approval)), pauses_at_limits=pauses)

    def _job(self, name: str) -> JobPlan:
        return plan(
            name,
            tools=self.dice.choice([TOOLS, TOOLS, TOOLS, ()]),
            essential=self.dice.choice([(), ("look",)]),
            stop=self.dice.choice(STOPS),
            price=self.dice.choice([CHEAP, CHEAP, None]),
            steps=self.dice.choice([None, None, 5]),
        )

    def play(self, moves: int) -> World:
        """Do so many random things, then end it, and return the world."""
        for _ in range(moves):
            self.move()
        self.end()
        return self.world

    def move(self) -> None:
        """Do one thing."""
        world, dice = self.world, self.dice
        roll = dice.random()
        if not world.is_driven and roll < 0.3:
            world.attach()
        elif roll < 0.03:
            world.crash()
        elif roll < 0.05:  # another process takes over from one that is alive
            world.attach()
        elif roll < 0.2:
            self.say()
        elif roll < 0.35:
            world.pass_time(dice.choice([0.25, 1.0, 5.0, 30.0]))
        elif world.in_flight:
            self.finish(dice.choice(sorted(world.in_flight)))
        if roll < 0.9:  # else whoever drives is slow
            world.drive(dice)

    def finish(self, key: str) -> None:
        """Let something in flight come to its end, well or not."""
        effect, roll = self.world.in_flight[key], self.dice.random()
        if isinstance(effect, AskModel):
            self._answer(key, roll)
        elif isinstance(effect, SettleDoubt):
            later = self.world.now + self.dice.choice([0.0, 0.1, 40.0]) if roll < 0.3 else None
            verdict = self.dice.choice(["done", "not_done", "given_up"]) if roll >= 0.5 else None
            self.world.end_look(key, verdict, later)
        elif roll < 0.7:
            self.world.end_call(key, "r" * self.dice.choice([1, 50, 3000]), seconds=self.dice.choice([0.0, 30.0]))
        elif roll < 0.8 and self.world.run.status is RunStatus.RUNNING:
            self.world.change_state(StateChange("phase", 0.2, {"x": 1}, {"m": 0.5}))
            self.world.end_call(key)
        else:
            self.world.end_call(key, "it broke", failed=True)

    def _answer(self, key: str, roll: float) -> None:
        if roll < 0.15:
            self.world.fail(key, fatal=roll < 0.01, passing=roll > 0.07)
            return
        reserved = self.world.reserved(key)
        share = self.dice.choice([0, 1, 2, 4])
        spent = Amount(reserved.tokens * share // 4, reserved.dollars * share / 4)
        if self.overbills and roll > 0.9:
            spent = self.dice.choice([Amount(spent.tokens * 3, spent.dollars), Amount(spent.tokens, spent.dollars * 3)])
        calls = [self._call(number) for number in range(self.dice.choice([0, 1, 1, 2, 4]))]
        text = self.dice.choice(["", "so far", "all is done"]) if calls else "the answer"
        matched = ("goal_text 'done'",) if "done" in text else ()
        priced, seconds = self.dice.random() > 0.1, self.dice.choice([0.5, 25.0])
        self.world.answer(key, text, calls, spent=spent, is_priced=priced, seconds=seconds, matched=matched)

    def _call(self, number: int) -> ProposedCall:
        tool = self.dice.choice([grant.name for grant in TOOLS] * 3 + ["no_such_tool"])
        error = "" if self.dice.random() < 0.9 else "the arguments are not JSON"
        return ProposedCall(f"call_{number}", tool, f'{{"n": {self.dice.randint(1, 9)}}}', error)

    # -- people

    def say(self) -> None:
        """Say something that may fit, twice the same word now and then."""
        kind = self.dice.choice(
            [*RunCommandKind, RunCommandKind.APPROVE, RunCommandKind.APPROVE, RunCommandKind.RESUME]
        )
        if kind is RunCommandKind.STOP and self.dice.random() < 0.7:
            return
        name = self.dice.choice(self.words) if self.words and self.dice.random() < 0.2 else f"w{len(self.words)}"
        self.words.append(name)
        self.world.command(kind, name, self.dice.choice(["ann", "bob"]), **self._arguments(kind))

    def _arguments(self, kind: RunCommandKind) -> dict[str, Any]:
        calls = list(self.world.run.open_calls)
        call = self.dice.choice(calls) if calls and self.dice.random() < 0.9 else None
        given: dict[str, Any] = {"call": call.key if call is not None else "a/9/9"}
        match kind:
            case RunCommandKind.APPROVE:
                return {**given, "about": call.about if call is not None and self.dice.random() < 0.9 else "other"}
            case RunCommandKind.REFUSE:
                return {**given, "reason": self.dice.choice(["", "not now"])}
            case RunCommandKind.RESOLVE:
                return {**given, "verdict": self.dice.choice(["done", "not_done", "perhaps"]), "note": "saw it"}
            case RunCommandKind.EXTEND:
                return self.dice.choice([{"steps": 3}, {"seconds": 30.5}, {"dollars": "0.05"}, {"tokens": 9000}, {}])
            case _:
                return {}

    # -- the end

    def end(self) -> None:
        """Be patient: answer, approve, resolve and resume until it is over."""
        world = self.world
        if not world.is_driven:
            world.attach()
        for _ in range(MOST_ROUNDS):
            world.drive()
            if world.run.status.is_end and not world.in_flight:
                return
            if world.in_flight:
                world.pass_time(0.25)
            if world.in_flight:
                self.finish_well(min(world.in_flight))
            elif world.run.is_at_work and world.run.looks_at:
                world.pass_time(max(0.0, world.run.looks_at - world.now) + 0.25)
            elif world.run.status is RunStatus.PAUSED:
                is_limit = world.run.why.startswith("limit")
                kind = "stop" if is_limit and self.dice.random() < 0.5 else "extend" if is_limit else "resume"
                more: dict[str, Any] = (
                    {"steps": 5, "seconds": 50, "tokens": 20_000, "dollars": 1} if kind == "extend" else {}
                )
                assert world.command(kind, **more)
            elif world.run.is_at_work:
                world.pass_time(MOST_PAUSE_S + 1)
            else:
                self._say_what_it_waits_for()
        raise AssertionError("it never ends")

    def finish_well(self, key: str) -> None:
        if isinstance(self.world.in_flight[key], SettleDoubt):
            self.world.end_look(key, self.dice.choice([None, "done", "not_done"]), None)
        elif not isinstance(self.world.in_flight[key], AskModel):
            self.world.end_call(key)
        elif self.dice.random() < 0.5:
            self.world.answer(key, "the answer")
        else:
            self.world.answer(key, "", [self._call(1)])

    def _say_what_it_waits_for(self) -> None:
        for call in self.world.run.open_calls:
            if call.state is CallState.WAITING:
                assert self.world.command("approve", call=call.key, about=call.about)
                return
            if call.state is CallState.IN_DOUBT:
                assert self.world.command("resolve", call=call.key, verdict="done")
                return
