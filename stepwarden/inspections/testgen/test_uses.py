"""What the test files of a project use of its code, and what only tests that check nothing use."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.call_targets import CallTargets
from stepwarden.inspections.testgen.code_index import CodeIndex, Key
from stepwarden.inspections.testgen.passed_names import find_passed_names
from stepwarden.inspections.testgen.skipped_tests import is_skipped
from stepwarden.inspections.testgen.test_cases import FoundTest, ReadTests, read_tests
from stepwarden.inspections.testgen.test_results import FAILED, SKIPPED
from stepwarden.source.outline import CallSite, Language, Outline

StatusOf = Callable[[str, str], str]
"""Returns what the test of a file and a name did when it ran, "" where nobody told."""


def _never_told(_path: str, _name: str) -> str:
    return ""


_RAN_AS = {FAILED: "failed when it ran", SKIPPED: "was skipped when it ran"}
MOST_READ = 150  # test files whose text is read: those that use the code in question
_RAISES = re.compile(r"\b(?:raise|throw|panic)\b")


@dataclass(frozen=True, slots=True)
class VoidTest:
    """A test that checks nothing, with its file; `why` says so in words, such as "is skipped"."""

    path: str
    name: str
    line: int
    why: str

    @property
    def place(self) -> str:
        """The test with its file and line."""
        return f"{self.path} {self.name} ({self.line})"


@dataclass
class TestUses:
    """Definitions that tests use, each with the test files; `void` are used by tests alone that check nothing."""

    __test__ = False  # pytest

    tested: dict[Key, list[str]] = field(default_factory=dict[Key, list[str]])
    void: dict[Key, VoidTest] = field(default_factory=dict[Key, VoidTest])


def find_test_uses(
    index: CodeIndex, subject: Collection[str], read: Callable[[str], str | None], status_of: StatusOf = _never_told
) -> TestUses:
    """Return which definitions test files call, import by name or pass on.

    Of test files that use the files `subject`, the text is read by `read` too: skipped tests, and those that assert
    nothing, then count for nothing; so do those that failed or were skipped when they ran, by `status_of`.
    """
    uses = TestUses()
    helpers = {item.name for path in index.tests for item in index.outlines[path].definitions if is_function(item)}
    left = MOST_READ
    for path in sorted(index.tests):
        outline, targets = index.outlines[path], CallTargets(index, path)
        text = None
        if left and (targets.imported_files & set(subject) or outline.language is Language.GO):
            text, left = read(path), left - 1
        found = _FileUses(index, outline, targets, status_of)
        used, void = found.by_outline() if text is None else found.by_text(text, helpers)
        for key in used:
            uses.tested.setdefault(key, []).append(path)
        for key, test in void.items():
            uses.void.setdefault(key, test)
    for key in uses.tested.keys() & uses.void.keys():
        del uses.void[key]
    return uses


@dataclass(frozen=True, slots=True)
class _FileUses:
    """What one test file uses."""

    index: CodeIndex
    outline: Outline
    targets: CallTargets
    status_of: StatusOf = _never_told

    def by_outline(self) -> tuple[set[Key], dict[Key, VoidTest]]:
        """Return what the file uses as far as its outline shows, and what only skipped tests of it do."""
        marked = [item for item in self.outline.definitions if is_skipped(item)]
        lines = {line for item in marked for line in range(item.line, item.end_line + 1)}
        used = self._meant_by(call for call in self.outline.calls if call.line not in lines)
        void: dict[Key, VoidTest] = {}
        for item in marked:
            calls = (call for call in self.outline.calls if item.line <= call.line <= item.end_line)
            for key in self._meant_by(calls) - used:
                void.setdefault(key, VoidTest(self.outline.path, item.name, item.line, "is skipped"))
        return used | ({*self.targets.imported_functions()} - void.keys()), void

    def by_text(self, text: str, helpers: Collection[str]) -> tuple[set[Key], dict[Key, VoidTest]]:
        """Return the same by the text of the file; an import alone is no use. `helpers` are functions of tests."""
        read = read_tests(self.outline, text)
        tests = [(case, why) for case in read.cases if (why := self._why_void(case, helpers))]
        spans = [*read.skipped, *((case.line, case.end_line) for case, _ in tests)]
        lines = {line for first, last in spans for line in range(first, last + 1)}
        calls = [call for call in self.outline.calls if call.line not in lines]
        used = self._meant_by(calls) | self._passed_on(read, lines)
        void: dict[Key, VoidTest] = {}
        for case, why in tests:
            for key in self._meant_by(case.calls) - used:
                void.setdefault(key, VoidTest(self.outline.path, case.name, case.line, why))
        return used, void

    def _meant_by(self, calls: Iterable[CallSite]) -> set[Key]:
        distinct = {(call.receiver, call.name): call for call in calls}.values()
        return {key for call in distinct for key in self.targets.of(call)}

    def _passed_on(self, read: ReadTests, lines: Collection[int]) -> set[Key]:
        rows = read.code.split("\n")
        code = "\n".join("" if number in lines else row for number, row in enumerate(rows, 1))
        passed = find_passed_names(code, self.outline.language).names
        return {key for name in passed for key in self.targets.named(name)}

    def _why_void(self, case: FoundTest, helpers: Collection[str]) -> str:
        if case.skipped or case.empty:
            return "is skipped" if case.skipped else "is empty"
        if ran_as := _RAN_AS.get(self.status_of(self.outline.path, case.name)):
            return ran_as
        plain = not case.asserts and not _RAISES.search(case.code)
        return "asserts nothing" if plain and not any(call.name in helpers for call in case.calls) else ""
