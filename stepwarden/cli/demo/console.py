"""What the demo prints, and its account of what held."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

SHOWN_CHARACTERS = 400  # of one argument that the agent sends
NOT_SHOWN = frozenset({"step_number", "next_step_required", "continuation_id"})
"""Arguments that stand in the heading of a call, or in every reply."""


@dataclass
class DemoSection:
    """One scene: how many expectations it had, how many held, how long it took, whether it was played to its end."""

    title: str
    expected: int = 0
    held: int = 0
    seconds: float = 0.0
    played: bool = False

    @property
    def good(self) -> bool:
        """Whether all that was expected came."""
        return self.played and self.held == self.expected


@dataclass
class DemoReport:
    """The scenes so far, and why the demo broke off, if it did."""

    scenes: list[DemoSection] = field(default_factory=list[DemoSection])
    begun: float = field(default_factory=time.perf_counter)
    broken_off: str = ""

    @property
    def good(self) -> bool:
        """Whether the demo was played to its end and everything held."""
        return not self.broken_off and bool(self.scenes) and all(scene.good for scene in self.scenes)


class DemoConsole:
    """Prints scenes to stdout; plain where that is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self.account = DemoReport()
        self._console = Console(highlight=False, markup=False, emoji=False)
        plain = self._console.options.ascii_only
        self._marks = {True: "ok" if plain else "\u2713", False: "FAILED:" if plain else "\u2717"}

    @contextmanager
    def scene(self, title: str) -> Generator[None, None, None]:
        """Begin a scene; what is expected in the block counts as its own."""
        from rich.rule import Rule
        from rich.text import Text

        scene = DemoSection(title)
        self.account.scenes.append(scene)
        self._console.print()
        self._console.print(Rule(Text(f"{len(self.account.scenes)}. {title}", style="bold"), align="left"))
        begun = time.perf_counter()
        try:
            yield
            scene.played = True
        finally:
            scene.seconds = time.perf_counter() - begun

    def say(self, text: str) -> None:
        """Return the reader something."""
        self._console.print(text)

    def sent(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Show what the agent sends."""
        from rich.table import Table
        from rich.text import Text

        heading = ", ".join(f"{name}={_item(arguments[name])}" for name in ("step_number", "next_step_required"))
        self._console.print(Text(f"The agent calls {tool} with {heading}", style="bold cyan"))
        grid = Table.grid(padding=(0, 1))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in arguments.items():
            if name not in NOT_SHOWN:
                grid.add_row(f"  {name}", Text(_short(value)))
        self._console.print(grid)

    def reply(self, text: str, *, refused: bool = False) -> None:
        """Show the server's reply, word for word."""
        self._boxed(text, "stepwarden's reply", "yellow" if refused else "green")

    def output(self, text: str, title: str) -> None:
        """Show what a program printed, word for word."""
        self._boxed(text, title, "dim")

    def expect(self, what: str, got: object, wanted: object = True) -> None:
        """Note whether `got` is what was `wanted`, and say so."""
        from rich.text import Text

        scene, held = self.account.scenes[-1], got == wanted
        scene.expected += 1
        scene.held += held
        line = f"{self._marks[held]} {what}"
        if not held:
            line += f" - expected {wanted!r}, got {got!r}"
        self._console.print(Text(line, style="green" if held else "bold red"))

    def listed(self, rows: Sequence[Sequence[str]]) -> None:
        """Show rows in columns, the last of which takes the room there is."""
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        for row in rows:
            grid.add_row(*(Text(cell, overflow="fold") for cell in row))
        self._console.print(grid)

    def verbatim(self, line: str) -> None:
        """Print a line to be copied: it is never wrapped."""
        self._console.print(line, soft_wrap=True, style="cyan")

    def break_off(self, why: str, last_words: str) -> None:
        """Return in one line that the demo cannot go on, and on a second what the server said last."""
        self.account.broken_off = why
        self._console.print()
        self._console.print(f"The demo broke off: {why}", style="bold red", soft_wrap=True)
        if last_words:
            self._console.print(f"The server's last words: {last_words}", soft_wrap=True)

    def sum_up(self) -> None:
        """Show what held, scene by scene, and the end of it all."""
        from rich.table import Table
        from rich.text import Text

        table = Table(title="What was expected, and what came", title_justify="left", box=None, padding=(0, 2, 0, 0))
        for heading in ("", "scene", "held", "seconds"):
            table.add_column(heading, justify="right" if heading in {"held", "seconds"} else "left")
        for number, scene in enumerate(self.account.scenes, 1):
            style = "green" if scene.good else "bold red"
            table.add_row(
                Text(self._marks[scene.good], style=style),
                f"{number}. {scene.title}",
                f"{scene.held}/{scene.expected}",
                f"{scene.seconds:.2f}",
            )
        self._console.print()
        self._console.print(table)
        total = time.perf_counter() - self.account.begun
        verdict = "All of it held." if self.account.good else "NOT all of it held."
        self._console.print(f"{verdict} {total:.1f} s.", style="bold green" if self.account.good else "bold red")

    def _boxed(self, text: str, title: str, style: str) -> None:
        from rich.panel import Panel
        from rich.text import Text

        shown = Text(text, overflow="fold")
        self._console.print(Panel(shown, title=Text(title), title_align="left", border_style=style))


def _short(value: object) -> str:
    text = ", ".join(map(_item, cast("list[object]", value))) if isinstance(value, list) else _item(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."


def _item(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        given = cast("dict[str, object]", value)
        return "\n".join(f"{name}: {_item(item)}" for name, item in given.items())
    text = str(value) or '""'
    return f"\n{text}" if text.startswith(" ") else text  # lines with their numbers stay in their columns
