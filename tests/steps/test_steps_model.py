"""The machine against a naive model of the protocol, over random threads, with what must hold after every call."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

from driver import Play, ask, plan, quotes_of
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from step_model import Model, Request, folded

from stepwarden.steps.admission import Accept, Admission, Open, Refusal, Replay, admit
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Finished, Held, StepRecorded, decode, encode
from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.fold import before_step, first_steps, fold_events, fold_history
from stepwarden.steps.gate import Policy, assess
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise
from stepwarden.steps.step import Phase as Section
from stepwarden.steps.step import Step
from stepwarden.steps.submission import Confidence, IssueClaim, Severity, Submission
from stepwarden.steps.thread import DecidedBy, Outcome, Signal, Thread
from tests.support.examples import examples

OTHER = Policy("other", low=2, likely=3, high=5)

PATHS = st.sampled_from(["a.py", "b.py", "c.py"])
LINES = st.none() | st.sampled_from([1, 11, 12, 30])
SEVERITIES = st.sampled_from(["critical", "high", "medium", "low"])
IDS = st.sampled_from(["I1", "I2", "I3", "I5"])

NEW_ISSUES = st.fixed_dictionaries(
    {
        "id": st.none(),
        "words": st.sampled_from(["leak", "Leak ", "race"]),
        "severity": SEVERITIES,
        "path": st.none() | PATHS,
        "line": LINES,
        "withdrawn": st.just(False),
    }
)
KNOWN_ISSUES = st.fixed_dictionaries(
    {
        "id": IDS,
        "words": st.sampled_from(["", "leak", "deadlock"]),
        "severity": SEVERITIES,
        "path": st.none() | PATHS,
        "line": LINES,
        "withdrawn": st.booleans(),
    }
)
ITEMS = st.fixed_dictionaries(
    {
        "path": PATHS,
        "quote": st.sampled_from(["x = 1", "X  = 1", "y = 2"]),
        "verdict": st.sampled_from(["verified", "verified", "moved", "refuted", "too_short", "unreachable"]),
        "line": LINES,
        "supports": st.sampled_from([None, None, "hypothesis", "hypothesis", "I1", "I2"]),
    }
)
CONTENTS = st.fixed_dictionaries(
    {
        "findings": st.sampled_from([None, None, "", "one", " ONE", "two"]),
        "hypothesis": st.sampled_from([None, None, "H", "h ", "K"]),
        "confidence": st.sampled_from([None, "low", "high"]),
        "checked": st.lists(PATHS, max_size=1),
        "relevant": st.lists(PATHS, max_size=2, unique=True),
        "issues": st.lists(NEW_ISSUES | NEW_ISSUES | KNOWN_ISSUES, max_size=2),
        "evidence": st.lists(ITEMS, max_size=2),
        "take_back": st.lists(PATHS, max_size=1),
        "readable": st.sampled_from([True, True, True, True, False]),
        "more": st.sampled_from([True, True, True, False]),
        "total": st.none() | st.integers(1, 40),
    }
)
BARE = {
    "findings": "one",
    "hypothesis": None,
    "confidence": None,
    "checked": [],
    "relevant": [],
    "issues": [],
    "evidence": [],
    "take_back": [],
    "readable": True,
    "more": True,
    "total": None,
}
ADVICE = st.builds(
    Advice,
    plan=st.none() | st.integers(1, 12).map(plan),
    signal=st.none() | st.sampled_from(Signal),
    end=st.booleans(),
)


def _submission(said: Request) -> Submission:
    """Return the request as validation would; equal requests have equal digests."""
    evidence = _evidence(said)
    return ask(
        said["number"],
        said["step"],
        more=said["more"],
        findings=said["findings"],
        hypothesis=said["hypothesis"],
        confidence=said["confidence"] and Confidence(said["confidence"]),
        checked=tuple(said["checked"]),
        relevant=tuple(said["relevant"]),
        issues=tuple(
            IssueClaim(i["words"], Severity(i["severity"]), i["path"], i["line"], i["id"], i["withdrawn"])
            for i in said["issues"]
        ),
        quotes=quotes_of(evidence, said["take_back"]),
        backtrack=said["backtrack"],
        replaces=said["replaces"],
        total=said["total"],
        fields={"label": said["step"]},
    )


def _evidence(said: Request) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(item["path"], item["quote"], Verdict(item["verdict"]), item["line"], item["supports"])
        for item in said["evidence"]
    )


def _told(admission: Admission) -> tuple[Any, ...]:
    """Return an admission in the model's words."""
    match admission:
        case Replay(number):
            return ("replay", number)
        case Refusal(reason):
            return ("refused", str(reason))
        case Open():
            return ("opens",)
    assert isinstance(admission, Accept)
    return ("step", admission.number, admission.new, admission.stalled)


class Threads(RuleBasedStateMachine):
    """One thread driven at random; `model` says what has to come of each call."""

    play: Play
    model: Model

    @initialize(
        min_steps=st.sampled_from([2, 2, 3]),
        hypothesis=st.booleans(),
        novelty=st.sampled_from([True, True, False]),
        checklist=st.sampled_from([False, False, True]),
        content=CONTENTS | st.just(BARE),
        advice=ADVICE,
    )
    def open_it(
        self, min_steps: int, hypothesis: bool, novelty: bool, checklist: bool, content: Request, advice: Advice
    ) -> None:
        policy = Policy(
            "tool",
            low=2,
            likely=3,
            high=6,
            min_steps=min_steps,
            hypothesis_required=hypothesis,
            novelty_required=novelty,
            checklist=_look_at_c if checklist else lambda _: (),
        )
        self.play = Play(policy)
        self.model = Model(min_steps=min_steps, hypothesis=hypothesis, novelty=novelty, checklist=checklist)
        self.sent: list[Request] = []
        first = {**content, "issues": [i for i in content["issues"] if not i["id"]]}
        first["evidence"] = [{**item, "supports": None} for item in content["evidence"]]
        self._send({**first, "number": 1, "backtrack": None, "replaces": None}, advice)

    # -- calls

    @rule(content=CONTENTS, advice=ADVICE)
    def go_on(self, content: Request, advice: Advice) -> None:
        self._send({**content, "number": self.play.now.next_number, "backtrack": None, "replaces": None}, advice)

    @rule(content=CONTENTS, advice=ADVICE, gap=st.integers(1, 3))
    def leave_a_gap(self, content: Request, advice: Advice, gap: int) -> None:
        self._send({**content, "number": self.play.now.next_number + gap, "backtrack": None, "replaces": None}, advice)

    @rule(content=CONTENTS, number=st.integers(1, 12))
    def send_an_old_number(self, content: Request, number: int) -> None:
        number = min(number, self.play.now.last)
        self._send({**content, "number": number, "backtrack": None, "replaces": None}, Advice())

    @rule(content=CONTENTS, advice=ADVICE, k=st.integers(0, 12), number=st.integers(1, 12))
    def go_back(self, content: Request, advice: Advice, k: int, number: int) -> None:
        self._send({**content, "number": number, "backtrack": k, "replaces": None}, advice)

    @rule(content=CONTENTS, advice=ADVICE, replaced=st.integers(1, 12), back=st.none() | st.integers(1, 12))
    def revise(self, content: Request, advice: Advice, replaced: int, back: int | None) -> None:
        number = self.play.now.next_number
        self._send({**content, "number": number, "backtrack": back, "replaces": replaced}, advice)

    @rule(content=CONTENTS, advice=ADVICE)
    def ask_to_finish(self, content: Request, advice: Advice) -> None:
        self.go_on({**content, "more": False}, advice)

    @rule(findings=st.sampled_from(["", "one", "two"]), more=st.booleans())
    def bring_nothing(self, findings: str, more: bool) -> None:
        bare = {**BARE, "findings": findings, "more": more, "confidence": "low", "number": self.play.now.next_number}
        self._send({**bare, "backtrack": None, "replaces": None}, Advice())

    @rule(pick=st.integers(0, 1_000))
    def repeat(self, pick: int) -> None:
        self._send(self.sent[pick % len(self.sent)], Advice(), again=True)

    @precondition(lambda self: self.model.outcome != "closed")
    @rule()
    def give_up(self) -> None:
        self.play.give_up()
        self.model.outcome, self.model.how = "closed", "abandoned"

    @rule()
    def restart(self) -> None:
        """Go on from what is on disk."""
        self.play.thread = self._reread()

    def _send(self, said: Request, advice: Advice, *, again: bool = False) -> None:
        if not again:
            said = {"step": f"call {len(self.sent)}", **said}
            submission = _submission(said)
            said["digest"] = submission.digest
            self.sent.append(said)
        first = not self.model.trail
        expected = self.model.judge(said)
        before = self.play.thread
        facts = StepFacts(_evidence(said), (*said["checked"], *said["relevant"]), said["readable"])
        told = _told(self.play.send(_submission(said), facts, advice))
        if first:
            assert told == ("opens",)
            expected = ("step", 1, True, False)  # a first step counts as new
        else:
            assert told == expected
        if expected[0] == "step":
            self._recorded(said, expected, advice, self._planned_low(before, said))
        elif expected[0] == "refused":
            self.model.refuse(said, str(expected[1]))
            assert before is not None
            changed = {"version": before.version + 1, "refused_empty": self.play.now.refused_empty}
            changed["refused_at"] = self.play.now.refused_at
            assert self.play.now == replace(before, **changed)
        else:
            assert self.play.now == before

    @staticmethod
    def _planned_low(before: Thread | None, said: Request) -> int:
        """Return the low end of the plan that a step is judged by, 0 where it has none."""
        return 0 if before is None or before.plan is None or said["backtrack"] == 1 else before.plan.low

    def _recorded(self, said: Request, expected: tuple[Any, ...], advice: Advice, low: int) -> None:
        known = {issue["id"] for step in self.model.trail for issue in step["issues"]}
        numbered_before = self.model.issues_ever
        _, number, new, stalled = expected
        self.model.record(said, number, new, stalled, end=advice.end, low=low)
        step = self.play.now.trail[-1]
        assert (step.number, step.new, step.stalled) == (number, new, stalled)
        assert [issue.id for issue in step.issues] == [issue["id"] for issue in self.model.trail[-1]["issues"]]
        for issue in step.issues:
            assert issue.id in known or int(issue.id[1:]) > numbered_before  # an id is never given twice
        held = [event for event in self.play.decided if isinstance(event, Held)]
        finished = [event for event in self.play.decided if isinstance(event, Finished)]
        assert (len(held), len(finished)) in {(0, 0), (1, 0), (0, 1)}
        asked = [event for event in finished if event.by is DecidedBy.AGENT]
        for event in [*held, *asked]:
            assert sorted(_short(clause) for clause in event.open) == self.model.open_at_end(low)
        for event in asked:
            assert event.assurance == self.model.assurance_at_end(low)
        for event in finished:
            if event.by is not DecidedBy.AGENT:  # what the manager would end has converged, by its own rules
                assert (event.open, self.model.open()) == ((), [])
                assert event.assurance == self.model.assurance() == "verified"

    # -- what holds after every call

    @invariant()
    def the_trail_is_numbered_from_1_on(self) -> None:
        assert [step.number for step in self.play.now.trail] == list(range(1, len(self.model.trail) + 1))
        assert [step.digest for step in self.play.now.trail] == [step["digest"] for step in self.model.trail]

    @invariant()
    def what_is_on_disk_is_the_thread(self) -> None:
        assert self.play.now.version == len(self.play.events)
        assert self._reread() == self.play.now

    @invariant()
    def the_claims_are_those_of_the_live_steps(self) -> None:
        thread, model = self.play.now, self.model
        claims = thread.claims
        live = sorted(thread.live, key=lambda step: step.number)
        assert reduce(type(claims).with_step, live, type(claims)(task=thread.task)) == claims
        assert claims.hypothesis == model.theory()
        assert {i.id: (i.description, i.severity, i.path, i.line) for i in claims.issues.values()} == {
            i["id"]: (i["words"], i["severity"], i["path"], i["line"]) for i in model.issues().values()
        }
        assert [(number, item.path, item.quote, item.verdict) for number, item in claims.evidence] == [
            (number, item["path"], item["quote"], item["verdict"]) for number, item in model.quoted()
        ]
        assert set(claims.files) == model.paths()
        assert {item.path for item in claims.standing_refuted} == model.standing()

    @invariant()
    def the_totals_are_counted(self) -> None:
        thread, claims, trail = self.play.now, self.play.now.claims, list(self.play.now.trail)
        totals = thread.totals
        firsts = (totals.first_hypothesis, totals.first_against, totals.first_quoted)
        assert {phase: totals.in_phase(phase) for phase in Section} == {
            phase: sum(step.phase is phase for step in trail) for phase in Section
        }
        assert totals.asked_before == max([step.submission.total or 0 for step in trail[:-1]], default=0)
        assert firsts == (
            _first(trail, lambda step: bool(step.submission.hypothesis)),
            _first(trail, lambda step: step.speaks_against_hypothesis),
            _first(trail, lambda step: bool(step.evidence)),
        )
        assert self.model.idle() == (totals.idle, totals.idle_weight)
        assert totals.files_new == len(set(trail[-1].existing) - {path for step in trail[:-1] for path in step.paths})
        assert claims.files_found == sum(claims.files.values())
        quoted = [item for _, item in claims.evidence]
        assert set(claims.unread) == {path for step in thread.live for path in step.submission.relevant} - {
            *(path for step in thread.live for path in step.submission.checked),
            *(item.path for item in quoted),
        }
        assert {path: [item for _, item in entries] for path, entries in claims.held.items()} == {
            path: [item for item in quoted if item.holds and item.path == path]
            for path in {item.path for item in quoted if item.holds}
        }

    @invariant()
    def the_assessment_is_counted(self) -> None:
        found = assess(self.play.now, self.play.policy)
        assert sorted(_short(clause) for clause in found.open) == self.model.open()
        assert found.assurance == self.model.assurance()
        counted_once: dict[tuple[str, str], str] = {}
        for _, item in self.model.quoted():
            if item["verdict"] != "refuted" or not item["misworded"]:  # it counts as the quote that has its words right
                counted_once[item["path"], folded(item["quote"])] = item["verdict"]
        assert found.evidence == Counter(counted_once.values())

    @invariant()
    def nothing_is_called_verified_that_does_not_rest(self) -> None:
        thread = self.play.now
        if "verified" not in {thread.assurance, assess(thread, self.play.policy).assurance}:
            return
        severe = [issue for issue in self.model.issues().values() if issue["severity"] in {"critical", "high"}]
        assert severe or self.model.theory()
        assert all(self.model.issue_rests(issue) for issue in severe)
        assert self.model.theory() is None or self.model.theory_rests()

    @invariant()
    def it_stands_as_the_model_says(self) -> None:
        thread = self.play.now
        outcome = {"open": "open"}.get(self.model.outcome, self.model.how)
        assert (thread.outcome, thread.held, thread.stalled) == (outcome, self.model.held, self.model.stalled())

    @invariant()
    def there_is_a_step_to_come_while_it_is_open(self) -> None:
        thread = self.play.now
        assert thread.plan is not None
        if thread.outcome is Outcome.OPEN:
            assert thread.total_steps > thread.last
        else:
            assert thread.total_steps == thread.last

    @invariant()
    def every_digest_is_live_or_superseded(self) -> None:
        thread = self.play.now
        recorded = [event.step.digest for event in self.play.events if isinstance(event, StepRecorded)]
        assert recorded == self.model.ever
        assert len(set(recorded)) == len(recorded)  # nothing is recorded twice
        assert set(thread.digests).isdisjoint(thread.superseded)
        assert set(thread.digests) | thread.superseded == set(recorded)
        assert set(thread.digests) == {step.digest for step in thread.live}

    @invariant()
    def a_request_of_a_live_step_is_a_replay_and_of_another_is_stale(self) -> None:
        live = {step["digest"]: step["number"] for step in self.model.live()}
        for said in self.sent:
            admission = admit(self.play.now, _submission(said), self.play.policy)
            if said["digest"] in live:
                assert admission == Replay(live[said["digest"]])
            elif said["digest"] in self.model.ever:
                assert _told(admission) == ("refused", "stale")

    @invariant()
    def nobody_is_locked_in(self) -> None:
        thread, policy = self.play.now, self.play.policy
        for _ in range(2):
            if thread.outcome is Outcome.OPEN:
                thread = _taken(thread, ask(thread.next_number, more=False), policy)
        assert thread.outcome is not Outcome.OPEN
        for k in {1, thread.last}:
            assert _taken(thread, ask(k, backtrack=k), policy).outcome is Outcome.OPEN
        for tool in (policy, OTHER):
            assert isinstance(admit(thread, ask(1), tool), Open)
        if self.model.outcome == "ended":
            ended = self.play.now
            assert _taken(ended, ask(ended.next_number), policy).outcome is Outcome.OPEN

    @invariant()
    def going_back_leaves_what_the_steps_before_say(self) -> None:
        thread, half = self.play.now, (self.play.now.last + 1) // 2
        kept = before_step(thread, half + 1)
        assert list(kept.trail) == list(thread.trail)[:half]
        assert [step.number for step in kept.live] == [
            step["number"] for step in self.model._with(half + 1).in_places()
        ]
        assert first_steps(thread, half).claims == kept.claims

    def _reread(self) -> Thread:
        written = [encode(event) for event in self.play.events]
        blank = Thread(self.play.now.id, self.play.now.tool)
        events = [decode(kind, payload) for kind, payload in written]
        cut = len(events) // 2
        at_once = fold_history(blank, events)
        assert fold_events(fold_history(blank, events[:cut]), events[cut:]) == fold_events(blank, events) == at_once
        return at_once


def _first(trail: list[Step], holds: Callable[[Step], bool]) -> int:
    return next((step.number for step in trail if holds(step)), 0)


def _short(clause: Clause) -> str:
    return f"{clause.kind} {clause.subject}" if clause.kind in {"issue", "refuted"} else clause.kind


def _look_at_c(thread: Thread) -> tuple[Clause, ...]:
    return () if "c.py" in thread.claims.files else (Clause("checklist", "1", "look at c.py"),)


def _taken(thread: Thread, said: Submission, policy: Policy) -> Thread:
    """Return the thread after a call that has to be accepted."""
    accepted = admit(thread, said, policy)
    assert isinstance(accepted, Accept)
    decision: Decision = advance(thread, accepted, said, StepFacts(readable=True), policy)
    return advise(decision, Advice(plan=plan(3) if decision.thread.plan is None else None), policy).thread


TestThreads = Threads.TestCase
TestThreads.settings = settings(
    max_examples=examples(12),
    stateful_step_count=25,
    phases=[Phase.generate, Phase.shrink],
)
