"""What a run looks like while it goes on: lines in a pipe; on a terminal also what is under way, below them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING, Protocol

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.agents.run_text import spent_line, verdict_of
from stepwarden.cli.output import plain
from stepwarden.cli.question import is_person_there
from stepwarden.cli.run_lines import RunLines, under_way
from stepwarden.runs.run import Run

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live

MOST_UNDER_WAY = 6
STREAMED_LINES = 3
_STYLES = {": failed": "red", ": refused": "yellow", ": in doubt": "bold red"}


class RunScreen(Protocol):
    """Where a run is shown."""

    def show(self, run: Run) -> None:
        """Show what is new in a run."""
        ...

    def say(self, line: str) -> None:
        """Show a line of ours, or of a run."""
        ...

    def stream(self, text: str) -> None:
        """Show a piece of the text that a model is writing; all of it stands in its step once it is there."""
        ...

    def pause(self) -> None:
        """Leave the terminal alone, as long as something is asked there."""
        ...


def open_screen() -> RunScreen:
    """Return the screen for where the output goes."""
    return TerminalScreen() if is_person_there() else PlainScreen()


@dataclass
class PlainScreen:
    """Lines alone, each when it is known."""

    _lines: RunLines = field(default_factory=RunLines)

    def show(self, run: Run) -> None:
        """See `RunScreen`."""
        for line in self._lines.new(run):
            self.say(line)

    def say(self, line: str) -> None:
        """See `RunScreen`."""
        typer.echo(plain(line))

    def stream(self, text: str) -> None:
        """See `RunScreen`: it comes as a whole."""

    def pause(self) -> None:
        """See `RunScreen`."""


class TerminalScreen:
    """Lines that stay, and below them what changes: what is under way, for how long, and what was used."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, emoji=False)
        self._live: Live | None = None
        self._lines = RunLines()
        self._since: dict[str, float] = {}
        self._streamed = ""
        self._clock = clock

    def show(self, run: Run) -> None:
        """See `RunScreen`."""
        for line in self._lines.new(run):
            self._streamed = ""
            self.say(line)
        if not run.is_at_work:
            self.pause()
            return
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(self._below(run), refresh=True)

    def say(self, line: str) -> None:
        """See `RunScreen`."""
        from rich.text import Text

        style = next((style for words, style in _STYLES.items() if words in line and line.startswith("   ")), "")
        is_step = line[:1].isdigit() and ". " in line[:12]
        self._console.print(Text(plain(line), style=style or ("bold" if is_step else "")))

    def stream(self, text: str) -> None:
        """See `RunScreen`."""
        self._streamed = (self._streamed + text)[-4_000:]

    def pause(self) -> None:
        """See `RunScreen`."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _below(self, run: Run) -> "Group":
        from rich.console import Group
        from rich.text import Text

        lines = [*self._streaming(), *self._working(run), verdict_of(run), spent_line(run, self._clock())]
        return Group(*(Text(plain(line), style="dim", no_wrap=True, overflow="crop") for line in lines))

    def _streaming(self) -> list[str]:
        width = max(20, self._console.width - 4)
        lines = [part for line in self._streamed.splitlines()[-STREAMED_LINES:] for part in wrap(line, width)]
        return [f"  {line}" for line in lines[-STREAMED_LINES:]]

    def _working(self, run: Run) -> Iterator[str]:
        found = dict(under_way(run))
        now = self._clock()
        self._since = {key: self._since.get(key, now) for key in found}
        for key, words in list(found.items())[:MOST_UNDER_WAY]:
            seconds = f"{now - self._since[key]:3.0f} s "
            yield seconds + " ".join(words.split())[: max(10, self._console.width - len(seconds))]
        if len(found) > MOST_UNDER_WAY:
            yield f"      and {len(found) - MOST_UNDER_WAY} more"
