"""A run that the agent reports: kept and shown as it was told, counted apart from quotes, and never checked.

It proves nothing by itself: nobody but the agent saw it. What it can do is save an honest agent a step: a command that
failed before the change and passes after it is what a conclusion is tested by, so its end is not held for want of a
further quote. It never makes a thread `verified` (protocol, section 4).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from stepwarden.steps.text import fold, key_of


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """One run as the agent tells it; `exit` is its exit code, None where none was told."""

    command: str
    output: str = ""
    exit: int | None = None
    supports: str | None = None

    @property
    def key(self) -> str:
        """What makes two reports the same: the command, its output and its exit code."""
        return key_of(self.command, self.output, str(self.exit))


def find_turned(runs: Iterable[tuple[int, ReportedRun]], since: int) -> str:
    """Return the last command that was reported failing, and then passing in step `since` or later; "" where none was.

    One that failed once more after that has not turned. `runs` are (step number, run) in their order. Both need an
    output, and not the same: an exit code alone is a word.
    """
    failed: dict[str, str] = {}  # command, folded -> output
    turned: dict[str, str] = {}  # the same -> the command as it was told
    for number, run in runs:
        command, output = fold(run.command), fold(run.output)
        if run.exit is None or not output:
            continue
        if run.exit != 0:
            failed[command] = output
            turned.pop(command, None)
        elif number >= since and failed.get(command, output) != output:
            turned[command] = run.command
    return next(reversed(turned.values()), "")
