"""The tests of a file, one by one: where each is, whether it asserts, and whether it calls the code under test."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from stepwarden.inspections.shared.masked_source import mask_source
from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.call_targets import CallTargets
from stepwarden.inspections.testgen.code_index import CodeIndex
from stepwarden.source.outline import CallSite, Definition, DefinitionKind, Language, Outline

_TEST_NAMES = re.compile(r"^(?:test|Test(?!Main$)|Fuzz)")
_ASSERTS = re.compile(
    r"\b_*(?:assert|check|verify|expect|should|ensure|raises|warns|fail|deep|eq_|ne_|is_|in_|not_in)\w*"
    r"|\b_+(?:do_|run_)?test\w*\s*\(|\.should\b|\brequire\.\w+\(|\.(?:Error|Fatal|Fail)\w*\("
    r"|\bt\.(?:is|not|true|false|throws\w*|snapshot|like|pass)\("
)
_TEST_CALL = re.compile(
    r"(?<![\w.$])(?:it|test|specify)(?:\.(?!describe|before|after|step|use|extend|setTimeout)\w+)*\s*(?=\()"
)
_SKIP_MARK = re.compile(r"\b(?:skip|xfail|expectedFailure)\b", re.IGNORECASE)
_SKIPPED_CALL = re.compile(r"\.(?:skip|todo|fails|failing)\b(?!\s*\.?(?:If|Unless))")
_SECOND_CALL = re.compile(r"\)\s*(?=\()")
_HOOK = re.compile(r"(?<![\w.$])(?:before|beforeEach|beforeAll)\s*(?=\()")
_SETUP_NAMES = frozenset({"setUp", "setUpClass", "setup_method", "setup_class", "setup"})
_TITLE = re.compile(r"\(\s*(?:async\s*)?([\"'`])(?P<title>.*?)\1", re.DOTALL)
# Calls whose target names do not show: a request to a route, a command, another process.
_INDIRECT_CALLS = frozenset(
    {"get", "post", "put", "patch", "delete", "request", "invoke", "call_tool", "run", "check_output", "Popen", "spawn"}
    | {"spawnSync", "exec", "execFile", "execFileSync", "execSync", "fetch", "inject", "visit", "Command", "Do"}
    | {"ServeHTTP"}
)


@dataclass(frozen=True, slots=True)
class FoundTest:
    """One test: its name or title, its lines, its masked code, its calls, and the fixtures it takes.

    `setup` is the masked code of the hooks that run before it. `skipped` says whether a mark skips it or expects it to
    fail, `asserts` whether it asserts something, by itself or through a function that does.
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


def find_tests(outline: Outline, text: str) -> list[FoundTest]:
    """Return the tests of a file in their order; none in a language whose calls are not read."""
    code = mask_source(text, outline.language)
    if outline.language in {Language.JAVASCRIPT, Language.TYPESCRIPT}:
        cases = list(_find_test_calls(outline, text, code))
    else:
        cases = list(_find_test_functions(outline, code))
    lines = code.split("\n")
    asserting = {
        item.name
        for item in outline.definitions
        if is_function(item) and _ASSERTS.search("\n".join(lines[item.line : item.end_line]))
    }
    return [replace(case, asserts=_has_assertion(case, asserting)) for case in cases]


def _has_assertion(case: FoundTest, asserting: Collection[str]) -> bool:
    body = case.code.partition("\n")[2] or case.code  # not by its own name
    return _ASSERTS.search(body) is not None or any(call.name in asserting for call in case.calls)


def _find_test_functions(outline: Outline, code: str) -> Iterator[FoundTest]:
    """Yield the tests that are functions by name; a function inside another is not a test."""
    lines = code.split("\n")
    for item in outline.definitions:
        nested = item.kind is DefinitionKind.FUNCTION and item.parent
        fixture = any("fixture" in text for text in item.decorators)
        if is_function(item) and _TEST_NAMES.match(item.name) and not nested and not fixture:
            body = "\n".join(lines[item.line - 1 : item.end_line])
            calls = _calls_between(outline, item.line, item.end_line)
            skipped = is_skipped(item)
            yield FoundTest(item.name, item.line, item.end_line, body, calls, item.parameters, skipped=skipped)


def is_skipped(item: Definition) -> bool:
    """Whether a mark on a test skips it always or expects it to fail; one with a condition does not count."""
    return any(_SKIP_MARK.search(text.partition("(")[0]) for text in item.decorators)


def _find_test_calls(outline: Outline, text: str, code: str) -> Iterator[FoundTest]:
    """Yield the tests that are calls: `it("...", () => ...)`; the hooks of the file are the setup of each."""
    setup = "\n".join(code[match.end() : _closing_bracket(code, match.end())] for match in _HOOK.finditer(code))
    for match in _TEST_CALL.finditer(code):
        start, end = match.end(), _closing_bracket(code, match.end())
        if (second := _SECOND_CALL.match(code, end)) is not None:  # `it.each(table)("...", ...)`
            start, end = second.end(), _closing_bracket(code, second.end())
        first, last = code.count("\n", 0, match.start()) + 1, code.count("\n", 0, end) + 1
        title = _TITLE.match(text, start)
        name = " ".join(title["title"].split())[:60] if title else "test"
        calls, skipped = _calls_between(outline, first, last), _SKIPPED_CALL.search(match[0]) is not None
        yield FoundTest(name, first, last, code[start:end], calls, setup=setup, skipped=skipped)


def _closing_bracket(code: str, start: int) -> int:
    """Return the offset of the bracket that closes the one at `start`, the end of the text where none does."""
    depth = 0
    for match in re.compile(r"[()]").finditer(code, start):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return match.start()
    return len(code)


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
