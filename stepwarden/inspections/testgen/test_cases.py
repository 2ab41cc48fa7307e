"""The tests of a file, one by one: where each is, whether it asserts, and whether it calls the code under test."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stepwarden.inspections.shared.masked_source import mask_source
from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.assertions import ASSERTION
from stepwarden.inspections.testgen.call_targets import CallTargets
from stepwarden.inspections.testgen.code_index import CodeIndex
from stepwarden.inspections.testgen.script_tests import find_blocks, title_of
from stepwarden.inspections.testgen.skipped_tests import MAY_SKIP, Span, body_of, find_skipped_spans, has_attribute
from stepwarden.source.outline import SCRIPTS, CallSite, Definition, DefinitionKind, Language, Outline

_TEST_NAMES = re.compile(r"^(?:test|Test(?!Main$)|Fuzz)")
_SETUP_NAMES = frozenset({"setUp", "setUpClass", "setup_method", "setup_class", "setup"})
_MARKS = frozenset(
    {"Test", "ParameterizedTest", "RepeatedTest", "TestFactory", "Fact", "Theory", "TestMethod", "TestCase"}
)
_RUST_TEST = re.compile(r"#\[(?:\w+::)*(?:test|rstest|test_case|quickcheck)\b")
_NOTHING = re.compile(r"[\s;]|\bpass\b|\.\.\.|\breturn\b(?:\s+None\b)?|([\"'])\s*\1")
_SUBTEST_TITLE = re.compile(r"\.Run\(\s*([\"`])(?P<title>.*?)\1", re.DOTALL)
_NAMED = frozenset({Language.PYTHON, Language.GO})  # whose tests are functions by name
# Calls whose target names do not show: a request to a route, a command, another process.
_INDIRECT_CALLS = frozenset(
    {"get", "post", "put", "patch", "delete", "request", "invoke", "call_tool", "run", "check_output", "Popen", "spawn"}
    | {"spawnSync", "exec", "execFile", "execFileSync", "execSync", "fetch", "inject", "visit", "Command", "Do"}
    | {"ServeHTTP"}
)


@dataclass(frozen=True, slots=True)
class FoundTest:
    """One test: its name or title, its lines, its masked code, its calls, and the fixtures it takes.

    `setup` is the masked code of the hooks that run before it. `skipped` says whether it never runs or is expected to
    fail, `empty` whether nothing stands in it, `asserts` whether it asserts something, by itself or through a function
    that does.
    """

    name: str
    line: int
    end_line: int
    code: str
    calls: tuple[CallSite, ...]
    fixtures: tuple[str, ...] = ()
    asserts: bool = True
    setup: str = ""
    skipped: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True)
class ReadTests:
    """The tests of a file, its masked text, and the lines that never run."""

    cases: list[FoundTest]
    code: str
    skipped: Sequence[Span]


def read_tests(outline: Outline, text: str) -> ReadTests:
    """Read the tests of a file from its text."""
    code = mask_source(text, outline.language)
    skipped = find_skipped_spans(outline, text, code) if MAY_SKIP.search(text) else []
    if outline.language in SCRIPTS:
        cases = list(_find_test_calls(outline, text, code))
    else:
        cases = [*_find_test_functions(outline, code, skipped), *_find_skipped_subtests(outline, text, skipped)]
    if outline.language in SCRIPTS | _NAMED:  # elsewhere, what asserts is not known
        cases = _with_assertions(outline, code, cases)
    return ReadTests(cases, code, skipped)


def find_tests(outline: Outline, text: str) -> list[FoundTest]:
    """Return the tests of a file in their order."""
    return read_tests(outline, text).cases


def _with_assertions(outline: Outline, code: str, cases: Iterable[FoundTest]) -> list[FoundTest]:
    lines = code.split("\n")
    asserting = {
        item.name
        for item in outline.definitions
        if is_function(item) and ASSERTION.search("\n".join(lines[item.line : item.end_line]))
    }
    return [replace(case, asserts=_has_assertion(case, asserting)) for case in cases]


def _has_assertion(case: FoundTest, asserting: Collection[str]) -> bool:
    body = case.code.partition("\n")[2] or case.code  # not by its own name
    return ASSERTION.search(body) is not None or any(call.name in asserting for call in case.calls)


def _find_test_functions(outline: Outline, code: str, skipped: Sequence[Span]) -> Iterator[FoundTest]:
    """Yield the tests that are functions, by their name or mark; a function inside another is not a test."""
    lines = code.split("\n")
    for item in outline.definitions:
        nested = item.kind is DefinitionKind.FUNCTION and item.parent and outline.language in _NAMED
        if is_function(item) and not nested and _is_test(outline, item, lines):
            yield FoundTest(
                item.name,
                item.line,
                item.end_line,
                code="\n".join(lines[item.line - 1 : item.end_line]),
                calls=_calls_between(outline, item.line, item.end_line),
                fixtures=item.parameters,
                skipped=any(first <= item.line <= last for first, last in skipped),
                empty=not _NOTHING.sub("", body_of(item, lines)),
            )


def _is_test(outline: Outline, item: Definition, lines: Sequence[str]) -> bool:
    if outline.language is Language.RUST:
        return has_attribute(lines, item, _RUST_TEST)
    if outline.language in _NAMED:
        fixture = any("fixture" in text for text in item.decorators)
        return _TEST_NAMES.match(item.name) is not None and not fixture
    return any(re.split(r"\W", text.rpartition(".")[2], maxsplit=1)[0] in _MARKS for text in item.decorators)


def _find_skipped_subtests(outline: Outline, text: str, skipped: Sequence[Span]) -> Iterator[FoundTest]:
    """Yield the subtests of Go that are skipped, named as `go test` names them."""
    if outline.language is not Language.GO:
        return
    lines = text.split("\n")
    functions = [item for item in outline.definitions if is_function(item)]
    for first, last in skipped:
        around = next((item.name for item in functions if item.line < first and last <= item.end_line), None)
        if around is not None:
            title = _SUBTEST_TITLE.search("\n".join(lines[first - 1 : last]))
            name = f"{around}/{title['title'] if title else 'subtest'}"
            yield FoundTest(name, first, last, "", _calls_between(outline, first, last), skipped=True)


def _find_test_calls(outline: Outline, text: str, code: str) -> Iterator[FoundTest]:
    """Yield the tests that are calls: `it("...", () => ...)`; the hooks of the file are the setup of each."""
    blocks = find_blocks(code)
    setup = "\n".join(code[block.start : block.end] for block in blocks if block.kind == "hook")
    for block in blocks:
        if block.kind != "test":
            continue
        first, last = code.count("\n", 0, block.offset) + 1, code.count("\n", 0, block.end) + 1
        yield FoundTest(
            title_of(block, text),
            first,
            last,
            code[block.start : block.end],
            _calls_between(outline, first, last),
            setup=setup,
            skipped=block.skipped,
            empty=block.empty,
        )


def _calls_between(outline: Outline, first: int, last: int) -> tuple[CallSite, ...]:
    return tuple(call for call in outline.calls if first <= call.line <= last)


def calls_code(
    case: FoundTest, path: str, index: CodeIndex, targets: Collection[str], helper_files: Sequence[str]
) -> bool:
    """Whether a test calls a definition of the files `targets`, by itself or through one helper or fixture.

    `helper_files` are the test files where helpers may be, its own first. A test that only makes requests or runs
    commands counts: what those reach, names do not show.
    """
    if _reaches(case.calls, f"{case.code}\n{case.setup}", CallTargets(index, path), targets):
        return True
    used = {call.name for call in case.calls} | set(case.fixtures) | _SETUP_NAMES
    for file in helper_files:
        outline, call_targets = index.outlines[file], CallTargets(index, file)
        helpers = [item for item in outline.definitions if item.name in used and not _TEST_NAMES.match(item.name)]
        if any(
            _reaches(_calls_between(outline, item.line, item.end_line), "", call_targets, targets) for item in helpers
        ):
            return True
    return bool(used & _INDIRECT_CALLS)


def _reaches(calls: Sequence[CallSite], code: str, call_targets: CallTargets, targets: Collection[str]) -> bool:
    names = call_targets.names_bound_to(targets)
    if any(call.name in names or call.receiver.partition(".")[0] in names for call in calls):
        return True
    if any(path in targets for call in calls for path, _ in call_targets.of(call)):
        return True
    return any(re.search(rf"(?<![\w.]){re.escape(name)}\b", code) for name in names)
