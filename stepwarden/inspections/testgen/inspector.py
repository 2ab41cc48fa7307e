"""Finds functions that no test reaches and how the project tests, and checks the tests that a thread names."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from stepwarden.inspections.context import MOST_CLAUSES, InspectionContext, InspectionResult
from stepwarden.inspections.shared.fact_text import clip, count, list_some
from stepwarden.inspections.shared.subject import Survey, incompleteness, is_function, read_text, survey
from stepwarden.inspections.testgen.baseline import KEPT, Baseline, encode_baseline, has_inline_tests
from stepwarden.inspections.testgen.code_index import CodeIndex, Key
from stepwarden.inspections.testgen.faults import Fault, FaultFinder
from stepwarden.inspections.testgen.measured_tests import (
    MeasuredTests,
    failed_clauses,
    measure_tests,
    never_ran_facts,
    never_run,
    without_measured,
)
from stepwarden.inspections.testgen.passed_on import Function, PassedOn
from stepwarden.inspections.testgen.reachability import CALLED_LANGUAGES, follow_calls, reached_from
from stepwarden.inspections.testgen.test_uses import VoidTest, find_test_uses
from stepwarden.source.outline import SCRIPTS, Definition, Import, Language, Outline
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection

TOLD = "test runs told"
NAMED_FUNCTIONS = 4  # in one fact
OTHER_LANGUAGES = frozenset({Language.JAVA, Language.RUST, Language.CSHARP})
"""Languages whose calls are not followed, but whose tests are read."""
_FAMILIES = (
    frozenset({Language.PYTHON}),
    SCRIPTS,
    frozenset({Language.GO}),
)
_FRAMEWORKS = (
    "pytest",
    "unittest",
    "vitest",
    "jest",
    "@jest/globals",
    "node:test",
    "bun:test",
    "mocha",
    "ava",
    "testing",
    "testify",
)


@dataclass(frozen=True, slots=True)
class ReachSummary:
    """What the tests of a code base reach: `targets` are the files under test, `untested` functions in them.

    `tested` are definitions that tests call by name, with the test files that do. `passed_on` are functions that no
    test is seen to reach, but tables or callbacks may. `void` are used by tests alone that check nothing.
    `coverage` names the file that says which lines ran, "" for none.
    """

    targets: Mapping[str, Outline]
    untested: Sequence[Function]
    tested: Mapping[Key, Sequence[str]]
    passed_on: Sequence[Function] = ()
    void: Mapping[Key, VoidTest] = field(default_factory=dict[Key, VoidTest])
    coverage: str = ""


NO_REACH = ReachSummary({}, (), {})


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Measure what the tests reach, and check on disk the tests that the thread names."""
    surveyed = survey(context)
    outlines = surveyed.scan.outlines
    indexes = _index_by_family(outlines)
    targets = {path: outline for path, outline in surveyed.subject.items() if not is_test_file(path)}
    followed = any(set(targets) & set(index.outlines) for index in indexes)
    languages = {outline.language for outline in surveyed.subject.values()} - CALLED_LANGUAGES
    unmeasured = (*incompleteness(surveyed.scan), _unmeasured_fact(languages, outlines))
    if not followed and not languages & OTHER_LANGUAGES:
        return InspectionResult(Inspection(facts=unmeasured)) if languages and context.is_first else None
    named = _named_tests(context, outlines)
    faults: list[Fault] = []
    if not context.is_first:  # at step 1, the named tests are those that exist already
        baseline = Baseline.decoded(context.kept.get(KEPT))
        faults = FaultFinder(context, outlines, indexes, targets, baseline).find(named)
    kept = {KEPT: encode_baseline(outlines)} if context.is_first else {}
    if not followed:  # only the tests that the thread names are checked
        later = tuple(_later_facts(named, faults)) if named else ()
        facts = unmeasured if context.is_first else later
        return InspectionResult(Inspection(facts=facts, clauses=tuple(_clauses(surveyed, faults, NO_REACH))), kept)
    measured = measure_tests(context, [*outlines])
    reach = _measure(context, indexes, targets, measured)
    facts = _opening_facts(surveyed, indexes, reach) if context.is_first else _later_facts(named, faults)
    runs = [*measured.facts, *never_ran_facts(targets, measured)]
    told: Sequence[str] = context.earlier.data.get(TOLD, ())
    new = [fact for fact in runs if fact not in told]
    return InspectionResult(
        Inspection(
            facts=(*new, *facts),
            clauses=(*failed_clauses(context, measured, outlines, named), *_clauses(surveyed, faults, reach)),
            files=surveyed.size,
            data={TOLD: runs} if new else {},
            sections={"Untested": _section(reach)} | ({"Test runs": "\n".join(runs)} if runs else {}),
        ),
        kept,
    )


def _index_by_family(outlines: Mapping[str, Outline]) -> list[CodeIndex]:
    """Return the code base by families of languages, each with its tests."""
    indexes: list[CodeIndex] = []
    for family in _FAMILIES:
        part = {path: outline for path, outline in outlines.items() if outline.language in family}
        if part:
            indexes.append(CodeIndex(part, frozenset(path for path in part if is_test_file(path))))
    return indexes


def _measure(
    context: InspectionContext, indexes: Sequence[CodeIndex], targets: Mapping[str, Outline], measured: MeasuredTests
) -> ReachSummary:
    def read(path: str) -> str | None:
        return read_text(context, path) if time.monotonic() < context.until else None

    tested: dict[Key, Sequence[str]] = {}
    void: dict[Key, VoidTest] = {}
    untested: list[Function] = []
    passed: list[Function] = []
    for index in indexes:
        subject = {path: outline for path, outline in targets.items() if path in index.outlines}
        uses = find_test_uses(index, subject, read, measured.status_of)
        tested.update(uses.tested)
        void.update(uses.void)
        reached = reached_from(index, uses.tested, read)
        missed = find_untested(subject, reached)
        handed = PassedOn(index, read).find(missed)
        doubtful = follow_calls(index, handed, reached | handed)
        for pair in missed:
            (passed if (pair[0], pair[1].qualified) in doubtful else untested).append(pair)
    untested, passed = without_measured(targets, measured, untested), without_measured(targets, measured, passed)
    untested += never_run(targets, measured)
    return ReachSummary(
        targets, _most_branches_first(untested), tested, _most_branches_first(passed), void, measured.source
    )


def find_untested(targets: Mapping[str, Outline], reached: AbstractSet[Key]) -> list[Function]:
    """Return the functions that no test reaches, those with the most branches first."""
    found = [
        (path, item)
        for path, outline in targets.items()
        for item in outline.definitions
        if outline.language in CALLED_LANGUAGES and is_function(item) and (path, item.qualified) not in reached
    ]
    return _most_branches_first(found)


def _most_branches_first(functions: Iterable[Function]) -> list[Function]:
    return sorted(functions, key=lambda pair: (-pair[1].complexity, pair[0], pair[1].line))


def _named_tests(context: InspectionContext, outlines: Mapping[str, Outline]) -> list[str]:
    """Return the files with tests that the steps name as relevant, each once."""
    named = (path for step in context.thread.live for path in step.submission.relevant)
    return [path for path in dict.fromkeys(named) if is_test_file(path) or has_inline_tests(outlines.get(path))]


def _clauses(surveyed: Survey, faults: Sequence[Fault], reach: ReachSummary) -> Iterable[Clause]:
    yield from (Clause("measured", path, text) for path, text in faults)
    if surveyed.named:  # a whole code base need not be tested completely
        for path, item in reach.untested[: MOST_CLAUSES - len(faults)]:
            void = reach.void.get((path, item.qualified))
            place = f"{path} {item.qualified} ({item.line})"
            text = clip(
                f"{place}: its only test {void.why}: {void.name} ({void.line})" if void else f"no test calls {place}"
            )
            yield Clause("measured", f"{path}:{item.line}", text)


def _opening_facts(surveyed: Survey, indexes: Sequence[CodeIndex], reach: ReachSummary) -> Iterable[str]:
    yield from incompleteness(surveyed.scan)
    functions = sum(
        is_function(item) and not item.declares for outline in reach.targets.values() for item in outline.definitions
    )
    yield _reach_fact(reach, functions)
    for path, item in reach.untested[:NAMED_FUNCTIONS]:
        void = reach.void.get((path, item.qualified))
        why = f"{void.name} ({void.line}) {void.why}" if void else _branches(item)
        yield clip(f"Untested: {path}:{item.line} {item.qualified}, {why}", 120)
    calling = Counter(test for (path, _), tests in reach.tested.items() if path in reach.targets for test in tests)
    yield from convention_facts(
        [index for index in indexes if not reach.targets.keys().isdisjoint(index.outlines)], calling
    )
    yield from _most_complex_fact(reach)


def _unmeasured_fact(languages: Iterable[Language], paths: Iterable[str]) -> str:
    """Return that nothing is known of what tests reach, with the number of test files."""
    tests = sum(map(is_test_file, paths))
    names = list_some(sorted(language.display_name for language in languages))
    return f"What tests reach is not measured in {names}; {count(tests, 'test file') if tests else 'no test file'}."


def _reach_fact(reach: ReachSummary, functions: int) -> str:
    by = f"judging by {reach.coverage} and by names" if reach.coverage else "judging by names"
    passed = f"; {len(reach.passed_on)} more through tables or callbacks, not seen called" if reach.passed_on else ""
    if reach.untested:
        return f"Untested: {len(reach.untested)} of {count(functions, 'function')}, {by}{passed}."
    if reach.passed_on:
        reached = functions - len(reach.passed_on)
        return f"Tests reach {reached} of {count(functions, 'function')}, {by}{passed}."
    if reach.coverage:
        return f"Tests reach all {count(functions, 'function')}, {by}."
    return f"Tests may reach all {count(functions, 'function')}, {by} alone; a coverage file of a run tells for sure."


def _most_complex_fact(reach: ReachSummary) -> Iterable[str]:
    """Return the function under test with the most branches, if it has several."""
    tested = [
        (path, item)
        for path, outline in reach.targets.items()
        for item in outline.definitions
        if (path, item.qualified) in reach.tested
    ]
    path, item = max(tested, key=lambda pair: pair[1].complexity, default=("", None))
    if item is not None and item.complexity > 4:
        files = list_some(reach.tested[path, item.qualified], 1)
        yield clip(f"Most branches under test: {path} {item.qualified}, {item.complexity - 1}; by {files}")


def convention_facts(indexes: Iterable[CodeIndex], calling: Mapping[str, int]) -> list[str]:
    """Return with what the project tests and where its tests are, one line for each family of languages.

    `calling` counts the functions under test that each test file calls: the one with the most is the example.
    """
    facts: list[str] = []
    for index in indexes:
        if not index.tests:
            languages = list_some(sorted({outline.language.value for outline in index.outlines.values()}))
            facts.append(f"No tests yet in {languages}.")
            continue
        used = [
            name
            for name in _FRAMEWORKS
            if any(_brings(item, name) for path in index.tests for item in index.outlines[path].imports)
        ]
        if not used and any(_is_mocha(index.outlines[path]) for path in index.tests):
            used = ["mocha"]
        example = max(index.tests, key=lambda path: (calling.get(path, 0), _has_tests(path), -len(path), path))
        frameworks = list_some(used, 2) or "no framework"
        facts.append(clip(f"{count(len(index.tests), 'test file')}, {frameworks}; like {example}"))
    return facts


def _is_mocha(outline: Outline) -> bool:
    """Whether a test file that imports no framework calls mocha's globals; jest and vitest have no `before`."""
    script = outline.language in SCRIPTS
    names = {call.name for call in outline.calls if not call.receiver}
    return script and bool(names & {"describe", "context"}) and bool(names & {"before", "after", "specify"})


def _has_tests(path: str) -> bool:
    """Whether a test file contains tests, by its own name, and not only fixtures or data."""
    return "test" in path.rpartition("/")[2].lower() and not path.endswith("conftest.py")


def _brings(item: Import, framework: str) -> bool:
    """Whether an import is of a framework; `unittest.mock` is used under any."""
    mock = item.module.startswith("unittest.mock") or (item.module == "unittest" and item.names == (("mock", "mock"),))
    return _is_of(item.module, framework) and not mock


def _is_of(module: str, name: str) -> bool:
    return module == name or module.startswith((f"{name}.", f"{name}/")) or module.endswith(f"/{name}")


def _later_facts(named: Sequence[str], faults: Sequence[Fault]) -> Iterable[str]:
    faulty = {path for path, _ in faults}
    if named and not faulty <= {*named}:
        return  # none of them is new or changed, as the open clause says: what they do is no work of this thread
    if named:
        good = len({*named} - faulty)
        calls = "calls the code and asserts" if len(named) == 1 else "call the code and assert"
        yield f"{good} of {count(len(named), 'named test file')} {calls}."
    else:
        yield "No test file named yet: name those you wrote in relevant_files."


def _branches(item: Definition) -> str:
    return count(item.complexity - 1, "branch", "branches")


def _section(reach: ReachSummary) -> str:
    head = f"Functions that tests call by name: {len(reach.tested)}."
    if reach.untested:
        parts = [f"{head} No call from a test leads to:", "", *_rows(reach, reach.untested)]
    else:
        parts = [f"{head} A call from a test leads to every other one."] if not reach.passed_on else [head]
    if reach.passed_on:
        parts += ["", "Reached through a table or callback, not seen called:", "", *_rows(reach, reach.passed_on)]
    return "\n".join(parts)


def _rows(reach: ReachSummary, functions: Sequence[Function]) -> Iterable[str]:
    for path, item in functions[:100]:
        void = reach.void.get((path, item.qualified))
        why = f"; its only test {void.why}: {void.place}" if void else ""
        yield f"- `{path}:{item.line}` {item.qualified}, {_branches(item)}{why}"
    if len(functions) > 100:
        yield f"- and {len(functions) - 100} more"
