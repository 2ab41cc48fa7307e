"""The lines of a run for people: each step and call once, as soon as there is something to say of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from stepwarden.agents.run_text import SHOWN_RESULT
from stepwarden.runs.run import Job, Run
from stepwarden.runs.run_calls import RunCall
from stepwarden.upstream.calls.result_text import unfenced


@dataclass
class RunLines:
    """What was shown of a run; it may be looked at from several runs of it, one after the other."""

    _shown: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def new(self, run: Run) -> Iterator[str]:
        """Yield the lines that are new: an answer of a model when it is there, a call when it has its result."""
        for job in run.jobs.values():
            yield from self._of_job(job, "" if len(run.jobs) == 1 else f"{job.id} ")

    def leave_out(self, job: str, number: int) -> None:
        """Take a job's answer of this number as shown: it was, as it was written."""
        self._shown.add((job, str(number)))

    def _of_job(self, job: Job, prefix: str) -> Iterator[str]:
        for step in job.steps:
            if self._is_new(job.id, str(step.number)):
                said = " ".join(step.text.text.split())[: 2 * SHOWN_RESULT]
                yield f"{prefix}{step.number}. {said or _counted(len(step.calls))}"
            for call in step.calls:
                if call.state.is_settled and self._is_new(job.id, call.key):
                    yield f"   {shown_call(call)}"

    def _is_new(self, job: str, key: str) -> bool:
        is_new = (job, key) not in self._shown
        self._shown.add((job, key))
        return is_new


def _counted(calls: int) -> str:
    return "one call" if calls == 1 else f"{calls} calls at once"


def shown_call(call: RunCall) -> str:
    """Return one call in a line, its result as its tool gave it."""
    arguments = " ".join(call.proposed.arguments.split())[:SHOWN_RESULT]
    result = " ".join(unfenced(call.result.text).split())[:SHOWN_RESULT]
    seconds = f" ({call.seconds:.1f} s)" if call.seconds >= 0.1 else ""
    return f"{call.tool} {arguments}: {call.state.replace('_', ' ')}{seconds}{f': {result}' if result else ''}"
