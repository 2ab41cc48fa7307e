"""What the files under review show by themselves, or by the change that they are in, as facts with their places."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.inspections.context import InspectedPlace
from stepwarden.inspections.precommit.changeset import ComparisonRequest
from stepwarden.inspections.precommit.inspector import change_facts, read_all, with_callers
from stepwarden.inspections.precommit.risks import RISKS, BeforeAndAfter, ChangeRisk, find_risks
from stepwarden.inspections.shared.fact_text import clip, list_some, table
from stepwarden.inspections.shared.faults.caller_checks import CallerChecks, ImportChecks
from stepwarden.inspections.shared.faults.file_faults import IN_CHANGES, find_file_faults
from stepwarden.inspections.shared.manifests import read_package_names
from stepwarden.source.git.change import FileChange
from stepwarden.source.git.command import GitFailed
from stepwarden.source.git.discovery import find_repositories
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.modules import Modules
from stepwarden.source.outline import Definition
from stepwarden.source.scan.derived import content_key
from stepwarden.source.testfiles import is_test_file

FAULT_BYTES = 136
WIDE_SECONDS = 6.0  # for the files around those under review, where their callers are
MOST_AROUND = 1_500  # source files of a directory in which callers are searched
MOST_CHECKED = 150  # files under review, whose texts are searched
MOST_SAID = 12  # faults in one reply; the report has the others
MOST_ROWS = 150  # of the table
STANDING = 100  # the rank of what stood before the change
"""Ranks below it are those of the change itself."""


@dataclass(frozen=True, slots=True)
class ShownFault:
    """One place that the code itself speaks of; smaller ranks are more pressing."""

    path: str
    line: int
    what: str
    rank: int

    @property
    def place(self) -> str:
        """The file, with the line where there is one."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class ReviewedChange:
    """What changed in the files under review since the last commit, with the risks of that."""

    files: Sequence[FileChange] = ()
    risks: Sequence[ChangeRisk] = ()
    sides: dict[str, BeforeAndAfter] | None = None


def find_shown_faults(context: InspectedPlace, paths: Sequence[str]) -> list[ShownFault]:
    """Return what the files `paths` show, the most pressing first: of their change, then of what stood before."""
    change = _read_change(context, paths)
    graph = _read_graph(context, paths)
    found = [*_of_change(context, change, graph), *_of_files(context, paths)]
    if graph is not None:
        found += _of_callers(context, paths, graph)
        found += () if change.files else _untested(paths, graph)
    told = {(fault.path, fault.line) for fault in found if fault.rank < STANDING}
    kept = [fault for fault in found if fault.rank < STANDING or (fault.path, fault.line) not in told]
    return sorted(dict.fromkeys(kept), key=lambda fault: (fault.rank, fault.path, fault.line))


def fault_facts(faults: Sequence[ShownFault]) -> list[str]:
    """Return the faults as facts, the same of one file in one line."""
    groups: dict[tuple[str, str, int], list[ShownFault]] = {}
    for fault in faults:
        groups.setdefault((fault.path, fault.what, fault.rank), []).append(fault)
    lines: list[str] = []
    for (_, what, _), group in groups.items():
        others = list_some([f":{fault.line}" for fault in group[1:]], 4)
        lines.append(clip(f"{group[0].place}{f', {others}' if others else ''} {what}", FAULT_BYTES))
    left = len(lines) - MOST_SAID
    return [*lines[:MOST_SAID], f"{left} more such places are in the report."] if left > 0 else lines


def fault_table(faults: Sequence[ShownFault]) -> str:
    """Return the table of the report."""
    rows = [(f"`{fault.place}`", fault.what, "now" if fault.rank < STANDING else "before") for fault in faults]
    return table(("Place", "What stands there", "Since"), rows[:MOST_ROWS])


def _read_change(context: InspectedPlace, paths: Sequence[str]) -> ReviewedChange:
    directory = context.workspace.directory
    if directory is None:
        return ReviewedChange()
    try:
        found = find_repositories(context.reader.git, context.root, directory, until=context.until)
        parts, _ = read_all(found.repositories, context.root, ComparisonRequest(), context.until)
        wanted = set(paths)
        files = [change for part in parts for change in part.files if change.path in wanted]
        facts = change_facts(context.root, parts, files)
        risks = [risk for risk in find_risks(facts) if risk.kind != "untested"]
        named = with_callers(context, risks, found.repositories)
        risks = [replace(risk, places=one.places) for risk, one in zip(risks, named, strict=True)]
        return ReviewedChange(files, risks, dict(facts.sides))
    except GitFailed:
        return ReviewedChange()


def _read_graph(context: InspectedPlace, paths: Sequence[str]) -> CodeGraph | None:
    """Return the graph of the working directory; None where it is large, or not read as a whole in WIDE_SECONDS.

    What the same files came to before, and what was resolved in it, is not worked out again.
    """
    until = min(context.until, time.monotonic() + WIDE_SECONDS)
    scan = context.reader.scan(context.root, (context.directory,), until=until)
    if not scan.complete or len(scan.outlines) > MOST_AROUND or not set(paths) & scan.outlines.keys():
        return None
    packages = read_package_names(context.root, scan.others)
    key = content_key("graph", scan.hashes, sorted(scan.outlines), sorted(packages.items()))
    return context.reader.derived.get(key, lambda: CodeGraph(scan.outlines, packages))


def _of_change(context: InspectedPlace, change: ReviewedChange, graph: CodeGraph | None) -> Iterator[ShownFault]:
    checks = _caller_checks(context, graph) if graph is not None else None
    for risk in change.risks:
        what = f"{risk.what}{_effects(change, risk, checks)}"
        yield ShownFault(risk.path, risk.line, what, RISKS.index(risk.kind))
    if graph is not None and checks is not None:
        yield from _private_broken(change, checks)
        yield from _untested_new(change, graph)


def _effects(change: ReviewedChange, risk: ChangeRisk, checks: CallerChecks | None) -> str:
    """Return which callers a changed interface breaks, or rely on a changed default; else how many files name it."""
    side = (change.sides or {}).get(risk.path)
    if (
        checks is not None
        and risk.qualified
        and side is not None
        and side.before is not None
        and side.after is not None
    ):
        before, after = (_parameters(one.definitions, risk.qualified) for one in (side.before, side.after))
        default = side.text.defaults.get(risk.qualified)
        if broken := checks.find_broken(risk.path, risk.qualified, before, after):
            return f"; breaks {_places(risk.path, broken)}"
        if default is not None and before == after:
            relying = checks.find_relying(risk.path, risk.qualified, default.parameters)
            return f"; relied on at {_places(risk.path, relying)}" if relying else ""
        if (gone := _imported_at(checks.graph, risk)) and after == before == ():
            return f"; imported at {_places(risk.path, gone)}"
    return f"; named in {list_some(risk.places, 2)}" if risk.kind == "interface" and risk.places else ""


def _private_broken(change: ReviewedChange, checks: CallerChecks) -> Iterator[ShownFault]:
    """Yield the functions that are not public, take other parameters now, and have callers that do not fit."""
    told = {(risk.path, risk.qualified) for risk in change.risks}
    for path, side in (change.sides or {}).items():
        before = {item.qualified: item for item in side.before.definitions} if side.before is not None else {}
        for item in side.after.definitions if side.after is not None else ():
            was = before.get(item.qualified)
            if was is None or was.parameters == item.parameters or (path, item.qualified) in told:
                continue
            if broken := checks.find_broken(path, item.qualified, was.parameters, item.parameters):
                what = f"{item.qualified} takes other parameters; breaks {_places(path, broken)}"
                yield ShownFault(path, item.line, what, RISKS.index("interface"))


def _places(path: str, places: Sequence[str]) -> str:
    """Return the first two places, those of the file itself by their lines alone."""
    return list_some([place.removeprefix(path) for place in places], 2)


def _parameters(definitions: Iterable[Definition], qualified: str) -> tuple[str, ...]:
    return next((item.parameters for item in definitions if item.qualified == qualified), ())


def _imported_at(graph: CodeGraph, risk: ChangeRisk) -> list[str]:
    return [f"{one.path}:{one.line}" for one in graph.imports.importers_of(risk.path) if risk.qualified in one.names]


def _untested_new(change: ReviewedChange, graph: CodeGraph) -> Iterator[ShownFault]:
    """Yield the public functions that a change adds and that no test names, where there are tests at all."""
    tests, named = _names_in_tests(graph)
    for path, side in (change.sides or {}).items():
        if not tests or is_test_file(path) or side.after is None or path not in {each.path for each in change.files}:
            continue
        before = {item.qualified for item in side.before.definitions} if side.before is not None else set[str]()
        for item in side.after.definitions:
            if _is_new_code(item) and item.qualified not in before and item.name not in named:
                yield ShownFault(path, item.line, f"{item.qualified} is new, and no test calls it", RISKS.index("test"))


def _untested(paths: Sequence[str], graph: CodeGraph) -> Iterator[ShownFault]:
    """Yield for each file under review which of its public functions no test calls by name, where there are tests."""
    tests, named = _names_in_tests(graph)
    for path in paths[:MOST_CHECKED] if tests else ():
        if path not in graph.outlines or is_test_file(path):
            continue
        items = [item for item in graph.outlines[path].definitions if item.public and _is_new_code(item)]
        if missed := [item for item in items if item.name not in named]:
            names = list_some([f"{item.qualified} :{item.line}" for item in missed], 3)
            yield ShownFault(path, missed[0].line, f"no test calls by name: {names}", STANDING + IN_CHANGES - 1)


def _names_in_tests(graph: CodeGraph) -> tuple[bool, frozenset[str]]:
    """Return whether there are tests, and the names that they call or import."""
    tests = [outline for path, outline in graph.outlines.items() if is_test_file(path)]
    called = {call.name for outline in tests for call in outline.calls}
    imported = {name for outline in tests for item in outline.imports for name, _ in item.names}
    return bool(tests), frozenset(called | imported)


def _is_new_code(item: Definition) -> bool:
    """Whether tests are expected to call it by its name: it is neither private nor called by a decorator."""
    names = item.qualified.split(".")
    special = any(name.startswith("_") for name in names) or item.decorators or item.exempt
    return item.kind.value in {"function", "method"} and not special


def _of_files(context: InspectedPlace, paths: Sequence[str]) -> Iterator[ShownFault]:
    for path in paths[:MOST_CHECKED]:
        if time.monotonic() > context.until:
            return
        data = None if is_test_file(path) else _read(context, path)
        for fault in find_file_faults(path, data) if data is not None else ():
            if fault.rank < IN_CHANGES:
                yield ShownFault(path, fault.line, fault.what, STANDING + fault.rank)


def _of_callers(context: InspectedPlace, paths: Sequence[str], graph: CodeGraph) -> Iterator[ShownFault]:
    """Yield calls and imports that do not fit what the files under review define."""
    checks = _caller_checks(context, graph)
    modules = Modules(graph.outlines, {})
    imports = ImportChecks(graph, modules, lambda path: _read(context, path))
    for path in paths[:MOST_CHECKED]:
        if path not in graph.outlines or is_test_file(path) or time.monotonic() > checks.until:
            continue
        for place, fault in (*checks.find_misfits(path), *imports.find_missing(path)):
            yield ShownFault(place, fault.line, fault.what, STANDING + fault.rank)


def _caller_checks(context: InspectedPlace, graph: CodeGraph) -> CallerChecks:
    until = min(context.until, time.monotonic() + WIDE_SECONDS)
    return CallerChecks(graph, lambda path: _read(context, path), until)


def _read(context: InspectedPlace, path: str) -> bytes | None:
    data = read_file(context.root, path)
    return None if isinstance(data, Unread) else data
