"""What is wrong with the tests that a thread names: they do not exist, do not parse, or test nothing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stepwarden.inspections.context import InspectionContext
from stepwarden.inspections.shared.fact_text import clip, list_some
from stepwarden.inspections.shared.subject import is_inside, read_text
from stepwarden.inspections.testgen.baseline import Baseline
from stepwarden.inspections.testgen.call_targets import CallTargets
from stepwarden.inspections.testgen.code_index import CodeIndex
from stepwarden.inspections.testgen.test_cases import FoundTest, calls_code, find_tests
from stepwarden.source.outline import Outline

Fault = tuple[str, str]
"""A file, and what is wrong with it."""


@dataclass(frozen=True)
class FaultFinder:
    """Checks test files of `outlines`; `targets` are the files under test, `baseline` the tests of step 1."""

    context: InspectionContext
    outlines: Mapping[str, Outline]
    indexes: Sequence[CodeIndex]
    targets: Collection[str]
    baseline: Baseline

    def find(self, paths: Sequence[str]) -> list[Fault]:
        """Return what is wrong with these test files; also where all of them are as they were at step 1."""
        faults = [fault for path in paths for fault in self._find_in_file(path)]
        existing = [self.outlines[path] for path in paths if path in self.outlines]
        if existing and not faults and all(map(self.baseline.is_unchanged, existing)):
            return [("relevant_files", "relevant_files: no named test is new or changed since step 1")]
        return faults

    def _find_in_file(self, path: str) -> Iterable[Fault]:
        outline = self.outlines.get(path)
        if outline is None:
            if not self.context.thread.claims.files.get(path):
                yield path, clip(f"{path}: named in relevant_files, but does not exist", 120)
            return
        if outline.broken:
            yield path, f"{path}:{outline.broken[0]}: the test does not parse"
            return
        if self.baseline.is_unchanged(outline):
            return
        cases = self.baseline.new_tests(path, find_tests(outline, read_text(self.context, path) or ""))
        live = [case for case in cases if not case.skipped and not case.empty]
        index = next((index for index in self.indexes if path in index.outlines), None)
        if index is not None:
            helpers = [path, *_helper_files(index, path)]
            unrelated = [case for case in live if not calls_code(case, path, index, self.targets, helpers)]
            if unrelated:
                yield path, clip(f"{path}: calls nothing of the code under test: {_names(unrelated)}", 140)
        skipped = [case for case in cases if case.skipped]
        if skipped:
            yield path, clip(f"{path}: skipped or expected to fail, tests nothing: {_names(skipped)}", 140)
        empty = [case for case in cases if case.empty and not case.skipped]
        if empty:
            yield path, clip(f"{path}: empty, tests nothing: {_names(empty)}", 120)
        bare = [case for case in live if not case.asserts]
        if bare:
            yield path, clip(f"{path}: asserts nothing: {_names(bare)}", 120)


def _names(cases: Sequence[FoundTest]) -> str:
    return list_some([f"{case.name} ({case.line})" for case in cases], 2)


def _helper_files(index: CodeIndex, path: str) -> list[str]:
    """Return the other test files whose helpers a test file uses: those it imports, and every conftest.py above it."""
    imported = [file for file in CallTargets(index, path).imported_files if file in index.tests]
    directory = path.rpartition("/")[0]
    above = [
        file
        for file in index.tests
        if file.rpartition("/")[2] == "conftest.py" and is_inside(directory or ".", (file.rpartition("/")[0],))
    ]
    return [file for file in dict.fromkeys((*imported, *above)) if file != path]
