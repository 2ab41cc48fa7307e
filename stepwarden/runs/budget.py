"""What a run has left: what is asked next is set aside before, and the last answer of every job from the start."""

from collections.abc import Iterator
from decimal import Decimal

from stepwarden.runs.limits import (
    LAST_ANSWER_TOKENS,
    LAST_PROMPT_TOKENS,
    Amount,
    LimitUse,
    cost_of,
)
from stepwarden.runs.run import Job, Run

NEAR = Decimal("0.8")
"""From this share of a limit on the model is told what is left."""

STEERED_BYTES, STEERED_TOKENS = 24_000, 2_000
"""So much of its results an ability of a steered job is shown, and so much beside the results and the tools."""

_BYTES_A_TOKEN = 3
_TOKENS_AROUND_MESSAGE = 15  # its role, and the ids that calls and their results are told apart by


class RunBudget:
    """What a run has left while one decision is made: what is taken for one job is gone for the next."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._held = run.reserved
        questions = [job.question for job in run.jobs.values() if job.question is not None]
        self._questions = sum(not question.ability for question in questions)

    @property
    def has_step(self) -> bool:
        """Whether one more answer stays within the steps of the run, with those that are under way."""
        most = self._run.limits.steps
        return most is None or self._run.steps + self._questions < most

    @property
    def has_reservations(self) -> bool:
        """Whether questions or calls are under way that may cost less than is set aside for them."""
        return self._held.tokens > 0

    def lacks(self, amount: Amount, *, is_last_turn: bool = False) -> LimitUse | None:
        """Return the limit that setting this aside would pass, None where there is room for it.

        Room is kept for the last turns of all jobs; what is asked as a last turn may use its own.
        """
        kept = sum((last_turn_of(job) for job in self._run.jobs.values() if _may_have_one(job)), Amount())
        used = self._run.spent + self._held
        wanted = used + amount + (Amount() if is_last_turn else kept)
        limits = self._run.limits
        if limits.tokens is not None and wanted.tokens > limits.tokens:
            return LimitUse("tokens", Decimal(used.tokens), Decimal(limits.tokens))
        if limits.dollars is not None and wanted.dollars > limits.dollars:
            return LimitUse("dollars", used.dollars, limits.dollars)
        return None

    def take(self, amount: Amount) -> None:
        """Set it aside for a question for the rest of this decision."""
        self.hold(amount)
        self._questions += 1

    def hold(self, amount: Amount) -> None:
        """Set it aside for the rest of this decision."""
        self._held += amount


def last_turn_of(job: Job) -> Amount:
    """Return what is kept for the last answer of a job."""
    return cost_of(job.plan.price, LAST_PROMPT_TOKENS, LAST_ANSWER_TOKENS)


def _may_have_one(job: Job) -> bool:
    asked = job.question is not None and job.question.is_last_turn
    return not job.status.is_end and not asked


def prompt_tokens_of(run: Run, job: Job) -> int:
    """Return an upper estimate of the tokens of a job's next question, within what its model takes."""
    history = job.history_bytes if job.work is None else min(job.history_bytes, STEERED_BYTES)
    said = (len(run.request.encode()) + history) // _BYTES_A_TOKEN + (STEERED_TOKENS if job.work is not None else 0)
    around = _TOKENS_AROUND_MESSAGE * (len(job.steps) + job.calls)
    estimate = job.plan.prompt_tokens + said + around + 200
    return estimate if job.plan.most_prompt_tokens is None else min(estimate, job.plan.most_prompt_tokens)


def uses_of(run: Run, job: Job, now: float) -> Iterator[LimitUse]:
    """Yield how much of each limit is used."""
    limits = run.limits
    if limits.steps is not None:
        yield LimitUse("steps", Decimal(run.steps), Decimal(limits.steps))
    if job.plan.steps is not None:
        yield LimitUse(f"steps of {job.id}", Decimal(len(job.steps)), Decimal(job.plan.steps))
    if limits.seconds is not None:
        seconds = Decimal(str(run.working_seconds(now)))
        yield LimitUse("seconds", seconds, Decimal(str(limits.seconds)))
    if limits.tokens is not None:
        yield LimitUse("tokens", Decimal(run.spent.tokens), Decimal(limits.tokens))
    if limits.dollars is not None:
        yield LimitUse("dollars", run.spent.dollars, limits.dollars)
    if limits.memory_mb is not None and job.current is not None:
        yield LimitUse("memory", Decimal(round(job.current.grown_mb, 1)), Decimal(limits.memory_mb))


def notice_of(run: Run, job: Job, now: float) -> str:
    """Return what the model is told of limits that come near, "" where none does."""
    near = [use for use in uses_of(run, job, now) if use.share >= NEAR]
    return f"Used so far: {', '.join(map(str, near))}. Finish with what you have." if near else ""
