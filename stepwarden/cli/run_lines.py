"""The lines of a run for people: each step and call once, how it stands, and what to type next."""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stepwarden.agents.conversation import whole
from stepwarden.agents.run_text import (
    SHOWN_RESULT,
    WaitingCall,
    alternative_lines,
    doubt_lines,
    extends_on,
    extension_of,
    person_question,
    requirement_lines,
    spent_line,
    standing_lines,
    state_line,
    verdict_of,
    waiting_calls,
)
from stepwarden.runs.run import Job, Run, RunStatus
from stepwarden.runs.run_calls import CallState, RunCall
from stepwarden.upstream.calls.result_text import unfenced

_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@dataclass
class RunLines:
    """What was shown of a run so far, which is looked at again and again while it goes on."""

    _shown: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def new(self, run: Run) -> Iterator[str]:
        """Yield the lines that are new: an answer of a model when it is there, a call when it has its result."""
        for job in run.jobs.values():
            yield from self._of_job(job, "" if len(run.jobs) == 1 else f"{job.id} ")

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
    if call.summary is not None and call.result.size > SHOWN_RESULT:
        result = f"{call.summary}: {result[:80]}"
    seconds = f" ({call.seconds:.1f} s)" if call.seconds >= 0.1 else ""
    return f"{call.tool} {arguments}: {call.state.replace('_', ' ')}{seconds}{f': {result}' if result else ''}"


def exact_arguments(arguments: str) -> str:
    """Return all arguments of a call, of which a person allows exactly these: what is invisible stands as its code."""
    try:
        text = json.dumps(json.loads(arguments), ensure_ascii=False)
    except ValueError:
        text = arguments
    return "".join(json.dumps(char)[1:-1] if unicodedata.category(char) in _INVISIBLE else char for char in text)


def under_way(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what is being worked on now, each with a name of its own: questions to models, and calls."""
    for job in run.jobs.values():
        if job.question is not None and run.status is RunStatus.RUNNING:
            again = f", attempt {job.question.attempt}" if job.question.attempt > 1 else ""
            yield f"{job.question.key}#{job.question.attempt}", f"{job.plan.model} answers{again}"
        for call in job.open_calls:
            if call.state not in {CallState.WAITING, CallState.IN_DOUBT}:
                yield call.key, f"{call.tool} {' '.join(call.proposed.arguments.split())}"


def end_lines(run: Run, texts: Mapping[str, str], now: float) -> Iterator[str]:
    """Yield how a run stands, what it gave and used, and the literal command that goes on with it."""
    yield verdict_of(run)
    if answer := whole(run.answer, texts):
        yield from answer.splitlines()
    yield from requirement_lines(run)
    yield from standing_lines(run)
    yield from filter(None, (*doubt_lines(run), state_line(run), spent_line(run, now)))
    yield from next_lines(run)


def next_lines(run: Run) -> Iterator[str]:
    """Yield what waits for a person, and the literal next commands."""
    if not run.status.is_end:
        for call in waiting_calls(run):
            yield f"{call.key}: {call.kind} {call.tool} {exact_arguments(call.arguments)}"
            yield from _commands_for(run, call)
        yield from alternative_lines(run) if waiting_calls(run) else ()
        if person_question(run) is not None:
            yield f"  stepwarden runs answer {run.id} again --drive    (or other, or skip)"
    if extends_on(run):
        added = "=".join(map(str, extension_of(run)))
        yield f"  stepwarden runs extend {run.id} --limit {added} --drive"
    elif run.status is RunStatus.PAUSED:
        yield f"  stepwarden runs resume {run.id} --drive"
    if run.status is RunStatus.PAUSED:
        yield f"  stepwarden runs stop {run.id}"


def _commands_for(run: Run, call: WaitingCall) -> Iterator[str]:
    if call.in_doubt:
        if call.doubt:
            yield f"Nobody knows what became of it: {call.doubt}."
        yield "Look there whether it was carried out; then one of:"
        yield f"  stepwarden runs resolve {run.id} --call {call.key} --done --drive"
        yield f"  stepwarden runs resolve {run.id} --call {call.key} --not-done --drive"
    else:
        yield f"  stepwarden runs approve {run.id} --call {call.key} --drive"
        yield f"  stepwarden runs refuse {run.id} --call {call.key} --drive"
