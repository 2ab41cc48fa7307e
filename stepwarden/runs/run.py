"""A run: the state that the fold of its events gives, as frozen values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from stepwarden.runs.limits import DEFAULT_LIMITS, NOTHING, Amount, RunLimits, TokenPrice
from stepwarden.runs.run_calls import NO_TEXT, Approval, Body, CallState, RunCall, ToolGrant
from stepwarden.runs.steered import Depth, SteeredWork
from stepwarden.runs.stop_conditions import StopCondition
from stepwarden.runs.workflow_state import NEW_STATE, WorkflowState


class RunStatus(StrEnum):
    """How a run, or a job of it, stands. A limit or a condition ends it as stopped, never as completed."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_end(self) -> bool:
        """Whether nothing more is done, unless somebody extends it."""
        return self in {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED}


@dataclass(frozen=True, slots=True)
class AgentStep:
    """One answer of a model and the calls that it asked for, in their order."""

    number: int
    text: Body
    calls: tuple[RunCall, ...] = ()
    spent: Amount = NOTHING
    seconds: float = 0.0  # of the answer
    matched: tuple[str, ...] = ()
    is_last_turn: bool = False
    kept: str = ""  # what the model's endpoint wants to have back with the answer

    @property
    def is_complete(self) -> bool:
        """Whether every call has its result."""
        return all(call.state.is_settled for call in self.calls)

    @property
    def grown_mb(self) -> float:
        """By how much the process grew while its calls were made; calls at once share it."""
        return max((call.grown_mb for call in self.calls), default=0.0)

    @property
    def duration(self) -> float:
        """Seconds from the question to the last result; calls of one step are made at once."""
        return self.seconds + max((call.seconds for call in self.calls), default=0.0)


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question to a model without an answer yet. `prompt_tokens` bounds what it is sent, `notice` is told with it."""

    key: str
    attempt: int
    reserved: Amount
    prompt_tokens: int
    is_last_turn: bool = False
    notice: str = ""
    ability: str = ""  # of a steered job, which it asks for


class ToolLevel(StrEnum):
    """Which tools a model is given: fewer when it failed with more."""

    FULL = "full"
    ESSENTIAL = "essential"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Stopping:
    """Why a job is being stopped: the condition or limit that fired, its value, and what it was held against.

    `by_limit` is a limit of the run; `is_goal` says that what fired is what the work was for.
    """

    condition: str
    value: str
    limit: str = ""
    by_limit: bool = False
    is_goal: bool = False

    def __str__(self) -> str:
        """Return it as it is shown."""
        return f"{self.condition}: {self.value} of {self.limit}" if self.limit else self.condition


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job before it runs. `essential` are the tools that it keeps when the model fails with all of them."""

    id: str
    instructions: str
    model: str
    tools: tuple[ToolGrant, ...] = ()
    essential: tuple[str, ...] = ()
    stop: Mapping[str, Any] | None = None  # as `stop_notation` reads it
    price: TokenPrice | None = None
    steps: int | None = None
    prompt_tokens: int = 0  # of its instructions and tools
    most_prompt_tokens: int | None = None  # that the model takes
    depth: Depth | None = None  # of a steered job; None is one whose model calls tools by itself


@dataclass(frozen=True, slots=True)
class Job:
    """One agent at work."""

    plan: JobPlan
    stop: StopCondition | None = None
    status: RunStatus = RunStatus.RUNNING
    steps: tuple[AgentStep, ...] = ()
    questions: int = 0  # asked so far
    question: OpenQuestion | None = None
    failure: str = ""  # of the last question
    failure_kind: str = ""
    failures: int = 0  # one after another
    fails_for_good: bool = False
    outages: int = 0  # one after another, which time may mend
    ask_after: float = 0.0  # unix seconds: not before, for an outage
    history_bytes: int = 0  # of answers and results, as the model reads them
    last_turns: int = 0  # of the steps: those that a limit leaves room for
    stopping: Stopping | None = None
    matched: frozenset[str] = frozenset()
    calls: int = 0  # with a result
    call_errors: int = 0
    work: SteeredWork | None = None
    answer: Body = NO_TEXT
    why: str = ""

    @property
    def id(self) -> str:
        """Its id, unique in the run."""
        return self.plan.id

    @property
    def current(self) -> AgentStep | None:
        """The last step, None before the first."""
        return self.steps[-1] if self.steps else None

    @property
    def level(self) -> ToolLevel:
        """Which tools the next question may offer."""
        if self.failures == 0:
            return ToolLevel.FULL
        return ToolLevel.ESSENTIAL if self.failures == 1 and self.plan.essential else ToolLevel.NONE

    @property
    def best_answer(self) -> Body:
        """The last text of the model, whatever it was meant for; of a steered job, its last draft of an answer."""
        if self.work is not None:
            last = self.current
            return last.text if last is not None and last.is_last_turn else self.work.draft
        return next((step.text for step in reversed(self.steps) if step.text.text.strip()), Body())

    @property
    def open_calls(self) -> tuple[RunCall, ...]:
        """The calls without a result, in their order."""
        calls = self.current.calls if self.current is not None else ()
        return tuple(call for call in calls if not call.state.is_settled)

    @property
    def is_in_doubt(self) -> bool:
        """Whether a call of it may or may not have been carried out: nothing else is changed until somebody says."""
        return any(call.state is CallState.IN_DOUBT for call in self.open_calls)

    def holds_back(self, call: RunCall) -> bool:
        """Return whether a call that would change something waits until it is known what became of another."""
        return self.is_in_doubt and call.state is not CallState.SENT and not call.kind.may_be_repeated

    @property
    def can_go_on(self) -> bool:
        """Whether there is anything to do but to wait for a person."""
        waiting, calls = {CallState.WAITING, CallState.IN_DOUBT}, self.open_calls
        is_stuck = bool(calls) and all(
            (call.state in waiting or self.holds_back(call)) and not call.is_looked_after for call in calls
        )
        if self.status is RunStatus.RUNNING and self.work is not None and self.work.analysis_asked:
            return True
        asks = self.work is not None and self.work.question is not None
        return self.status is RunStatus.RUNNING and not is_stuck and not asks


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """What became of a person's word."""

    kind: str
    by: str
    via: str
    accepted: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A point of the work to which it can go back, after `version` events. `by` set it, "" where an iteration began."""

    id: str
    version: int
    at: float
    jobs: Mapping[str, Job]
    state: WorkflowState
    note: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rating:
    """What a person thinks of a run: 1 to 5 stars, and words."""

    stars: int
    text: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it stands after `version` events. Times are unix seconds.

    `worked` are the seconds in which something was under way up to `working_since`, which is None while nothing is.
    `unconfirmed` of them passed before somebody's command: they count once whoever drives the run records something.
    `seen_at` is the time of the last event. `paused_by` is the person who paused it, "" where a limit did.
    """

    id: str
    version: int = 0
    request: str = ""
    by: str = ""
    via: str = ""
    directory: str | None = None
    is_local: bool = False
    thread: str = ""  # that started it
    limits: RunLimits = DEFAULT_LIMITS
    approval: Approval = Approval.WRITES
    pauses_at_limits: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    status: RunStatus = RunStatus.RUNNING
    why: str = ""
    jobs: Mapping[str, Job] = field(default_factory=dict[str, Job])
    notes: tuple[str, ...] = ()  # what whoever planned it had to say
    state: WorkflowState = NEW_STATE
    spent: Amount = NOTHING
    overspent: Amount = NOTHING  # what vendors billed above what was set aside
    unpriced: int = 0  # answers without a known price
    worked: float = 0.0
    unconfirmed: float = 0.0
    working_since: float | None = None
    seen_at: float = 0.0
    driver: str = ""  # who took it over last
    paused_by: str = ""
    stop_asked: str = ""  # by whom
    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict[str, "Checkpoint"])
    superseded: Mapping[str, RunCall] = field(default_factory=dict[str, RunCall])  # calls, by a restoration
    rating: Rating | None = None
    crashes: int = 0  # of whoever drives it, one after another without an answer between
    misfit: str = ""  # an event that does not fit what was recorded before it
    commands: Mapping[str, CommandRecord] = field(default_factory=dict[str, CommandRecord])
    answer: Body = NO_TEXT

    @property
    def reserved(self) -> Amount:
        """What is set aside for the questions and calls that are under way."""
        asked = [job.question.reserved for job in self.jobs.values() if job.question is not None]
        return sum((*asked, *(call.reserved for call in self.open_calls)), Amount())

    @property
    def threads(self) -> tuple[str, ...]:
        """The threads that its calls took steps of, each once."""
        calls = (call for job in self.jobs.values() for step in job.steps for call in step.calls)
        return tuple(dict.fromkeys(call.thread for call in calls if call.thread))

    @property
    def steps(self) -> int:
        """The answers of all jobs, but for those that a limit leaves room for."""
        return sum(len(job.steps) - job.last_turns for job in self.jobs.values())

    def working_seconds(self, now: float) -> float:
        """Return for how long something was under way, until `now`."""
        passed = max(0.0, now - self.working_since) if self.working_since is not None else 0.0
        return self.worked + self.unconfirmed + passed

    @property
    def is_under_way(self) -> bool:
        """Whether a question or a call is being worked on: this time counts as work."""
        moving = {CallState.PROPOSED, CallState.ALLOWED, CallState.SENT}
        return self.status is RunStatus.RUNNING and any(
            job.question is not None
            or any(call.state in moving and not job.holds_back(call) for call in job.open_calls)
            for job in self.jobs.values()
        )

    @property
    def deadline(self) -> float | None:
        """When the first question to a person is over, None where none is or it has no end."""
        if self.status is not RunStatus.RUNNING:
            return None
        questions = [job.work.question for job in self.jobs.values() if job.work is not None]
        times = [question.until for question in questions if question is not None]
        times += [call.until for call in self.open_calls if call.state is CallState.WAITING]
        return min((time for time in times if time is not None), default=None)

    def is_due(self, now: float) -> bool:
        """Return whether there is something to do without a person, or one was waited for long enough."""
        return self.is_at_work or (self.deadline is not None and self.deadline <= now)

    @property
    def is_at_work(self) -> bool:
        """Whether something of it can go on without a person; to record its end is something, too."""
        jobs = self.jobs.values()
        is_over = bool(self.stop_asked or self.misfit) or all(job.status.is_end for job in jobs)
        return self.status is RunStatus.RUNNING and (is_over or any(job.can_go_on for job in jobs))

    @property
    def looks_at(self) -> float:
        """When there is something to do, in unix seconds: 0 where there is something else than looks after doubts."""
        looked_after = [call.look_at or 0.0 for call in self.open_calls if call.is_looked_after]
        is_held_up = any(job.outages and job.question is None for job in self.jobs.values())
        return 0.0 if self.is_under_way or is_held_up else min(looked_after, default=0.0)

    @property
    def open_calls(self) -> tuple[RunCall, ...]:
        """The calls without a result, in the order of jobs and calls."""
        return tuple(call for job in self.jobs.values() for call in job.open_calls)

    def with_job(self, job: Job) -> "Run":
        """Return the run with this job in the place of the one of its id."""
        return replace(self, jobs={**self.jobs, job.id: job})

    def job_of_call(self, key: str) -> str:
        """Return the id of the job whose last step has the call with this key. Raises KeyError."""
        for job in self.jobs.values():
            if job.current is not None and any(call.key == key for call in job.current.calls):
                return job.id
        raise KeyError(key)

    def with_call(self, key: str, change: Callable[[RunCall], RunCall]) -> "Run":
        """Return the run with one call of a job's last step changed. Raises KeyError."""
        job = self.jobs[self.job_of_call(key)]
        step = job.steps[-1]
        calls = tuple(change(call) if call.key == key else call for call in step.calls)
        return self.with_job(replace(job, steps=(*job.steps[:-1], replace(step, calls=calls))))
