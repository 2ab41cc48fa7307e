"""What the demo prints."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

ARGUMENT_CHARACTERS = 400  # shown of one argument that the agent sends
NOT_SHOWN = frozenset({"step_number", "next_step_required", "continuation_id"})
"""Arguments that are in the heading of a call, or in every reply."""


class SummaryRow(NamedTuple):
    """One section in the summary."""

    title: str
    met: str
    seconds: str
    passed: bool


class DemoConsole:
    """Prints to stdout; plain text where that is not a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, emoji=False)
        plain = self._console.options.ascii_only
        self._marks = {True: "ok" if plain else "\u2713", False: "FAILED:" if plain else "\u2717"}

    def start_section(self, title: str) -> None:
        """Print the heading of a section."""
        from rich.rule import Rule
        from rich.text import Text

        self._console.print()
        self._console.print(Rule(Text(title, style="bold"), align="left"))

    def say(self, text: str) -> None:
        """Print a sentence for the reader."""
        self._console.print(text)

    def show_call(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Print what the agent sends."""
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

    def show_text(self, title: str, text: str, style: str = "dim") -> None:
        """Print the verbatim text of a reply or a program in a box."""
        from rich.panel import Panel
        from rich.text import Text

        shown = Text(text, overflow="fold")
        self._console.print(Panel(shown, title=Text(title), title_align="left", border_style=style))

    def show_check(self, line: str, *, met: bool) -> None:
        """Print an expectation with a mark that says whether it was met."""
        from rich.text import Text

        self._console.print(Text(f"{self._marks[met]} {line}", style="green" if met else "bold red"))

    def show_rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows in columns; the last column takes the rest of the width."""
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        for row in rows:
            grid.add_row(*(Text(cell, overflow="fold") for cell in row))
        self._console.print(grid)

    def show_command(self, line: str) -> None:
        """Print a command to copy, without wrapping it."""
        self._console.print(line, soft_wrap=True, style="cyan")

    def show_broken_off(self, why: str, server_message: str) -> None:
        """Print why the demo cannot go on, and the last line that the server logged."""
        self._console.print()
        self._console.print(f"The demo broke off: {why}", style="bold red", soft_wrap=True)
        if server_message:
            self._console.print(f"The server's last words: {server_message}", soft_wrap=True)

    def show_summary(self, rows: Sequence[SummaryRow], verdict: str, *, passed: bool) -> None:
        """Print what each section came to, and the result of the demo."""
        from rich.table import Table
        from rich.text import Text

        table = Table(title="What was expected, and what came", title_justify="left", box=None, padding=(0, 2, 0, 0))
        for heading in ("", "section", "held", "seconds"):
            table.add_column(heading, justify="right" if heading in {"held", "seconds"} else "left")
        for row in rows:
            mark = Text(self._marks[row.passed], style="green" if row.passed else "bold red")
            table.add_row(mark, row.title, row.met, row.seconds)
        self._console.print()
        self._console.print(table)
        self._console.print(verdict, style="bold green" if passed else "bold red")


def _short(value: object) -> str:
    text = ", ".join(map(_item, cast("list[object]", value))) if isinstance(value, list) else _item(value)
    return text if len(text) <= ARGUMENT_CHARACTERS else f"{text[: ARGUMENT_CHARACTERS - 3]}..."


def _item(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return "\n".join(f"{name}: {_item(item)}" for name, item in fields.items())
    text = str(value) or '""'
    return f"\n{text}" if text.startswith(" ") else text  # numbered lines stay aligned
