"""Plays the shell without I/O, so that a test of the machine reads as the sentences of a thread."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from stepwarden.steps.admission import Accept, Admission, Open, Refusal, admit
from stepwarden.steps.assessment import Assessment
from stepwarden.steps.events import Abandoned, Event, Refused
from stepwarden.steps.evidence import Evidence, Quote, Verdict
from stepwarden.steps.gate import Policy, assess
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise, open_thread
from stepwarden.steps.submission import IssueClaim, Severity, Submission
from stepwarden.steps.thread import Outcome, Plan, Thread

REVIEW = Policy("codereview", low=2, likely=3, high=5)
DEBUG = Policy("debug", low=2, likely=4, high=8, hypothesis_required=True)
ANALYZE = Policy("analyze", low=3, likely=5, high=7, min_steps=3)
PLANNER = Policy("planner", low=3, likely=5, high=10, novelty_required=False)

NO_ADVICE = Advice()
_numbers = count(1)


def ask(number: int, words: str | None = None, **fields: Any) -> Submission:
    """Return step `number` as validation would; without `words` they are unlike any said before."""
    step = f"work {next(_numbers)}" if words is None else words
    draft = Submission(number, step, digest="", **fields)
    return replace(draft, digest=hashlib.sha256(repr(draft).encode()).hexdigest()[:32])


def seen(path: str, quote: str = "total = price * count", line: int | None = 10, **more: Any) -> Evidence:
    return Evidence(path, quote, Verdict.VERIFIED, line, **more)


def moved(path: str, quote: str = "total = price * count", line: int | None = 10, **more: Any) -> Evidence:
    return Evidence(path, quote, Verdict.MOVED, line, **more)


def refuted(path: str, quote: str = "made_up(words)", **more: Any) -> Evidence:
    return Evidence(path, quote, Verdict.REFUTED, **more)


def unreachable(path: str, quote: str = "root:x:0:0", **more: Any) -> Evidence:
    return Evidence(path, quote, Verdict.UNREACHABLE, **more)


def too_short(path: str, quote: str = "return 0", **more: Any) -> Evidence:
    return Evidence(path, quote, Verdict.TOO_SHORT, **more)


def claim(
    description: str, severity: str = "high", path: str | None = None, line: int | None = None, **more: Any
) -> IssueClaim:
    return IssueClaim(description, Severity(severity), path, line, **more)


def withdraw(issue_id: str) -> IssueClaim:
    return IssueClaim(id=issue_id, withdrawn=True)


def quotes_of(evidence: Iterable[Evidence], take_back: Iterable[str] = ()) -> tuple[Quote, ...]:
    """Return what the agent sent for `evidence` to come of it, and for refuted items of files to be taken back."""
    sent = [Quote(item.path, item.quote, item.line, item.supports) for item in evidence]
    return (*sent, *(Quote(path, withdrawn=True) for path in take_back))


def plan(likely: int, reason: str = "sized") -> Plan:
    return Plan(max(1, likely - 1), likely, likely + 1, reason)


@dataclass
class Play:
    """One thread of one tool, from its first call on. `decided` are the events of the last call that recorded some."""

    policy: Policy = REVIEW
    thread: Thread | None = None
    events: list[Event] = field(default_factory=list[Event])
    said: Submission = field(default_factory=lambda: ask(1))
    decided: tuple[Event, ...] = ()
    followed_by: "list[Play]" = field(default_factory=list["Play"])

    @property
    def now(self) -> Thread:
        """The thread; fails before there is one."""
        assert self.thread is not None
        return self.thread

    @property
    def assessment(self) -> Assessment:
        return assess(self.now, self.policy)

    @property
    def open(self) -> list[str]:
        """The open clauses as short words, such as `issue I1`."""
        return [f"{clause.kind} {clause.subject}".strip() for clause in self.assessment.open]

    def step(
        self,
        number: int | None = None,
        words: str | None = None,
        *,
        evidence: Sequence[Evidence] = (),
        take_back: Sequence[str] = (),
        readable: bool = True,
        existing: Sequence[str] = (),
        advice: Advice = NO_ADVICE,
        **fields: Any,
    ) -> Admission:
        """Send a step; without `number` the one that the thread expects."""
        if number is None:
            number = self.thread.next_number if self.thread else 1
        said = ask(number, words, quotes=quotes_of(evidence, take_back), **fields)
        return self.send(said, StepFacts(tuple(evidence), tuple(existing), readable), advice)

    def finish(self, words: str | None = None, **more: Any) -> Admission:
        """Ask to finish with the next step."""
        return self.step(words=words, more=False, **more)

    def again(self) -> Admission:
        """Send the last call once more, word for word."""
        return self.send(self.said)

    def go_back(self, to: int, words: str | None = None, **more: Any) -> Admission:
        """Send a call that replaces step `to`."""
        return self.step(to, words, backtrack=to, **more)

    def send(
        self,
        said: Submission,
        facts: StepFacts | None = None,
        advice: Advice = NO_ADVICE,
        *,
        policy: Policy | None = None,
        working_on: Iterable[int] = (),
    ) -> Admission:
        """Take one call as the shell does: admit, look up, advance, advise; a refusal is an event of a known thread."""
        facts, policy = facts or StepFacts(readable=True), policy or self.policy
        self.said = said
        admission = admit(self.thread, said, policy, working_on=working_on)
        if isinstance(admission, Refusal) and self.thread is not None:
            self.record(Refused(said.number, said.digest, admission.reason.value))
        elif isinstance(admission, Accept):
            self._keep(advance(self.now, admission, said, facts, policy), advice)
        elif isinstance(admission, Open) and self.thread is None:
            self._keep(open_thread(f"{policy.tool}-{next(_numbers)}", policy, said, facts, None), advice)
        elif isinstance(admission, Open):
            fresh = Play(policy, said=said)
            fresh._keep(open_thread(f"{policy.tool}-{next(_numbers)}", policy, said, facts, admission.origin), advice)
            self.followed_by.append(fresh)
        return admission

    def record(self, *events: Event) -> None:
        decision = Decision(self.now).then(*events)
        self.thread = decision.thread
        self.events += decision.events

    def give_up(self) -> None:
        """Let the user end the thread."""
        self.record(Abandoned())

    def _keep(self, decision: Decision, advice: Advice) -> None:
        if decision.thread.plan is None and advice.plan is None:
            advice = replace(advice, plan=plan(self.policy.likely))
        decision = advise(decision, advice, self.policy)
        self.thread, self.decided = decision.thread, decision.events
        self.events += decision.events

    @property
    def is_open(self) -> bool:
        return self.now.outcome is Outcome.OPEN


def started(policy: Policy = REVIEW, steps: int = 1, **first: Any) -> Play:
    """Return a thread with that many plain steps; `first` goes into the first."""
    play = Play(policy)
    play.step(**first)
    for _ in range(steps - 1):
        play.step()
    assert play.now.last == steps
    return play
