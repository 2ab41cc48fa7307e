"""Documents, lock files and generated files: what a review looks through, and does not read line by line."""

from collections.abc import Sequence

from stepwarden.inspections.shared.fact_text import clip, list_some
from stepwarden.steps.clause import Clause

CLAUSE_BYTES = 120
_SUFFIXES = frozenset({"md", "rst", "txt", "adoc", "html", "csv"})


def is_document(path: str) -> bool:
    """Whether a file holds prose or data, by the end of its name."""
    return path.rpartition(".")[2].lower() in _SUFFIXES


def look_through(paths: Sequence[str], one: str = "") -> list[Clause]:
    """Return one clause for all that is left to look through; for a single file `one`, or that it be read."""
    if len(paths) < 2:
        return [Clause("measured", path, clip(one or f"read {path}", CLAUSE_BYTES)) for path in paths]
    text = f"look through {len(paths)} documents, lock or generated files: {list_some(paths, 2)}"
    return [Clause("measured", "", clip(text, CLAUSE_BYTES))]
