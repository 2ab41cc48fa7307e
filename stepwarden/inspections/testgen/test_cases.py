"""The tests of a file, one by one: where each is, whether it asserts, and whether it calls the code it is for."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from stepwarden.inspections.masked_source import mask
from stepwarden.inspections.scope import is_function
from stepwarden.inspections.testgen.reachability import CallingFunction, Reachability
from stepwarden.source.outline import CallSite, DefinitionKind, Language, Outline

_NAMES = re.compile(r"^(?:test|Test(?!Main$)|Fuzz)")
_ASSERTS = re.compile(
    r"\b_*(?:assert|check|verify|expect|should|ensure|raises|warns|fail|deep|eq_|ne_|is_|in_|not_in)\w*"
    r"|\b_+(?:do_|run_)?test\w*\s*\(|\.should\b|\brequire\.\w+\(|\.(?:Error|Fatal|Fail)\w*\("
    r"|\bt\.(?:is|not|true|false|throws\w*|snapshot|like|pass)\("
)
_CASE = re.compile(r"(?<![\w.$])(?:it|test)(?:\.(?!describe|before|after|step|use|extend|setTimeout)\w+)*\s*(?=\()")
_CALLED_AGAIN = re.compile(r"\)\s*(?=\()")
_HOOK = re.compile(r"(?<![\w.$])(?:before|beforeEach|beforeAll)\s*(?=\()")
_SETUPS = frozenset({"setUp", "setUpClass", "setup_method", "setup_class", "setup"})
_TITLE = re.compile(r"\(\s*(?:async\s*)?([\"'`])(?P<title>.*?)\1", re.DOTALL)
# Calls whose target no name tells: a request to a route, a command, another process.
_INDIRECT = frozenset(
    {"get", "post", "put", "patch", "delete", "request", "invoke", "call_tool", "run", "check_output", "Popen", "spawn"}
    | {
        "spawnSync",
        "exec",
        "execFile",
        "execFileSync",
        "execSync",
        "fetch",
        "inject",
        "visit",
        "Command",
        "Do",
        "ServeHTTP",
    }
)


@dataclass(frozen=True, slots=True)
class FoundTest:
    """One test: its name or title, its lines, its masked code, the calls in it, what fixtures it takes.

    `setup` is the masked code of the hooks that run before it.
    `asserts` says whether it asserts something, by itself or by a function that does or whose name says so.
    """

    name: str
    line: int
    end_line: int
    code: str
    calls: tuple[CallSite, ...]
    fixtures: tuple[str, ...] = ()
    asserts: bool = True
    setup: str = ""


def cases_in(outline: Outline, text: str) -> list[FoundTest]:
    """Return the tests of a file in their order; () in a language whose calls are not read."""
    code = mask(text, outline.language)
    if outline.language in {Language.JAVASCRIPT, Language.TYPESCRIPT}:
        cases = list(_called_cases(outline, text, code))
    else:
        cases = list(_defined_cases(outline, code))
    lines = code.split("\n")
    helpers = {
        item.name
        for item in outline.definitions
        if is_function(item) and _ASSERTS.search("\n".join(lines[item.line : item.end_line]))
    }
    return [replace(case, asserts=_does_assert(case, helpers)) for case in cases]


def _does_assert(case: FoundTest, helpers: Collection[str]) -> bool:
    own = case.code.partition("\n")[2] or case.code  # not by its own name
    return _ASSERTS.search(own) is not None or any(call.name in helpers for call in case.calls)


def _defined_cases(outline: Outline, code: str) -> Iterator[FoundTest]:
    """Return the tests that are functions by their names; one inside another function is none."""
    lines = code.split("\n")
    for item in outline.definitions:
        nested = item.kind is DefinitionKind.FUNCTION and item.parent
        fixture = any("fixture" in text for text in item.decorators)
        if is_function(item) and _NAMES.match(item.name) and not nested and not fixture:
            own = "\n".join(lines[item.line - 1 : item.end_line])
            calls = _calls(outline, item.line, item.end_line)
            yield FoundTest(item.name, item.line, item.end_line, own, calls, item.parameters)


def _called_cases(outline: Outline, text: str, code: str) -> Iterator[FoundTest]:
    """Return the tests that are calls: `it("...", () => ...)`; the hooks of the file are part of each."""
    setup = "\n".join(code[match.end() : _closing(code, match.end())] for match in _HOOK.finditer(code))
    for match in _CASE.finditer(code):
        start, end = match.end(), _closing(code, match.end())
        if (second := _CALLED_AGAIN.match(code, end)) is not None:  # `it.each(table)("...", ...)`
            start, end = second.end(), _closing(code, second.end())
        first, last = code.count("\n", 0, match.start()) + 1, code.count("\n", 0, end) + 1
        title = _TITLE.match(text, start)
        name = " ".join(title["title"].split())[:60] if title else "test"
        yield FoundTest(name, first, last, code[start:end], _calls(outline, first, last), setup=setup)


def _closing(code: str, start: int) -> int:
    """Return the offset of the bracket that closes the one at `start`, the end of the text where none does."""
    depth = 0
    for match in re.compile(r"[()]").finditer(code, start):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return match.start()
    return len(code)


def _calls(outline: Outline, first: int, last: int) -> tuple[CallSite, ...]:
    return tuple(call for call in outline.calls if first <= call.line <= last)


def calls_code(
    case: FoundTest, path: str, web: Reachability, targets: Collection[str], texts: Sequence[tuple[str, Outline]]
) -> bool:
    """Whether a test calls a definition of `targets`, by itself or through one helper or fixture of `texts`.

    `texts` are the test files where helpers may stand, its own first. A test that only makes requests, or runs
    commands, is believed: what those lead to, no name tells.
    """
    outline = web.outlines[path]
    if _leads(case.calls, f"{case.code}\n{case.setup}", CallingFunction(web, path, outline), targets):
        return True
    used = {call.name for call in case.calls} | set(case.fixtures) | _SETUPS
    for other, found in texts:
        caller = CallingFunction(web, other, found)
        helpers = [item for item in found.definitions if item.name in used and not _NAMES.match(item.name)]
        if any(_leads(_calls(found, item.line, item.end_line), "", caller, targets) for item in helpers):
            return True
    return bool(used & _INDIRECT)


def _leads(calls: Sequence[CallSite], code: str, caller: CallingFunction, targets: Collection[str]) -> bool:
    bound = caller.bound(targets)
    if any(call.name in bound or call.receiver.partition(".")[0] in bound for call in calls):
        return True
    if any(path in targets for call in calls for path, _ in caller.means(call)):
        return True
    return any(re.search(rf"(?<![\w.]){re.escape(name)}\b", code) for name in bound)
