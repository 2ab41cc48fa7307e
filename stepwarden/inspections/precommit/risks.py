"""The risks of a change, from its files and lines alone."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import commonpath, dirname, isabs, join, normpath
from typing import Any

from stepwarden.files.secret_values import find_secrets
from stepwarden.files.secrets import is_secret
from stepwarden.inspections.precommit.behaviour import find_changed_behaviour
from stepwarden.inspections.precommit.leftovers import CONFLICT, find_leftover
from stepwarden.inspections.precommit.public_interface import OTHERWISE, find_broken_interface
from stepwarden.inspections.precommit.staged.partial import StagedGap
from stepwarden.inspections.shared.faults.text_changes import NO_TEXT_CHANGES, TextChanges
from stepwarden.source.git.change import TOO_LARGE, FileChange
from stepwarden.source.languages import language_of
from stepwarden.source.outline import DefinitionKind, Outline
from stepwarden.source.testfiles import is_test_file

LARGE_BYTES = 1024 * 1024
MOST_OF_A_KIND = 5  # risks of one kind in one file that are listed

_MIGRATION = re.compile(
    r"(?:^|/)(?:migrations?|db/migrate|alembic/versions|flyway|liquibase)/(?!.*__init__\.py$)[^/]+"
    r"\.(?:py|sql|rb|xml|ya?ml|[jt]s|go|php)$|(?:^|/)[VU]\d[\w.]*__\w+\.sql$",
    re.IGNORECASE,
)
_REMOVES_DATA = re.compile(
    r"\b(?:DROP\s+(?:TABLE|COLUMN|INDEX|SCHEMA|DATABASE)|TRUNCATE\s+|DELETE\s+FROM|RemoveField|DeleteModel|drop_column"
    r"|drop_table|dropColumn|dropTable|remove_column)",
    re.IGNORECASE,
)
# Manifests, and the lock files beside them.
LOCKS: Mapping[str, tuple[str, ...]] = {
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock"),
    "Pipfile": ("Pipfile.lock",),
    "package.json": ("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
    "go.mod": ("go.sum",),
    "Cargo.toml": ("Cargo.lock",),
    "Gemfile": ("Gemfile.lock",),
    "composer.json": ("composer.lock",),
}
LOCK_NAMES = frozenset(name for names in LOCKS.values() for name in names)
_VERSION = re.compile(r"""["'][\w@/.-]+(?:\[[\w,]+\])?\s*[<>=~!^]=?\s*\d|["']\s*[\^~>=<]*\s*\d+\.\d|\sv\d+\.\d+\.\d""")
_BOUNDS = ("a comparison changed", "a limit ", "a condition ")
_GENERATED = re.compile(r"\.(?:lock|min\.js|min\.css|map|snap|svg|pb\.go|g\.dart)$|_pb2(?:_grpc)?\.pyi?$")


@dataclass(frozen=True, slots=True)
class ChangeRisk:
    """One thing in a change that has to be reviewed.

    `kind` is one of RISKS; `line` is where it is now, 0 for the whole file. `what` describes it. `places` are other
    files where it can have effects: callers, the lock file. `name` is what callers mention, where they are searched,
    `qualified` the definition that it is about.
    """

    kind: str
    path: str
    line: int
    what: str
    places: tuple[str, ...] = ()
    name: str = ""
    qualified: str = ""

    @property
    def place(self) -> str:
        """Where it is now: a line, or a whole file."""
        return f"{self.path}:{self.line}" if self.line else self.path

    def kept(self) -> list[Any]:
        """Return the risk as JSON values."""
        return [self.kind, self.path, self.line, self.what]


RISKS = (
    "conflict",
    "secret",
    "partial",
    "interface",
    "behaviour",
    "migration",
    "leftover",
    "test",
    "untested",
    "lock",
    "large",
    "note",
)
"""The kinds of risk, the most pressing first."""


@dataclass(frozen=True, slots=True)
class BeforeAndAfter:
    """What is known of a changed file: its outlines before and after, and whether it wrote to the terminal before.

    `text` is what its text shows of the change beside that, `dropped` are names of others that it handed on before.
    """

    before: Outline | None = None
    after: Outline | None = None
    printed: bool = False
    text: TextChanges = NO_TEXT_CHANGES
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """What risks are found from.

    `sides` is what is known of files before and after, `sizes` the bytes of new ones, `locks` the existing lock files,
    `gaps` the staged lines that need what is not staged.
    """

    files: Sequence[FileChange]
    sides: Mapping[str, BeforeAndAfter] = field(default_factory=dict[str, BeforeAndAfter])
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    locks: frozenset[str] = frozenset()
    gaps: Sequence[StagedGap] = ()


def is_generated(change: FileChange) -> bool:
    """Whether a program wrote the file, so that it need not be read line by line."""
    return is_generated_name(change.path)


def is_generated_name(path: str) -> bool:
    """Whether a program writes files of this name."""
    return bool(_GENERATED.search(path)) or PurePosixPath(path).name in LOCK_NAMES


def find_risks(facts: ChangeFacts) -> list[ChangeRisk]:
    """Return the risks of a change, the most pressing kind first, then in the order of files and lines."""
    found = [
        *(risk for change in facts.files for risk in _risks_of_file(change, facts)),
        *_missing_tests(facts.files),
        *_stale_locks(facts.files, facts.locks),
        *(ChangeRisk("partial", gap.path, gap.line, f"{gap.what}; {gap.place}") for gap in facts.gaps),
    ]
    return sorted(found, key=lambda risk: (RISKS.index(risk.kind), risk.path, risk.line))


def _risks_of_file(change: FileChange, facts: ChangeFacts) -> Iterator[ChangeRisk]:
    sides = facts.sides.get(change.path, BeforeAndAfter())
    if change.status != "D":
        if is_secret(PurePosixPath(change.path).parts):
            yield ChangeRisk("secret", change.path, 0, "a file with secrets, by its name")
        elif change.withheld:
            yield ChangeRisk("secret", change.path, 0, "credentials, by what the file holds")
    if change.status == "U":
        yield ChangeRisk("conflict", change.path, 0, "an unmerged file")
    if change.is_link and _leaves_tree(change):
        yield ChangeRisk("note", change.path, 1, "a link to a place outside this directory")
    if not is_generated(change):
        yield from _risks_of_lines(change, sides)
    if not is_test_file(change.path):
        yield from _risks_of_interface(change, sides)
        yield from _risks_of_behaviour(change, sides, facts.files)
    else:
        yield from _risks_of_tests(change, sides)
    if change.status != "D" and _MIGRATION.search(change.path):
        line = next((number for number, text in change.added if _REMOVES_DATA.search(text)), 0)
        yield ChangeRisk("migration", change.path, line, "a migration that removes data" if line else "a migration")
    size = facts.sizes.get(change.path, 0)
    if change.status in {"A", "?"} and size > LARGE_BYTES:
        is_lock = PurePosixPath(change.path).name in LOCK_NAMES  # text, whatever attributes say
        kind = "a new binary" if change.binary and change.why != TOO_LARGE and not is_lock else "a new file"
        yield ChangeRisk("large", change.path, 0, f"{kind} of {size / LARGE_BYTES:.1f} MB")


def _leaves_tree(change: FileChange) -> bool:
    target = change.added[0][1] if change.added else ""
    return isabs(target) or normpath(join(dirname(change.path), target)).startswith("..")


def _risks_of_lines(change: FileChange, sides: BeforeAndAfter) -> Iterator[ChangeRisk]:
    counts: dict[str, int] = {}
    secrets = _find_added_secrets(change)
    for number, text in change.added:
        if CONFLICT.match(text):
            kind, what = "conflict", "a conflict marker"
        elif secret := secrets.get(number):
            kind, what = "secret", secret
        elif leftover := find_leftover(change.path, text, prints_before=sides.printed):
            kind, what = ("note" if leftover.startswith("a note") else "leftover"), leftover
        else:
            continue
        counts[what] = counts.get(what, 0) + 1
        if counts[what] <= MOST_OF_A_KIND:
            yield ChangeRisk(kind, change.path, number, what)


def _find_added_secrets(change: FileChange) -> dict[int, str]:
    """Return what secrets the added lines hold, by their numbers; lines that follow each other are read together."""
    found: dict[int, str] = {}
    lines = change.added
    start = 0
    for at in range(1, len(lines) + 1):
        if at == len(lines) or lines[at][0] != lines[at - 1][0] + 1:
            text = "\n".join(text for _, text in lines[start:at])
            found |= {lines[start + number - 1][0]: kind for number, kind in find_secrets(text, change.path)}
            start = at
    return found


def _risks_of_interface(change: FileChange, sides: BeforeAndAfter) -> Iterator[ChangeRisk]:
    broken = find_broken_interface(sides.before, sides.after)
    if change.status == "D" and len(broken) > MOST_OF_A_KIND:
        yield ChangeRisk("interface", change.path, 0, f"{len(broken)} public definitions are gone with the file")
        return
    if change.status == "R" and language_of(change.path) is not None:
        yield ChangeRisk("interface", change.path, 0, f"moved from {change.before}; check its importers")
    defaults = sides.text.defaults
    for item in broken:
        how = defaults[item.qualified].what if item.how == OTHERWISE and item.qualified in defaults else item.how
        what = f"{item.qualified} {how}" if how == item.how else f"{item.qualified}: {how}"
        yield ChangeRisk("interface", change.path, item.line, what, name=item.name, qualified=item.qualified)
    told = {item.qualified for item in broken}
    for qualified, default in sorted(defaults.items(), key=lambda item: item[1].line):
        if qualified not in told:
            what = f"{qualified}: {default.what}"
            yield ChangeRisk("behaviour", change.path, default.line, what, qualified=qualified)
    for line, what in sides.text.gone:
        yield ChangeRisk("interface", change.path, line, what)


def _risks_of_behaviour(change: FileChange, sides: BeforeAndAfter, files: Sequence[FileChange]) -> Iterator[ChangeRisk]:
    counts: dict[str, int] = {}
    found = [] if is_generated(change) else find_changed_behaviour(change)
    told = {line for line, _ in found}
    found += [(fault.line, fault.what) for fault in sides.text.faults if fault.line not in told]
    for line, what in sorted(found):
        counts[what] = counts.get(what, 0) + 1
        if counts[what] <= MOST_OF_A_KIND:
            yield ChangeRisk("behaviour", change.path, line, what + _edge_note(what, line, sides, files))


def _edge_note(what: str, line: int, sides: BeforeAndAfter, files: Sequence[FileChange]) -> str:
    """Return that no test of the change names the function of a changed bound or condition, "" for other changes."""
    if not what.startswith(_BOUNDS) or sides.after is None:
        return ""
    around = [item for item in sides.after.definitions if item.name and item.line <= line <= item.end_line]
    name = max(around, key=lambda item: item.line).name if around else ""
    tests = [change for change in files if is_test_file(change.path)]
    if not name or any(re.search(rf"\b{re.escape(name)}\b", text) for change in tests for _, text in change.added):
        return ""
    return f"; no test of {name} changed"


def _risks_of_tests(change: FileChange, sides: BeforeAndAfter) -> Iterator[ChangeRisk]:
    if sides.before is None:
        return
    left = {item.qualified for item in sides.after.definitions} if sides.after is not None else set[str]()
    gone = [item for item in sides.before.definitions if _is_test(item.name, item.kind) and item.qualified not in left]
    moved = len(left) - len({item.qualified for item in sides.before.definitions})
    if gone and moved < 0:
        names = ", ".join(item.name for item in gone[:2])
        yield ChangeRisk(
            "test", change.path, 0, f"{len(gone)} tests removed: {names}" if len(gone) > 1 else f"{names} is gone"
        )


def _is_test(name: str, kind: DefinitionKind) -> bool:
    return kind in {DefinitionKind.FUNCTION, DefinitionKind.METHOD} and name.lower().startswith("test")


def _missing_tests(files: Sequence[FileChange]) -> Iterator[ChangeRisk]:
    code = [change for change in files if _is_code(change) and not is_test_file(change.path)]
    tests = [change for change in files if is_test_file(change.path) and change.status != "D" and change.lines_added]
    changed = sum(change.lines for change in code)
    if code and not tests:
        heaviest = max(code, key=lambda change: (change.lines, change.path))
        yield ChangeRisk("untested", heaviest.path, 0, f"{changed} lines of code changed, no test with them")


def _is_code(change: FileChange) -> bool:
    return (
        language_of(change.path) is not None and not is_generated(change) and change.status != "D" and change.lines > 0
    )


def lock_names(files: Sequence[FileChange]) -> tuple[str, ...]:
    """Return the names that lock files beside the changed files can have."""
    paths = [PurePosixPath(change.path) for change in files]
    return tuple(str(path.with_name(lock)) for path in paths for lock in LOCKS.get(path.name, ()))


def _stale_locks(files: Sequence[FileChange], existing: frozenset[str]) -> Iterator[ChangeRisk]:
    names = {change.path for change in files}
    for change in files:
        beside = set(lock_names([change])) & existing
        line = next((number for number, text in change.added if _VERSION.search(text)), 0)
        if change.status == "M" and beside and not beside & names and line:
            what = "a version changed, the lock file did not"
            yield ChangeRisk("lock", change.path, line, what, tuple(sorted(beside)))


def sort_callers(path: str, places: Sequence[str]) -> tuple[str, ...]:
    """Return the places in languages that can call `path`: the nearest first, tests last."""
    family = _family(path)
    others = [place for place in places if place != path and _family(place) == family]
    return tuple(sorted(others, key=lambda place: (is_test_file(place), -_common(path, place), place)))


def _family(path: str) -> str:
    language = language_of(path)
    if language is None:
        return ""
    return {"typescript": "javascript", "cpp": "c"}.get(language.value, language.value)


def _common(path: str, other: str) -> int:
    return len(commonpath(["/" + path, "/" + other]))
