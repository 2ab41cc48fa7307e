"""The tests as they were when a thread began, to tell new ones from old ones."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.test_cases import FoundTest
from stepwarden.source.outline import Language, Outline
from stepwarden.source.testfiles import is_test_file

KEPT = "tests before"  # the name it is kept by; on disk
DIGITS = 16  # of a file's hash: enough to see that it changed


@dataclass(frozen=True)
class Baseline:
    """The test files by path: their hash, and the functions they had; None where that is not known."""

    files: Mapping[str, tuple[str, frozenset[str]]] | None = field(repr=False)

    @classmethod
    def decoded(cls, data: bytes | None) -> "Baseline":
        """Return the baseline that `encode_baseline` encoded."""
        if data is None:
            return cls(None)
        listed: dict[str, list[str]] = json.loads(data)
        return cls({path: (found[0], frozenset(found[1:])) for path, found in listed.items()})

    def is_unchanged(self, outline: Outline) -> bool:
        """Whether a file existed when the thread began, with the same bytes."""
        known = (self.files or {}).get(outline.path)
        return known is not None and known[0] == outline.sha256[:DIGITS]

    def new_tests(self, path: str, cases: Sequence[FoundTest]) -> Sequence[FoundTest]:
        """Return the tests whose names are new in their file; all where none is, or where that is not known."""
        known = (self.files or {}).get(path)
        fresh = [case for case in cases if case.name.partition("/")[0] not in known[1]] if known else []
        return fresh or cases


def has_inline_tests(outline: Outline | None) -> bool:
    """Whether a file of code may contain its own tests, as those of Rust do: functions that assert."""
    return (
        outline is not None
        and outline.language is Language.RUST
        and any(call.name.startswith("assert") for call in outline.calls)
    )


def encode_baseline(outlines: Mapping[str, Outline]) -> bytes:
    """Return the hashes and function names of all test files; the journal compresses what it keeps."""
    listed = {
        path: [outline.sha256[:DIGITS], *(item.name for item in outline.definitions if is_function(item))]
        for path, outline in outlines.items()
        if is_test_file(path) or has_inline_tests(outline)
    }
    return json.dumps(listed, separators=(",", ":")).encode()
