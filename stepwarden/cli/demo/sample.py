"""The program that the demo debugs: a copy of the one that ships beside this file, in a directory of its own."""

import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

MAIN = "main.py"
RUN_S = 60.0  # for one run of the program, which takes a few tenths of a second
SUFFIX = ".txt"  # of the files as they ship, so that no tool takes them for code of this package


@dataclass(frozen=True)
class SampleRun:
    """The output and exit code of one run of the program."""

    output: str
    code: int


@dataclass(frozen=True)
class Sample:
    """The copy in `directory`."""

    directory: Path

    @property
    def files(self) -> list[str]:
        """The names of its files, the main one first."""
        return sorted((path.name for path in self.directory.glob("*.py")), key=lambda name: (name != MAIN, name))

    @property
    def line_count(self) -> int:
        """The lines of all its files."""
        return sum(len(self._lines(file)) for file in self.files)

    def run(self) -> SampleRun:
        """Run the program; raises OSError or SubprocessError where it cannot be run."""
        # -B: a compiled file from the same second would be used after the fix
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-B", MAIN],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_S,
            check=False,
        )
        return SampleRun(done.stdout.strip(), done.returncode)

    def find(self, file: str, words: str) -> int:
        """Return the number of the first line of `file` with `words`; raises LookupError where there is none."""
        for number, text in enumerate(self._lines(file), 1):
            if words in text:
                return number
        raise LookupError(f"{file} of the sample program has no line with {words!r}")

    def line(self, file: str, number: int) -> str:
        """Return a line without its indentation."""
        return self._lines(file)[number - 1].strip()

    def read(self, file: str, first: int, last: int) -> str:
        """Return lines with their numbers, as the read tools of hosts do."""
        lines = self._lines(file)[first - 1 : last]
        return "\n".join(f"{number:6}\t{text}" for number, text in enumerate(lines, first))

    def fix(self, file: str, number: int, wrong: str, right: str) -> None:
        """Replace `wrong` by `right` in one line."""
        lines = self._lines(file)
        lines[number - 1] = lines[number - 1].replace(wrong, right)
        (self.directory / file).write_text("\n".join([*lines, ""]), encoding="utf-8")

    def _lines(self, file: str) -> list[str]:
        return (self.directory / file).read_text(encoding="utf-8").splitlines()


def copy_sample(directory: Path) -> Sample:
    """Copy the program into `directory`, which is created."""
    directory.mkdir()
    for shipped in (resources.files(__package__ or __name__) / "program").iterdir():
        if shipped.name.endswith(SUFFIX):
            (directory / shipped.name.removesuffix(SUFFIX)).write_bytes(shipped.read_bytes())
    return Sample(directory)
