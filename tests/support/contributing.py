"""CONTRIBUTING.md as a program: its sections, and what their blocks write and change."""

import re
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "dist", "*.egg-info"
)
"""What a clone has not, or what processes beside this one write and remove."""

_SECTION = re.compile(r"^## Add an? (?P<what>.+)$", re.MULTILINE)
_PLACE = re.compile(r"\b(?P<how>Write|In) `(?P<path>[^`]+)`")
_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Change:
    """One block: a whole file, or lines of a file that become others."""

    path: str
    text: str
    whole: bool

    def apply(self, root: Path) -> None:
        """Make the change; a block of `diff` has to fit in exactly one place."""
        file = root / self.path
        if self.whole:
            assert not file.exists(), f"{self.path} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.text, "utf-8")
            return
        lines = self.text.splitlines(keepends=True)
        assert all(line[0] in " +-" for line in lines), self.text
        before = "".join(line[1:] for line in lines if line[0] != "+")
        after = "".join(line[1:] for line in lines if line[0] != "-")
        content = file.read_text("utf-8")
        assert content.count(before) == 1, f"{self.path} has {content.count(before)} places for:\n{self.text}"
        file.write_text(content.replace(before, after), "utf-8")


def sections() -> dict[str, list[Change]]:
    """Return the changes of every section "Add a ...", by what it adds."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    found: dict[str, list[Change]] = {}
    for match in _SECTION.finditer(page):
        text = page[match.end() :].partition("\n## ")[0]
        found[match["what"]] = [
            _change(text, block)
            for block in _BLOCK.finditer(text)
            if block["language"] in {"python", "markdown", "diff"}
        ]
    return found


def _change(section: str, block: re.Match[str]) -> Change:
    place = list(_PLACE.finditer(section, 0, block.start()))[-1]
    whole = place["how"] == "Write"
    assert whole == (block["language"] != "diff"), f"{place['path']}: a file is written whole, a diff changes one"
    return Change(place["path"], textwrap.dedent(block["text"]) if whole else _outdented(block), whole)


def _outdented(block: re.Match[str]) -> str:
    """Return a diff without the indent of its list; the blank that marks a kept line is its own."""
    return "".join(line.removeprefix(block["indent"]) for line in block["text"].splitlines(keepends=True))


def commands(what: str) -> list[str]:
    """Return the commands that a section tells people to run afterwards."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    text = re.split(rf"^## Add an? {re.escape(what)}$", page, flags=re.MULTILINE)[1].partition("\n## ")[0]
    return [
        line for block in _BLOCK.finditer(text) if block["language"] == "bash" for line in block["text"].splitlines()
    ]


def copied(directory: Path) -> Path:
    """Return a copy of the repository as a newcomer has it."""
    return Path(shutil.copytree(ROOT, directory / "clone", ignore=NOT_COPIED))
