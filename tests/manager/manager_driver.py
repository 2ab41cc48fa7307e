"""Plays threads through the real core: what an agent says goes in, what the manager advises comes out."""

from dataclasses import dataclass, field

from stepwarden.manager.facts import ReviewInput, TaskFacts
from stepwarden.manager.review import review
from stepwarden.manager.size_estimate import size
from stepwarden.steps.admission import Accept, admit
from stepwarden.steps.events import Refused
from stepwarden.steps.evidence import Evidence, LineKind, Quote, QuoteContext, Verdict
from stepwarden.steps.fold import apply
from stepwarden.steps.gate import Policy, assess
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise, open_thread
from stepwarden.steps.submission import Confidence, IssueClaim, Severity, Submission
from stepwarden.steps.thread import Plan, Thread
from tools.catalogue import WORKFLOWS

# The tools' own numbers, without their checklists.
POLICIES = {
    workflow.name: Policy(
        workflow.name,
        workflow.policy.low,
        workflow.policy.likely,
        workflow.policy.high,
        min_steps=workflow.policy.min_steps,
        asks=workflow.policy.asks,
        sized_for=workflow.policy.sized_for,
    )
    for workflow in WORKFLOWS
}
DEBUG = POLICIES["debug"]
THEORY = "the cache key leaves the tenant out"


def seen(path="a.py", supports: str | None = "hypothesis", quote: str | None = None):
    """Return a quote that holds; every file has words of its own."""
    quote = quote or ("key = user_id + region" if path == "a.py" else f"key_of_{path[0]} = region")
    return Evidence(path, quote, Verdict.VERIFIED, line=1, supports=supports)


def beside(path="b.py", supports: str | None = "hypothesis", quote="total = price * amount"):
    """Return a quote that is there and has nothing to do with anything that is claimed."""
    context = QuoteContext(LineKind.CODE, (7,), ("other_part",), (5, 9), ("price", "amount"))
    return Evidence(path, quote, Verdict.VERIFIED, line=7, supports=supports, context=context)


def made_up(path="a.py", supports: str | None = "hypothesis", quote="key = nothing_like_this"):
    return Evidence(path, quote, Verdict.REFUTED, supports=supports)


def planned(advised: Advice | Thread) -> Plan:
    """Return the plan that is there."""
    assert advised.plan is not None
    return advised.plan


def issue(description="tenant missing", severity=Severity.HIGH, **fields):
    return IssueClaim(description, severity, **fields)


@dataclass
class Talk:
    """One agent's thread. `step` sends a step and gives the advice that came back on it."""

    policy: Policy = DEBUG
    work: TaskFacts = field(default_factory=lambda: TaskFacts("a task"))
    expert: bool = False
    readable: bool = True
    decision: Decision | None = None
    sent: int = 0

    @property
    def thread(self) -> Thread:
        assert self.decision is not None
        return self.decision.thread

    @property
    def case(self) -> ReviewInput:
        return ReviewInput(self.thread, self.policy, assess(self.thread, self.policy), self.expert)

    def record(self, *evidence, confidence=None, files=(), issues=(), backtrack=None, withdrawn=(), **said):
        """Record a step and leave the manager out."""
        self.sent += 1
        thread = self.decision.thread if self.decision else None
        submission = Submission(
            number=backtrack or (thread.next_number if thread else 1),
            step=f"step {self.sent}",
            digest=f"digest {self.sent}",
            findings=said.pop("findings", f"found {self.sent}"),
            confidence=Confidence(confidence) if confidence else None,
            checked=tuple(files),
            issues=tuple(issues),
            quotes=(
                *(Quote(item.path, item.quote, supports=item.supports) for item in evidence),
                *(Quote(path, withdrawn=True) for path in withdrawn),
            ),
            backtrack=backtrack,
            **said,
        )
        facts = StepFacts(tuple(evidence), tuple(files), readable=self.readable)
        if thread is None:
            self.decision = open_thread("id", self.policy, submission, facts, None)
            return
        accepted = admit(thread, submission, self.policy)
        assert isinstance(accepted, Accept), accepted
        self.decision = advance(thread, accepted, submission, facts, self.policy)

    def step(self, *evidence, **said) -> Advice:
        self.record(*evidence, **said)
        advice = size(self.work, self.policy) if self.thread.plan is None else review(self.case)
        self.take(advice)
        return advice

    def take(self, advice: Advice) -> None:
        assert self.decision is not None
        self.decision = advise(self.decision, advice, self.policy)

    def steps(self, number: int, **said) -> list[Advice]:
        return [self.step(files=[f"file{self.sent}.py"], **said) for _ in range(number)]

    def refuse_empty(self) -> None:
        """Send a step that brings not even new words, which is refused."""
        refused = Refused(self.thread.next_number, "another digest", "nothing_new")
        self.decision = Decision(apply(self.thread, refused))

    def record_stalled(self) -> None:
        """Record a step that brings not even new words: refused at first, accepted when it comes again."""
        self.refuse_empty()
        self.record(findings="found 1")

    def stalled_step(self) -> Advice:
        self.record_stalled()
        advice = review(self.case)
        self.take(advice)
        return advice
