"""What files and reported runs say of the tests: which ran, failed or were skipped, and which lines ran."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.inspections.context import InspectionContext
from stepwarden.inspections.shared.fact_text import clip, list_some
from stepwarden.inspections.shared.subject import is_function, read_text
from stepwarden.inspections.testgen.covered_lines import lines_of, ran_and_missed, ranges_of, read_coverage
from stepwarden.inspections.testgen.passed_on import Function
from stepwarden.inspections.testgen.test_cases import find_tests
from stepwarden.inspections.testgen.test_results import (
    FAILED,
    PASSED,
    SKIPPED,
    ResultIndex,
    TestResult,
    count_output,
    count_results,
    read_junit,
    read_output,
)
from stepwarden.source.outline import Outline
from stepwarden.steps.clause import Clause

JUNIT_FILES = ("junit.xml", "test-results/junit.xml", "test-results.xml", "reports/junit.xml")
COVERAGE_FILES = ("coverage.xml", "lcov.info", "coverage/lcov.info", "coverage/cobertura-coverage.xml")
FACT_BYTES = 150
MOST_PARTLY = 4  # functions whose lines are told that never ran


@dataclass
class MeasuredTests:
    """Results by run, the latest last, and covered lines; `facts` say where they come from.

    `source` names the coverage file.
    """

    facts: list[str] = field(default_factory=list[str])
    results: list[list[TestResult]] = field(default_factory=list[list[TestResult]])
    covered: dict[str, Mapping[int, bool]] = field(default_factory=dict[str, Mapping[int, bool]])
    source: str = ""

    @cached_property
    def _indexes(self) -> list[ResultIndex]:
        return [ResultIndex(results) for results in reversed(self.results)]

    def status_of(self, path: str, name: str) -> str:
        """Return what a test of a file did in the last run that had it, "" where none did."""
        return next((status for index in self._indexes if (status := index.status_of(path, name))), "")


def measure_tests(context: InspectionContext, paths: Sequence[str]) -> MeasuredTests:
    """Read what is there: files that the thread names, those by their usual names, runs that the agent reports."""
    found = MeasuredTests()
    named = [path for step in context.thread.live for path in step.submission.relevant]
    here = f"{context.directory}/" if context.directory else ""
    for path in dict.fromkeys((*named, *(here + name for name in (*JUNIT_FILES, *COVERAGE_FILES)))):
        if path.endswith((".xml", ".info")):
            _read(context, found, path, paths, is_named=path in named)
    for _, run in context.thread.claims.runs:
        results = read_output(run.output)
        counted = count_output(run.output) or count_results(results)
        if any(counted.values()):
            found.facts.append(_told(f"`{clip(run.command, 40)}`, as you report it", counted, results))
            found.results.append(results)
    return found


def _read(context: InspectionContext, found: MeasuredTests, path: str, paths: Sequence[str], *, is_named: bool) -> None:
    data = read_file(context.root, path)
    if isinstance(data, Unread):
        if is_named and context.thread.claims.files.get(path):
            found.facts.append(clip(f"{path}: {data.note}", FACT_BYTES))
        return
    is_coverage = path.endswith(".info") or b"<coverage" in data[:4096]
    if is_coverage:
        covered = read_coverage(path, data)
        if isinstance(covered, str):
            found.facts.append(clip(f"{path} {covered}.", FACT_BYTES))
        elif mine := lines_of(covered, paths):
            fresh = {name: lines for name, lines in mine.items() if not _is_older(context.root, path, name)}
            if len(fresh) < len(mine):
                stale = sorted(mine.keys() - fresh.keys())
                found.facts.append(clip(f"{path} is older than {list_some(stale, 2)}: not used for it.", FACT_BYTES))
            found.covered |= fresh
            found.source = path
        return
    results = read_junit(data)
    if isinstance(results, str):
        if is_named or "JUnit" not in results:
            found.facts.append(clip(f"{path} {results}.", FACT_BYTES))
    else:
        found.facts.append(_told(path, count_results(results), results))
        found.results.append(results)


def _is_older(root: str, path: str, other: str) -> bool:
    try:
        return Path(root, path).stat().st_mtime < Path(root, other).stat().st_mtime
    except OSError:
        return False


def _told(source: str, counted: Mapping[str, int], results: Iterable[TestResult]) -> str:
    """Return one line: how many ran, failed and were skipped, with the names of the first that failed."""
    ran = counted[PASSED] + counted[FAILED]
    bad = list(_names(results, FAILED))
    failed = f"{counted[FAILED]} failed{f': {list_some(bad, 3)}' if bad else ''}"
    skipped = list(_names(results, SKIPPED))
    left = f"{counted[SKIPPED]} skipped{f': {list_some(skipped, 2)}' if skipped else ''}"
    return clip(f"{source}: {ran} ran, {failed}; {left}", FACT_BYTES)


def _names(results: Iterable[TestResult], status: str) -> Iterator[str]:
    return (result.name for result in results if result.status == status)


def failed_clauses(
    context: InspectionContext, measured: MeasuredTests, outlines: Mapping[str, Outline], named: Sequence[str]
) -> Iterator[Clause]:
    """Yield for each named test file what failed or was skipped in it when it ran last: that covers nothing."""
    for path in named if measured.results else ():
        outline = outlines.get(path)
        cases = find_tests(outline, read_text(context, path) or "") if outline is not None else []
        status = {case.name: measured.status_of(path, case.name) for case in cases}
        for bad, words in ((FAILED, "failed when it ran"), (SKIPPED, "skipped when it ran, tests nothing")):
            names = [f"{case.name} ({case.line})" for case in cases if status[case.name] == bad and not case.skipped]
            if names:
                yield Clause("measured", path, clip(f"{path}: {words}: {list_some(names, 2)}", FACT_BYTES))


def _functions(targets: Mapping[str, Outline], measured: MeasuredTests) -> list[Function]:
    """Return the functions of measured files."""
    return [
        (path, item)
        for path, outline in targets.items()
        if path in measured.covered
        for item in outline.definitions
        if is_function(item)
    ]


def without_measured(
    targets: Mapping[str, Outline], measured: MeasuredTests, functions: Sequence[Function]
) -> list[Function]:
    """Return functions without those whose lines were measured: what ran says more than names."""
    ran, missed = ran_and_missed(_functions(targets, measured), measured.covered)
    return [pair for pair in functions if (key := (pair[0], pair[1].qualified)) not in ran and key not in missed]


def never_run(targets: Mapping[str, Outline], measured: MeasuredTests) -> list[Function]:
    """Return the measured functions of which no line ran."""
    ran, missed = ran_and_missed(_functions(targets, measured), measured.covered)
    never = missed.keys() - ran
    return [pair for pair in _functions(targets, measured) if (pair[0], pair[1].qualified) in never]


def never_ran_facts(targets: Mapping[str, Outline], measured: MeasuredTests) -> Iterator[str]:
    """Yield the lines that never ran of functions that did, those with the most lines first."""
    ran, missed = ran_and_missed(_functions(targets, measured), measured.covered)
    lines = {(path, item.qualified): item.line for path, item in _functions(targets, measured)}
    partly = sorted(ran & missed.keys(), key=lambda key: (-len(missed[key]), key))
    for path, name in partly[:MOST_PARTLY]:
        told = f"{path}:{lines[path, name]} {name}, lines {ranges_of(missed[path, name])}"
        yield clip(f"Never ran, by {measured.source}: {told}", FACT_BYTES)
