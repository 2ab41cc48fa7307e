"""Finds functions that no test reaches and how the project tests, and checks the tests that a thread names."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from stepwarden.inspections.context import MOST_CLAUSES, InspectionContext, InspectionResult
from stepwarden.inspections.shared.fact_text import clip, count, list_some
from stepwarden.inspections.shared.masked_source import mask_source
from stepwarden.inspections.shared.subject import Survey, incompleteness, is_function, read_text, survey
from stepwarden.inspections.testgen.baseline import KEPT, Baseline, encode_baseline
from stepwarden.inspections.testgen.code_index import CodeIndex, Key
from stepwarden.inspections.testgen.faults import Fault, FaultFinder
from stepwarden.inspections.testgen.reachability import (
    CALLED_LANGUAGES,
    called_by_tests,
    find_passed_names,
    reached_from,
)
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Definition, Language, Outline
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection

PASSED_SECONDS = 3.0  # for reading files again, to see which functions they pass on
NAMED_FUNCTIONS = 4  # in one fact
_FAMILIES = (
    frozenset({Language.PYTHON}),
    frozenset({Language.JAVASCRIPT, Language.TYPESCRIPT}),
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
Function = tuple[str, Definition]
"""A function with its file."""


@dataclass(frozen=True, slots=True)
class ReachSummary:
    """What the tests of a code base reach: `targets` are the files under test, `untested` functions in them.

    `tested` are definitions that tests call by name, with the test files that do.
    """

    targets: Mapping[str, Outline]
    untested: Sequence[Function]
    tested: Mapping[Key, Sequence[str]]


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Measure what the tests reach, and check on disk the tests that the thread names."""
    surveyed = survey(context)
    outlines = surveyed.scan.outlines
    indexes = _index_by_family(outlines)
    targets = {path: outline for path, outline in surveyed.subject.items() if not is_test_file(path)}
    if not any(set(targets) & set(index.outlines) for index in indexes):
        return None
    reach = _measure(context, indexes, targets)
    named = _named_tests(context)
    faults: list[Fault] = []
    if not context.is_first:  # at step 1, the named tests are those that exist already
        baseline = Baseline.decoded(context.kept.get(KEPT))
        faults = FaultFinder(context, outlines, indexes, targets, baseline).find(named)
    facts = _opening_facts(surveyed, indexes, reach) if context.is_first else _later_facts(named, faults)
    return InspectionResult(
        Inspection(
            facts=tuple(facts),
            clauses=tuple(_clauses(surveyed, faults, reach)),
            files=surveyed.size,
            sections={"Untested": _section(reach)},
        ),
        {KEPT: encode_baseline(outlines)} if context.is_first else {},
    )


def _index_by_family(outlines: Mapping[str, Outline]) -> list[CodeIndex]:
    """Return the code base by families of languages, each with its tests."""
    indexes: list[CodeIndex] = []
    for family in _FAMILIES:
        part = {path: outline for path, outline in outlines.items() if outline.language in family}
        if part:
            indexes.append(CodeIndex(part, frozenset(path for path in part if is_test_file(path))))
    return indexes


def _measure(context: InspectionContext, indexes: Sequence[CodeIndex], targets: Mapping[str, Outline]) -> ReachSummary:
    tested = {key: tests for index in indexes for key, tests in called_by_tests(index).items()}
    reached = {
        key for index in indexes for key in reached_from(index, [key for key in tested if key[0] in index.outlines])
    }
    untested = _without_passed_on(context, find_untested(targets, reached))
    return ReachSummary(targets, untested, tested)


def find_untested(targets: Mapping[str, Outline], reached: AbstractSet[Key]) -> list[Function]:
    """Return the functions that no test reaches, those with the most branches first."""
    found = [
        (path, item)
        for path, outline in targets.items()
        for item in outline.definitions
        if outline.language in CALLED_LANGUAGES and is_function(item) and (path, item.qualified) not in reached
    ]
    return sorted(found, key=lambda pair: (-pair[1].complexity, pair[0], pair[1].line))


def _without_passed_on(context: InspectionContext, untested: Sequence[Function]) -> list[Function]:
    """Leave out functions that their own file names without calling them, as callbacks: other code calls those.

    Each file is read once, in the order of the functions, for PASSED_SECONDS; functions of the rest stay in.
    """
    until = min(context.until, time.monotonic() + PASSED_SECONDS)
    names: dict[str, frozenset[str]] = {}
    for path in dict.fromkeys(path for path, _ in untested):
        if time.monotonic() > until:
            break
        text, language = read_text(context, path), language_of(path)
        if text is not None and language is not None:
            names[path] = find_passed_names(mask_source(text, language))
    return [(path, item) for path, item in untested if item.name not in names.get(path, ())]


def _named_tests(context: InspectionContext) -> list[str]:
    """Return the test files that the steps name as relevant, each once."""
    named = (path for step in context.thread.live for path in step.submission.relevant)
    return [path for path in dict.fromkeys(named) if is_test_file(path)]


def _clauses(surveyed: Survey, faults: Sequence[Fault], reach: ReachSummary) -> Iterable[Clause]:
    yield from (Clause("measured", path, text) for path, text in faults)
    if surveyed.named:  # a whole code base need not be tested completely
        for path, item in reach.untested[: MOST_CLAUSES - len(faults)]:
            text = clip(f"no test calls {path} {item.qualified} ({item.line})")
            yield Clause("measured", f"{path}:{item.line}", text)


def _opening_facts(surveyed: Survey, indexes: Sequence[CodeIndex], reach: ReachSummary) -> Iterable[str]:
    yield from incompleteness(surveyed.scan)
    functions = sum(
        is_function(item) and not item.declares for outline in reach.targets.values() for item in outline.definitions
    )
    missed = f"Untested: {len(reach.untested)} of {count(functions, 'function')}, judging by names."
    yield missed if reach.untested else f"Tests reach all {count(functions, 'function')}, judging by names."
    for path, item in reach.untested[:NAMED_FUNCTIONS]:
        yield clip(f"Untested: {path} {item.qualified} ({item.line}), {_branches(item)}")
    calling = Counter(test for (path, _), tests in reach.tested.items() if path in reach.targets for test in tests)
    yield from convention_facts(indexes, calling)
    yield from _most_complex_fact(reach)


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
            if any(_is_of(item.module, name) for path in index.tests for item in index.outlines[path].imports)
        ]
        if not used and any(_is_mocha(index.outlines[path]) for path in index.tests):
            used = ["mocha"]
        example = max(index.tests, key=lambda path: (calling.get(path, 0), _has_tests(path), -len(path), path))
        frameworks = list_some(used, 2) or "no framework"
        facts.append(clip(f"{count(len(index.tests), 'test file')}, {frameworks}; like {example}"))
    return facts


def _is_mocha(outline: Outline) -> bool:
    """Whether a test file that imports no framework calls mocha's globals; jest and vitest have no `before`."""
    script = outline.language in {Language.JAVASCRIPT, Language.TYPESCRIPT}
    names = {call.name for call in outline.calls if not call.receiver}
    return script and bool(names & {"describe", "context"}) and bool(names & {"before", "after", "specify"})


def _has_tests(path: str) -> bool:
    """Whether a test file contains tests, by its own name, and not only fixtures or data."""
    return "test" in path.rpartition("/")[2].lower() and not path.endswith("conftest.py")


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
    untested = reach.untested
    rows = [f"- `{path}:{item.line}` {item.qualified}, {_branches(item)}" for path, item in untested[:100]]
    more = [f"- and {len(untested) - 100} more"] if len(untested) > 100 else []
    head = f"Functions that tests call by name: {len(reach.tested)}."
    if not untested:
        return f"{head} A call from a test leads to every other one."
    head = f"{head} No call from a test leads to:"
    return "\n".join([head, "", *rows, *more])
