"""A run on the terminal as it goes; where somebody looks on, its text as it is written, and calls that begin."""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.agents.run_text import SHOWN_RESULT, spent_line
from stepwarden.cli.output import plain
from stepwarden.cli.run_lines import RunLines
from stepwarden.runs.run import Job, Run
from stepwarden.runs.run_calls import CallState

_BEGUN = frozenset({CallState.PROPOSED, CallState.ALLOWED, CallState.SENT})


@dataclass
class RunScreen:
    """What was shown of a run. `is_live`: somebody looks at standard output while it goes."""

    is_live: bool
    lines: RunLines = field(default_factory=RunLines)
    answered_aloud: bool = False  # the last step was shown as it was written, and called nothing
    _steps: dict[str, int] = field(default_factory=dict[str, int])  # of each job, that are there
    _aloud: set[str] = field(default_factory=set[str])  # the jobs whose next step is shown as it is written
    _begun: set[str] = field(default_factory=set[str])  # calls
    _writer: str = ""  # the job whose text stands on the open line

    def hear(self, job: str, text: str) -> None:
        """Show what a job's model writes."""
        if self._writer != job:
            self.end_line()
            typer.echo(f"{self._steps.get(job, 0) + 1}. ", nl=False)
        self._writer = job
        self._aloud.add(job)
        typer.echo(plain(text), nl=False)
        sys.stdout.flush()

    def show(self, run: Run) -> None:
        """Show what is new in a run."""
        news = [job for job in run.jobs.values() if len(job.steps) > self._steps.get(job.id, 0)]
        for job in news:
            is_aloud = job.id in self._aloud
            if is_aloud:
                self.lines.leave_out(job.id, job.steps[-1].number)
            self.answered_aloud = is_aloud and not job.steps[-1].calls
            self._aloud.discard(job.id)
            self._steps[job.id] = len(job.steps)
        self._say(self.lines.new(run))
        if self.is_live:
            self._say(line for job in run.jobs.values() for line in self._calls_that_begin(job))
            self._say([f"   {spent_line(run, time.time())}"] if any(job.steps[-1].calls for job in news) else [])

    def end_line(self) -> None:
        """End the line of a text."""
        if self._writer:
            self._writer = ""
            typer.echo("")

    def _say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.end_line()
            typer.echo(plain(line))

    def _calls_that_begin(self, job: Job) -> Iterator[str]:
        for call in job.open_calls:
            if call.key not in self._begun and call.state in _BEGUN:
                self._begun.add(call.key)
                yield f"   {call.tool} {' '.join(call.proposed.arguments.split())[:SHOWN_RESULT]} ..."
