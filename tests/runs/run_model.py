"""A naive account of a run, kept in dicts from its events alone, and what must hold of the run after each of them."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from stepwarden.runs.decide import MOST_ATTEMPTS, MakeCall, RunEffect, SettleDoubt, digest_of
from stepwarden.runs.limits import LAST_ANSWER_TOKENS, LAST_PROMPT_TOKENS, Amount, RunLimits, TokenPrice
from stepwarden.runs.run import Run, RunStatus
from stepwarden.runs.run_calls import Approval, CallKind, CallState, RunCall
from stepwarden.runs.run_events import (
    ApprovalAsked,
    CallEnded,
    CallSent,
    DoubtSettled,
    JobEnded,
    JobsPlanned,
    JobStopping,
    QuestionAnswered,
    QuestionAsked,
    RunCommanded,
    RunEnded,
    RunEvent,
    RunPaused,
    RunStarted,
)

MILLION = Decimal(1_000_000)


def cost(price: TokenPrice | None, prompt: int, answer: int) -> Amount:
    """Return the price of one question at its most, worked out anew."""
    money = Decimal() if price is None else (price.input * prompt + price.output * answer) / MILLION
    return Amount(prompt + answer, money)


class Account:
    """What the events add up to, as a bookkeeper would write it down."""

    def __init__(self) -> None:
        self.limits = RunLimits()
        self.approval = Approval.WRITES
        self.jobs = dict[str, dict[str, Any]]()
        self.questions = dict[str, QuestionAsked]()  # open ones by key
        self.asked = Counter[str]()
        self.calls = dict[str, dict[str, Any]]()
        self.sent = Counter[str]()  # calls that were performed
        self.allowed_again = Counter[str]()
        self.allowed = dict[str, str]()  # call -> what exactly
        self.bound = dict[str, str]()
        self.commands = dict[str, RunCommanded]()
        self.spent, self.over = Amount(), Amount()
        self.steps = 0  # answers but last ones
        self.paused = self.stopped = self.ended = self.was_extended = False

    # -- what happened

    def note(self, before: Run, event: RunEvent, after: Run) -> None:
        """Write one event down and check that it was allowed."""
        handlers: dict[type[Any], Callable[[Any], None]] = {
            RunStarted: self._started,
            JobsPlanned: self._planned,
            QuestionAsked: self._asked,
            QuestionAnswered: self._answered,
            CallSent: self._sent,
            CallEnded: self._call_ended,
            RunCommanded: self._said,
            RunPaused: self._paused,
            JobStopping: self._stopping,
            JobEnded: self._job_ended,
            RunEnded: self._ended,
        }
        if isinstance(event, ApprovalAsked):
            self._approval_asked(next(call for call in before.open_calls if call.key == event.call), event.about)
        if isinstance(event, DoubtSettled):
            self._settled(next((call for call in before.open_calls if call.key == event.call), None), event)
        handlers.get(type(event), lambda _: None)(event)
        self._check(after)

    def _started(self, event: RunStarted) -> None:
        self.limits, self.approval = event.limits, event.approval

    def _planned(self, event: JobsPlanned) -> None:
        for plan in event.jobs:
            self.jobs[plan.id] = {"plan": plan, "answers": [], "ended": None, "last_asked": False, "by": None}

    def _approval_asked(self, call: RunCall, about: str) -> None:
        assert about == digest_of(call, self._fingerprint(call.key))
        self.bound[call.key] = about

    def _sent(self, event: CallSent) -> None:
        self._may_act()
        self._is_allowed(event.call)

    def _settled(self, call: RunCall | None, event: DoubtSettled) -> None:
        if call is None or call.state is not CallState.IN_DOUBT:
            return
        if event.verdict == "not_done":
            self.allowed_again[event.call] += 1
        else:
            self.calls[event.call]["ended"] = event

    def _call_ended(self, event: CallEnded) -> None:
        self.calls[event.call]["ended"] = event

    def _said(self, event: RunCommanded) -> None:
        assert event.id not in self.commands, "the same word counts once"
        self.commands[event.id] = event
        if event.accepted:
            self._commanded(event)

    def _paused(self, _: RunPaused) -> None:
        self._may_act()
        self.paused = True

    def _stopping(self, event: JobStopping) -> None:
        self._may_act()
        self.jobs[event.job]["by"] = event.stopping

    def _ended(self, event: RunEnded) -> None:
        assert all(job["ended"] for job in self.jobs.values())
        if any(job["by"] is not None and job["by"].by_limit for job in self.jobs.values()):
            assert event.status is RunStatus.STOPPED, "a limit ends as stopped"
        self.ended = True

    def perform(self, effect: RunEffect) -> None:
        """Write down that something is really done."""
        self._may_act()
        if isinstance(effect, SettleDoubt):
            assert self.calls[effect.call]["ended"] is None
            return
        if not isinstance(effect, MakeCall):
            assert effect.key in self.questions
            return
        self.sent[effect.key] += 1
        self._is_allowed(effect.key)
        if self.calls[effect.key]["kind"] in {CallKind.WRITE, CallKind.DESTRUCTIVE}:
            assert self.sent[effect.key] <= 1 + self.allowed_again[effect.key], "a write was sent twice"

    def _may_act(self) -> None:
        assert not self.paused, "it was paused"
        assert not self.stopped, "somebody stopped it"
        assert not self.ended, "it was over"

    def _is_allowed(self, key: str) -> None:
        kind = self.calls[key]["kind"]
        is_needed = kind is CallKind.DESTRUCTIVE or (
            kind is not CallKind.LOCAL
            and (self.approval is Approval.ALL or (kind is CallKind.WRITE and self.approval is Approval.WRITES))
        )
        if is_needed:
            assert self.allowed[key] == self.bound[key], "nobody allowed exactly this"

    def _fingerprint(self, key: str) -> str:
        call = self.calls[key]
        return next(grant.fingerprint for grant in self.jobs[call["job"]]["plan"].tools if grant.name == call["tool"])

    def _asked(self, event: QuestionAsked) -> None:
        self._may_act()
        self.asked[event.key] += 1
        assert self.asked[event.key] == event.attempt <= MOST_ATTEMPTS
        job = self.jobs[event.job]
        assert job["ended"] is None
        assert all(question.job != event.job or question.key == event.key for question in self.questions.values())
        if event.key in self.questions:  # nobody knows what came of the attempt before: it counts as paid
            self.spent += self.questions[event.key].reserved
        self.questions[event.key] = event
        if event.is_last_turn:
            job["last_asked"] = True
            return
        under_way = sum(not question.is_last_turn for question in self.questions.values())
        assert self.limits.steps is None or self.steps + under_way <= self.limits.steps
        assert self._fits(self.spent + self.reserved + self.kept), "no room was left for the last turns"

    def _answered(self, event: QuestionAnswered) -> None:
        question = self.questions.pop(event.key, None)
        if question is None:
            return
        self.spent += event.spent
        self.over += event.spent.above(question.reserved)
        if event.failure is not None:
            self.jobs[question.job]["last_asked"] = False
            return
        self.steps += not question.is_last_turn
        self.jobs[question.job]["answers"].append(event)
        kinds = {grant.name: grant.kind for grant in self.jobs[question.job]["plan"].tools}
        for number, call in enumerate(event.calls, start=1):
            self.calls[f"{event.key}/{number}"] = {
                "job": question.job,
                "tool": call.tool,
                "kind": kinds.get(call.tool, CallKind.LOCAL),
                "ended": None,
            }

    def _commanded(self, event: RunCommanded) -> None:
        given = event.arguments
        match event.kind:
            case "approve":
                assert given["call"] not in self.allowed
                self.allowed[given["call"]] = given["about"]
            case "refuse":
                self.calls[given["call"]]["ended"] = event
            case "resolve" if given["verdict"] == "done":
                self.calls[given["call"]]["ended"] = event
            case "resolve":
                self.allowed_again[given["call"]] += 1
            case "pause":
                self._may_act()
                self.paused = True
            case "resume":
                assert self.paused
                self.paused = False
            case "stop":
                self._may_be_stopped()
                self.stopped, self.paused = True, False
            case _:
                self._extended(event)

    def _may_be_stopped(self) -> None:
        assert not self.stopped
        assert not self.ended

    def _extended(self, event: RunCommanded) -> None:
        assert self.ended or not self.stopped, "the first of two words that contradict each other counts"
        self.was_extended, self.stopped, self.ended = True, False, False
        by_person = [each for each in self.commands.values() if each.accepted and each.kind in {"pause", "resume"}]
        if not (self.paused and by_person and by_person[-1].kind == "pause"):
            self.paused = False
        for job in self.jobs.values():
            if job["by"] is not None and not job["by"].by_limit:
                continue
            if job["ended"] is None or job["ended"].status is not RunStatus.COMPLETED:
                job.update(ended=None, by=None, last_asked=any(q.is_last_turn for q in self._open_of(job["plan"].id)))

    def _job_ended(self, event: JobEnded) -> None:
        job = self.jobs[event.job]
        assert job["ended"] is None
        assert not self._open_of(event.job), "its question is neither answered nor charged"
        job["ended"] = event
        if job["by"] is not None and not job["by"].is_goal:
            assert event.status is RunStatus.STOPPED, "a limit ends as stopped"

    def _open_of(self, job: str) -> list[QuestionAsked]:
        return [question for question in self.questions.values() if question.job == job]

    # -- what has to be true at any time

    @property
    def reserved(self) -> Amount:
        return sum((question.reserved for question in self.questions.values()), Amount())

    @property
    def kept(self) -> Amount:
        """What the last turns take that were not asked yet."""
        open_jobs = [job["plan"] for job in self.jobs.values() if job["ended"] is None and not job["last_asked"]]
        return sum((cost(plan.price, LAST_PROMPT_TOKENS, LAST_ANSWER_TOKENS) for plan in open_jobs), Amount())

    def _fits(self, amount: Amount) -> bool:
        """Whether it is within the limits, but for what vendors billed on top."""
        tokens, dollars = self.limits.tokens, self.limits.dollars
        return (tokens is None or amount.tokens <= tokens + self.over.tokens) and (
            dollars is None or amount.dollars <= dollars + self.over.dollars
        )

    def _check(self, run: Run) -> None:
        self.limits = run.limits  # a test of its own looks at what an extension gives
        assert (run.spent, run.reserved, run.overspent) == (self.spent, self.reserved, self.over)
        assert self._fits(self.spent + self.reserved)
        assert run.status.is_end == self.ended
        assert (run.status is RunStatus.PAUSED) == self.paused
        for name, job in run.jobs.items():
            answers = self.jobs[name]["answers"]
            assert [step.number for step in job.steps] == list(range(1, len(answers) + 1))
            assert [step.text for step in job.steps] == [answer.text for answer in answers]
            assert (job.question is not None) == bool(self._open_of(name))
            for step, answer in zip(job.steps, answers, strict=True):
                keys = [f"{answer.key}/{number}" for number in range(1, len(answer.calls) + 1)]
                assert [call.key for call in step.calls] == keys
                assert [call.proposed for call in step.calls] == list(answer.calls)
                self._check_results(step.calls)
            assert all(step.is_complete for step in job.steps[:-1]), "asked with results missing"

    def _check_results(self, calls: tuple[Any, ...]) -> None:
        for call in calls:
            ended = self.calls[call.key]["ended"]
            assert call.state.is_settled == (ended is not None)
            if isinstance(ended, CallEnded):
                assert call.result == ended.result
                assert (call.state is CallState.REFUSED) == ended.refused
