"""A run on the terminal as it goes: its steps, a line each; where somebody looks on, the text as it is written."""

import sys
import time
from dataclasses import dataclass, field, replace

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.agents.run_text import SHOWN_RESULT, spent_line, step_lines
from stepwarden.cli.output import plain
from stepwarden.runs.run import AgentStep, CallState, Job, Run


@dataclass
class RunScreen:
    """What was shown of a run. `is_live`: standard output is a terminal."""

    is_live: bool
    answered_aloud: bool = False  # whether the last step was shown as it was written, and called nothing
    _shown: dict[str, int] = field(default_factory=dict[str, int])  # steps of each job
    _written: dict[str, str] = field(default_factory=dict[str, str])  # of the step of a job that is not shown yet
    _calls: set[str] = field(default_factory=set[str])  # that were said to have begun
    _writer: str = ""  # the job whose text stands on the open line

    def hear(self, job: str, text: str) -> None:
        """Show what a job's model writes."""
        if self._writer not in {"", job}:
            self._end_line()
        if not self._writer:
            number = self._shown.get(job, 0) + 1
            typer.echo(f"{number}. ", nl=False)
        self._writer = job
        self._written[job] = self._written.get(job, "") + text
        typer.echo(plain(text), nl=False)
        sys.stdout.flush()

    def show(self, run: Run) -> None:
        """Show what is new in a run: steps with the results of their calls, and on a terminal calls that begin."""
        for job in run.jobs.values():
            after = self._shown.get(job.id, 0)
            complete = tuple(step for step in job.steps if step.is_complete)
            for step in complete[after:]:
                self._show_step(job, step)
                if self.is_live:
                    typer.echo(plain(f"   {spent_line(run, time.time())}"))
            self._shown[job.id] = max(after, len(complete))
            if self.is_live and job.current is not None and not job.current.is_complete:
                self._show_calls(job)

    def end(self) -> None:
        """End a line that is begun: nothing more is shown of the run."""
        self._end_line()

    def _show_step(self, job: Job, step: AgentStep) -> None:
        written = self._written.pop(job.id, "")
        self.answered_aloud = bool(written) and not step.calls
        lines = list(step_lines(replace(job, steps=(step,))))
        self._end_line()
        for line in lines[1:] if written else lines:
            typer.echo(plain(line))

    def _show_calls(self, job: Job) -> None:
        states = {CallState.PROPOSED, CallState.ALLOWED, CallState.SENT}
        for call in job.open_calls:
            if call.key not in self._calls and call.state in states:
                self._calls.add(call.key)
                self._end_line()
                typer.echo(
                    plain(f"   {call_line(replace(call, state=CallState.PROPOSED)).removesuffix(': proposed')} ...")
                )

    def _end_line(self) -> None:
        if self._writer:
            self._writer = ""
            typer.echo("")
