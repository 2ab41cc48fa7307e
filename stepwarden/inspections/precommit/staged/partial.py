"""What a commit of the staged part alone would lack, because only what is not staged has it."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from stepwarden.inspections.precommit.staged.go_gaps import GoGaps
from stepwarden.inspections.precommit.staged.names import Gap
from stepwarden.inspections.precommit.staged.python_gaps import PythonGaps
from stepwarden.inspections.precommit.staged.script_gaps import ScriptGaps
from stepwarden.inspections.precommit.staged.trees import StagedTrees, Tree, read_trees
from stepwarden.source.git.command import GitFailed, GitSlow
from stepwarden.source.git.repository import Repository, Status
from stepwarden.source.languages import language_of
from stepwarden.source.outline import SCRIPTS, Language

MOST_TOLD = 20
_DECLARED = (
    rb"\b(?:def|class|func|function|type|interface|enum|const|let|var|async)\s+(?:\([^)]*\)\s*)?\*?\s*NAME(?!\w)"
    rb"|^\s*(?:static\s+|async\s+|(?:public|private|protected|readonly)\s+)*#?NAME\s*(?:[:=<]|\([^()]*\)\s*[:{])"
)
_NAMED = rb"(?<!\w)NAME(?!\w)"


class _Gaps(Protocol):
    """Finds what the files of one tree use and the tree does not have."""

    def find(self, path: str) -> Iterator[Gap]:
        """Yield the gaps of a file."""
        ...

    def provides(self, source: str, name: str) -> bool:
        """Whether a source of the tree has `name`."""
        ...


@dataclass(frozen=True, slots=True)
class StagedGap:
    """A staged line that needs something not staged: `what` it does, and in words the `place` of that, in `source`."""

    path: str
    line: int
    what: str
    place: str
    source: str


@dataclass(frozen=True, slots=True)
class _Sides:
    """What finds the gaps of one language before the change, as it is staged, and on disk."""

    before: _Gaps
    staged: _Gaps
    disk: _Gaps


def read_gaps(
    repository: Repository, status: Status, naming: Callable[[str], str], *, until: float
) -> tuple[StagedGap, ...]:
    """Return what the staged part of a repository lacks, where git can say it.

    `naming` gives the canonical name of a path, "" for one that is not told. Raises GitSlow.
    """
    try:
        trees = read_trees(repository, status, until=until)
    except GitSlow:
        raise
    except GitFailed:
        return ()
    gaps = find_staged_gaps(trees, until=until) if trees is not None else []
    return tuple(
        replace(gap, path=path, place=gap.place.replace(gap.source, naming(gap.source) or gap.source))
        for gap in gaps
        if (path := naming(gap.path))
    )


def find_staged_gaps(trees: StagedTrees, *, until: float) -> list[StagedGap]:
    """Return what the staged part lacks, and neither the last commit nor the work tree does; as far as time allows."""
    found: dict[tuple[str, str], StagedGap] = {}
    languages = _by_language(trees)
    for path in trees.paths:
        if time.monotonic() > until:
            break
        language = language_of(path)
        sides = languages.get(language) if language is not None and trees.staged.has(path) else None
        gaps = list(sides.staged.find(path)) if sides is not None else []
        if sides is None or not gaps:
            continue
        others = {gap.what for side in (sides.before, sides.disk) for gap in side.find(path)}
        for gap in gaps:
            had = [(side, source) for side in (sides.disk, sides.before) for source in gap.sources]
            holders = [source for side, source in had if side.provides(source, gap.name)]
            if gap.what not in others and (holders or not gap.needs):
                found.setdefault((path, gap.what), _told(trees, gap, holders or list(gap.sources)))
    return list(found.values())[:MOST_TOLD]


def _by_language(trees: StagedTrees) -> dict[Language, _Sides]:
    before, staged, disk = trees.before, trees.staged, trees.disk
    python, scripts = PythonGaps(before), ScriptGaps(before)
    return {
        Language.PYTHON: _Sides(python, python.beside(staged), python.beside(disk)),
        Language.GO: _Sides(GoGaps(before), GoGaps(staged), GoGaps(disk)),
        **dict.fromkeys(SCRIPTS, _Sides(scripts, scripts.beside(staged), scripts.beside(disk))),
    }


def _told(trees: StagedTrees, gap: Gap, sources: list[str]) -> StagedGap:
    """Return a gap with the place of what it lacks; where that is gone on purpose, of what still uses it."""
    name = gap.name.rpartition(".")[2]
    for source in sources if not gap.name else ():
        if trees.disk.has(source):
            return StagedGap(gap.path, gap.line, gap.what, f"{source} is not staged", source)
    files = [file for source in sources for file in _files_of(trees.disk, source)] if gap.name else []
    for pattern in (_DECLARED, _NAMED):
        for file in files:
            if line := _new_line(trees, file, re.compile(pattern.replace(b"NAME", re.escape(name.encode())))):
                return StagedGap(gap.path, gap.line, gap.what, f"that is in the unstaged {file}:{line}", file)
    why = "gone as staged; " if gap.needs else ""
    return StagedGap(gap.path, gap.line, gap.what, f"{why}only the unstaged part mends it", gap.path)


def _files_of(tree: Tree, source: str) -> list[str]:
    """Return a file itself, and of a directory (a package of Go) its files."""
    return [source] if tree.has(source) else tree.files_in(source, ".go")


def _new_line(trees: StagedTrees, path: str, pattern: re.Pattern[bytes]) -> int:
    """Return the first line on disk that has something and is not staged, 0 for none."""
    staged = set((trees.staged.read(path) or b"").split(b"\n"))
    lines = enumerate((trees.disk.read(path) or b"").split(b"\n"), 1)
    return next((number for number, line in lines if line not in staged and pattern.search(line)), 0)
