"""The tests as they were when a thread began, to tell the new ones from those that were there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stepwarden.inspections.scope import is_function
from stepwarden.inspections.testgen.test_cases import FoundTest
from stepwarden.source.outline import Outline
from stepwarden.source.testfiles import is_test_file

KEPT = "tests before"
DIGITS = 16  # of a file's hash: enough to see that it changed


@dataclass(frozen=True)
class Baseline:
    """Test files by path: their hash, and the functions they had; None where nothing is known of how it was."""

    files: Mapping[str, tuple[str, frozenset[str]]] | None = field(repr=False)

    @classmethod
    def of(cls, data: bytes | None) -> "Baseline":
        """Read what `packed_baseline` kept."""
        if data is None:
            return cls(None)
        listed: dict[str, list[str]] = json.loads(data)
        return cls({path: (found[0], frozenset(found[1:])) for path, found in listed.items()})

    def is_as_it_was(self, outline: Outline) -> bool:
        """Whether a file was there when the thread began, with the same bytes."""
        known = (self.files or {}).get(outline.path)
        return known is not None and known[0] == outline.sha256[:DIGITS]

    def new_ones(self, path: str, cases: Sequence[FoundTest]) -> Sequence[FoundTest]:
        """Return the tests whose names are new in their file; all where none is, or where names do not tell."""
        known = (self.files or {}).get(path)
        fresh = [case for case in cases if case.name not in known[1]] if known else []
        return fresh or cases


def packed_baseline(outlines: Mapping[str, Outline]) -> bytes:
    """Return the hashes and the function names of all test files; the journal compresses what it keeps."""
    listed = {
        path: [found.sha256[:DIGITS], *(item.name for item in found.definitions if is_function(item))]
        for path, found in outlines.items()
        if is_test_file(path)
    }
    return json.dumps(listed, separators=(",", ":")).encode()
