"""How a run went, step by step and on average: seconds, tokens and calls a step, and how many went without an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from stepwarden.runs.run import AgentStep, Run
from stepwarden.runs.run_calls import CallState


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One step: seconds from its question to its last result, tools, errors, tokens, and whether calls ran at once."""

    job: str
    number: int
    seconds: float
    tools: tuple[str, ...] = ()
    errors: int = 0
    tokens: int = 0
    is_parallel: bool = False


@dataclass(frozen=True, slots=True)
class RunRates:
    """A whole run. `efficiency` is the share of steps without an error, `parallel_efficiency` that of calls at once."""

    steps: int
    calls: int
    errors: int
    refused: int
    tokens: int
    dollars: Decimal
    seconds: float
    steps_a_second: float
    tokens_a_second: float
    mean_step_seconds: float
    efficiency: float
    parallel_efficiency: float

    def __str__(self) -> str:
        """Return it in a line."""
        return (
            f"{self.steps} steps of {self.mean_step_seconds:.1f} s, {self.calls} calls, {self.errors} errors, "
            f"{self.refused} refused; {self.efficiency:.0%} of steps without an error, "
            f"{self.parallel_efficiency:.0%} with calls at once"
        )


def measure_steps(run: Run) -> Sequence[StepMetrics]:
    """Return the metrics of each step, job by job."""
    return [_of_step(job.id, step) for job in run.jobs.values() for step in job.steps]


def measure_run(run: Run, now: float) -> RunRates:
    """Return the metrics of a run at `now`, in unix seconds."""
    steps = measure_steps(run)
    calls = [call for job in run.jobs.values() for step in job.steps for call in step.calls]
    seconds = run.working_seconds(now)
    return RunRates(
        steps=len(steps),
        calls=len(calls),
        errors=sum(step.errors for step in steps),
        refused=sum(call.state is CallState.REFUSED for call in calls),
        tokens=run.spent.tokens,
        dollars=run.spent.dollars,
        seconds=seconds,
        steps_a_second=_share(len(steps), seconds),
        tokens_a_second=_share(run.spent.tokens, seconds),
        mean_step_seconds=_share(sum(step.seconds for step in steps), len(steps)),
        efficiency=_share(sum(not step.errors for step in steps), len(steps)),
        parallel_efficiency=_share(sum(step.is_parallel for step in steps), len(steps)),
    )


def _of_step(job: str, step: AgentStep) -> StepMetrics:
    return StepMetrics(
        job,
        step.number,
        step.duration,
        tuple(call.tool for call in step.calls),
        sum(call.state is CallState.FAILED for call in step.calls),
        step.spent.tokens,
        is_parallel=len(step.calls) > 1,
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
