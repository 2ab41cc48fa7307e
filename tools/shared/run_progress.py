"""What a host is told of a run while a call waits for it: how far it is, what is under way, what its model writes."""

from dataclasses import dataclass, field

from stepwarden.agents.run_text import activity_line
from stepwarden.runs.run import Run
from tools.shared.edge import Progress

EVERY_S = 0.4
"""So often at most is a host told something."""

BEAT_S = 5.0
"""So often at least: hosts that take progress as a sign of life give up after 10 s and more without any."""

WRITTEN_CHARS = 160


@dataclass
class RunProgress:
    """The notes of one call. Their number only grows: the steps that are done, and some part of the next."""

    _steps: int = 0
    _notes: int = 0  # in this step
    _said: str = ""
    _at: float = field(default=float("-inf"))
    _written: str = ""
    _asked: tuple[str, ...] = ()

    def hear(self, job: str, text: str) -> None:
        """Note what a model of the run wrote."""
        del job
        self._written = (self._written + text)[-2 * WRITTEN_CHARS :]

    async def tell(self, progress: Progress, run: Run, now: float) -> None:
        """Tell the host how the run stands, where that is news or some time passed since the last note."""
        asked = tuple(job.question.key for job in run.jobs.values() if job.question is not None)
        if asked != self._asked:
            self._asked, self._written = asked, ""
        written = " ".join(self._written.split())[-WRITTEN_CHARS:]
        said = activity_line(run) + (f"; it writes: {written}" if asked and written else "")
        if now - self._at < (EVERY_S if said != self._said else BEAT_S):
            return
        self._notes = self._notes + 1 if run.steps <= self._steps else 1
        self._said, self._at, self._steps = said, now, max(run.steps, self._steps)
        limit = run.limits.steps  # beyond which there is one last answer
        number = self._steps + self._notes / (self._notes + 1)
        await progress(number, None if limit is None else limit + 1.0, said)
