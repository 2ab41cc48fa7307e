"""testgen's look: what no test reaches, how the project tests, and whether the named tests call what they are for."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.masked_source import mask
from stepwarden.inspections.scope import (
    MOST_CLAUSES,
    Survey,
    clip,
    count,
    is_function,
    is_inside,
    left_out,
    some,
    survey,
    text_of,
)
from stepwarden.inspections.testgen.baseline import KEPT, Baseline, packed_baseline
from stepwarden.inspections.testgen.reachability import (
    CALLED_LANGUAGES,
    CallingFunction,
    Key,
    Reachability,
    called_by_tests,
    passed_on,
    reached_through,
)
from stepwarden.inspections.testgen.test_cases import FoundTest, calls_code, cases_in
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Definition, Language, Outline
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection

PASSED_SECONDS = 3.0  # for reading files again, to see what they pass on
SHOWN = 4  # functions that one fact names
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
    "mocha",
    "ava",
    "testing",
    "testify",
)


def inspect(scene: InspectionContext) -> InspectionResult | None:
    """Count what the tests reach, and check on disk the tests that the thread names."""
    found = survey(scene)
    webs = _webs(found.scan.outlines)
    targets = {path: item for path, item in found.subject.items() if not is_test_file(path)}
    if not any(set(targets) & set(web.outlines) for web in webs):
        return None
    tested = {key: tests for web in webs for key, tests in called_by_tests(web).items()}
    reached = {key for web in webs for key in reached_through(web, [key for key in tested if key[0] in web.outlines])}
    missing = _without_passed_on(scene, untested(targets, reached))
    before = Baseline.of(scene.kept.get(KEPT))
    written = _named_tests(scene)
    faults: list[tuple[str, str]] = []
    if not scene.is_first:  # what is named there is what was there
        faults += [fault for path in written for fault in _faults(scene, path, found, webs, targets, before)]
        there = [outline for path in written if (outline := found.scan.outlines.get(path)) is not None]
        if there and not faults and all(before.is_as_it_was(outline) for outline in there):
            faults.append(("relevant_files", "relevant_files: no named test is new or changed since step 1"))
    clauses = [Clause("measured", path, words) for path, words in faults]
    if found.named:  # of a whole code base, nobody asks to test all of it
        clauses += [
            Clause("measured", f"{path}:{item.line}", clip(f"no test calls {path} {item.qualified} ({item.line})"))
            for path, item in missing[: MOST_CLAUSES - len(clauses)]
        ]
    facts = _facts(found, webs, targets, missing, tested) if scene.is_first else _later(written, faults, missing)
    return InspectionResult(
        Inspection(
            facts=tuple(facts),
            clauses=tuple(clauses),
            files=len(found.named) or None,
            sections={"Untested": _section(missing, tested)},
        ),
        {KEPT: packed_baseline(found.scan.outlines)} if scene.is_first else {},
    )


def _webs(outlines: Mapping[str, Outline]) -> list[Reachability]:
    """Return the code base by families of languages, each with its tests."""
    webs: list[Reachability] = []
    for family in _FAMILIES:
        part = {path: item for path, item in outlines.items() if item.language in family}
        if part:
            webs.append(Reachability(part, frozenset(path for path in part if is_test_file(path))))
    return webs


def untested(targets: Mapping[str, Outline], reached: AbstractSet[Key]) -> list[tuple[str, Definition]]:
    """Return the functions that no test reaches, those with the most branches first."""
    found = [
        (path, item)
        for path, outline in targets.items()
        for item in outline.definitions
        if outline.language in CALLED_LANGUAGES and is_function(item) and (path, item.qualified) not in reached
    ]
    return sorted(found, key=lambda pair: (-pair[1].complexity, pair[0], pair[1].line))


def _without_passed_on(
    scene: InspectionContext, missing: Sequence[tuple[str, Definition]]
) -> list[tuple[str, Definition]]:
    """Leave out functions that their own file names without calling them, as callbacks: others run those.

    Each file is read once, those of the first functions first, for PASSED_SECONDS: the rest is left in.
    """
    until = min(scene.until, time.monotonic() + PASSED_SECONDS)
    names: dict[str, frozenset[str]] = {}
    for path in dict.fromkeys(path for path, _ in missing):
        if time.monotonic() > until:
            break
        text, language = text_of(scene, path), language_of(path)
        if text is not None and language is not None:
            names[path] = passed_on(mask(text, language))
    return [(path, item) for path, item in missing if item.name not in names.get(path, ())]


def _named_tests(scene: InspectionContext) -> list[str]:
    """Return the test files that the steps name as relevant, each once."""
    named = (path for step in scene.thread.live for path in step.submission.relevant)
    return [path for path in dict.fromkeys(named) if is_test_file(path)]


def _faults(
    scene: InspectionContext,
    path: str,
    found: Survey,
    webs: Sequence[Reachability],
    targets: Mapping[str, Outline],
    before: Baseline,
) -> Iterable[tuple[str, str]]:
    """Return what is wrong with one test file: it is not there, does not parse, or a test of it says nothing.

    Looked at are the tests that are new since step 1; all, where that cannot be told.
    """
    outline = found.scan.outlines.get(path)
    if outline is None:
        if not scene.thread.claims.files.get(path):
            yield path, clip(f"{path}: named in relevant_files, and not there", 120)
        return
    if outline.broken:
        yield path, f"{path}:{outline.broken[0]}: the test does not parse"
        return
    web = next((web for web in webs if path in web.outlines), None)
    if web is None or before.is_as_it_was(outline):
        return
    cases = before.new_ones(path, cases_in(outline, text_of(scene, path) or ""))
    helpers = [(path, outline), *((other, web.outlines[other]) for other in _helpers(web, path))]
    astray = [case for case in cases if not calls_code(case, path, web, targets, helpers)]
    if astray:
        yield path, clip(f"{path}: calls nothing of the code under test: {_names(astray)}", 140)
    bare = [case for case in cases if not case.asserts]
    if bare:
        yield path, clip(f"{path}: asserts nothing: {_names(bare)}", 120)


def _names(cases: Sequence[FoundTest]) -> str:
    return some([f"{case.name} ({case.line})" for case in cases], 2)


def _helpers(web: Reachability, path: str) -> list[str]:
    """Return the test files whose helpers and fixtures a test file uses: those it imports, and conftest.py above it."""
    imported = [other for other in CallingFunction(web, path, web.outlines[path]).related if other in web.tests]
    folder = path.rpartition("/")[0]
    above = [
        other
        for other in web.tests
        if other.rpartition("/")[2] == "conftest.py" and is_inside(folder or ".", (other.rpartition("/")[0],))
    ]
    return [other for other in dict.fromkeys((*imported, *above)) if other != path]


def _facts(
    found: Survey,
    webs: Sequence[Reachability],
    targets: Mapping[str, Outline],
    missing: Sequence[tuple[str, Definition]],
    tested: Mapping[Key, Sequence[str]],
) -> Iterable[str]:
    functions = sum(1 for outline in targets.values() for item in outline.definitions if is_function(item))
    yield f"{len(missing)} of {count(functions, 'function')}: no call from a test leads there, by names."
    for path, item in missing[:SHOWN]:
        yield clip(
            f"Untested: {path} {item.qualified} ({item.line}), {count(item.complexity - 1, 'branch', 'branches')}"
        )
    calling = Counter(test for (path, _), tests in tested.items() if path in targets for test in tests)
    yield from conventions(webs, calling)
    branchy = sorted(
        (
            (path, item)
            for path, outline in targets.items()
            for item in outline.definitions
            if (path, item.qualified) in tested
        ),
        key=lambda pair: -pair[1].complexity,
    )
    for path, item in branchy[:1]:
        if item.complexity > 4:
            files = some(tested[path, item.qualified], 1)
            yield clip(f"Most branches under test: {path} {item.qualified}, {item.complexity - 1}; by {files}")
    yield from left_out(found.scan)


def conventions(webs: Iterable[Reachability], calling: Mapping[str, int]) -> list[str]:
    """Return with what the project tests and where its tests are, one line for each family of languages.

    `calling` counts the functions under test that each test file calls: the one with most is named as the example.
    """
    facts: list[str] = []
    for web in webs:
        if not web.tests:
            facts.append(
                "No tests yet in " + some(sorted({item.language.value for item in web.outlines.values()})) + "."
            )
            continue
        used = [
            name
            for name in _FRAMEWORKS
            if any(_is_of(item.module, name) for path in web.tests for item in web.outlines[path].imports)
        ]
        example = max(web.tests, key=lambda path: (calling.get(path, 0), _is_plain_test(path), -len(path), path))
        facts.append(clip(f"{count(len(web.tests), 'test file')}, {some(used, 2) or 'no framework'}; like {example}"))
    return facts


def _is_plain_test(path: str) -> bool:
    """Whether a test file holds tests, by its own name: no fixtures, data or package."""
    return "test" in path.rpartition("/")[2].lower() and not path.endswith("conftest.py")


def _is_of(module: str, name: str) -> bool:
    return module == name or module.startswith((f"{name}.", f"{name}/")) or module.endswith(f"/{name}")


def _later(
    written: Sequence[str], faults: Sequence[tuple[str, str]], missing: Sequence[tuple[str, Definition]]
) -> Iterable[str]:
    if written:
        spoiled = {path for path, _ in faults}
        yield f"{len(written) - len(spoiled)} of {count(len(written), 'named test file')} call the code and assert."
    else:
        yield "No test file named yet: name those you wrote in relevant_files."
    if missing:
        yield clip(f"Still called by no test: {some([item.qualified for _, item in missing], SHOWN)}")


def _section(missing: Sequence[tuple[str, Definition]], tested: Mapping[Key, Sequence[Any]]) -> str:
    rows = [f"- `{path}:{item.line}` {item.qualified}, {item.complexity - 1} branches" for path, item in missing[:100]]
    more = [f"- and {len(missing) - 100} more"] if len(missing) > 100 else []
    return "\n".join(
        [f"Functions that tests call by name: {len(tested)}. No call from a test leads to:", "", *rows, *more]
    )
