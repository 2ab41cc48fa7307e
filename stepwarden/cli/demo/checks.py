"""What the demo expects, and what came of it."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stepwarden.cli.demo.console import DemoConsole, SummaryRow


@dataclass
class DemoSection:
    """One section: its expectations, how many were met, its seconds, and whether it ran to its end."""

    title: str
    expected: int = 0
    met: int = 0
    seconds: float = 0.0
    finished: bool = False

    @property
    def passed(self) -> bool:
        """Whether it ran to its end and met every expectation."""
        return self.finished and self.met == self.expected


@dataclass
class DemoChecks:
    """The sections so far, shown on `console`, and why the demo broke off, if it did."""

    console: DemoConsole
    sections: list[DemoSection] = field(default_factory=list[DemoSection])
    started: float = field(default_factory=time.perf_counter)
    broken_off: str = ""

    @property
    def passed(self) -> bool:
        """Whether the demo ran to its end and every section passed."""
        return not self.broken_off and bool(self.sections) and all(section.passed for section in self.sections)

    @contextmanager
    def section(self, title: str) -> Generator[None, None, None]:
        """Start a section; expectations in the block belong to it."""
        section = DemoSection(title)
        self.sections.append(section)
        self.console.start_section(f"{len(self.sections)}. {title}")
        started = time.perf_counter()
        try:
            yield
            section.finished = True
        finally:
            section.seconds = time.perf_counter() - started

    def expect(self, what: str, got: object, wanted: object = True) -> None:
        """Check that `got` is what was `wanted`, and show the result."""
        section, met = self.sections[-1], got == wanted
        section.expected += 1
        section.met += met
        self.console.show_check(what if met else f"{what} - expected {wanted!r}, got {got!r}", met=met)

    def break_off(self, why: str, server_message: str) -> None:
        """Note that the demo cannot go on, and show the last line that the server logged."""
        self.broken_off = why
        self.console.show_broken_off(why, server_message)

    def sum_up(self) -> None:
        """Show what each section came to, and the result of the demo."""
        rows = [
            SummaryRow(f"{number}. {item.title}", f"{item.met}/{item.expected}", f"{item.seconds:.2f}", item.passed)
            for number, item in enumerate(self.sections, 1)
        ]
        seconds = time.perf_counter() - self.started
        verdict = "All of it held." if self.passed else "NOT all of it held."
        self.console.show_summary(rows, f"{verdict} {seconds:.1f} s.", passed=self.passed)
