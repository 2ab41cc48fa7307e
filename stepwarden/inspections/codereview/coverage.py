"""How far a review has come: which of its files were read or quoted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwarden.inspections.context import MOST_CLAUSES
from stepwarden.inspections.precommit.risks import is_generated_name
from stepwarden.inspections.shared.documents import is_document, look_through
from stepwarden.inspections.shared.fact_text import clip, count, list_some, table
from stepwarden.inspections.shared.reviewed_files import files_read
from stepwarden.inspections.shared.subject import is_function, line_count
from stepwarden.source.outline import Definition, Outline
from stepwarden.steps.clause import Clause
from stepwarden.steps.thread import Thread

LONG_LINES, MANY_BRANCHES = 60, 12  # from which a function is named: reviews find most in such functions
NAMED_FUNCTIONS = 3
NAMED_FILES = 3  # whose sizes stand in what is open
ALL_READ = "Every file was named as read, or quoted."


@dataclass(frozen=True, slots=True)
class ReviewedFile:
    """One file under review: its lines, its decision points, and its hardest function, if one is hard.

    `hardest` is "name:line", `hard` its size in words: lines and branches. A file is `aside` where it is no code that
    somebody wrote: a document, a lock file, a generated one.
    """

    path: str
    lines: int = 0
    branches: int = 0
    hardest: str = ""
    hard: str = ""
    aside: bool = False

    @property
    def weight(self) -> int:
        """How much there is to read: a decision takes about as long as five plain lines."""
        return self.lines + 5 * self.branches

    def kept(self) -> list[Any]:
        """Return the file as JSON values."""
        return [self.path, self.lines, self.branches, self.hardest, self.hard, self.aside]


def measure_file(path: str, outline: Outline | None) -> ReviewedFile:
    """Return the measures of one file; without an outline it has none, but has to be read like the others."""
    if outline is None or outline.generated:
        return ReviewedFile(path, outline.lines if outline is not None else 0, aside=is_aside(path, outline))
    functions = [item for item in outline.definitions if is_function(item)]
    branches = sum(item.complexity - 1 for item in functions)
    hard_ones = [item for item in functions if line_count(item) >= LONG_LINES or item.complexity > MANY_BRANCHES]
    hardest = max(hard_ones, key=_hardness, default=None)
    if hardest is None:
        return ReviewedFile(path, outline.lines, branches)
    size = f"{line_count(hardest)} lines, {count(hardest.complexity - 1, 'branch', 'branches')}"
    return ReviewedFile(path, outline.lines, branches, f"{hardest.qualified}:{hardest.line}", size)


def is_aside(path: str, outline: Outline | None = None) -> bool:
    """Whether a file is no code that somebody wrote: a document, a lock file, or a generated one."""
    generated = outline is not None and outline.generated
    return generated or is_document(path) or is_generated_name(path)


def _hardness(item: Definition) -> int:
    return line_count(item) + 5 * item.complexity


def sort_by_weight(files: Iterable[ReviewedFile]) -> list[ReviewedFile]:
    """Return files by how much there is to read in them, most first."""
    return sorted(files, key=lambda item: (item.aside, -item.weight, item.path))


def opening_facts(files: Sequence[ReviewedFile], source: str) -> list[str]:
    """Return what is under review: its size, the largest files, the hardest functions."""
    lines = sum(item.lines for item in files)
    ordered = sort_by_weight(files)
    facts = [clip(f"Under review ({source}): {count(len(files), 'file')}, {count(lines, 'line')}.")]
    if len(ordered) > NAMED_FILES:  # of fewer, what is open says it
        largest = [f"{item.path} {item.lines}" for item in ordered[:3] if item.lines]
        facts += [clip(f"Largest: {list_some(largest)} lines.")] if largest else []
    hard = [item for item in ordered if item.hardest]
    return facts + [clip(f"Complex: {_place_of_hardest(item)}, {item.hard}.") for item in hard[:NAMED_FUNCTIONS]]


def _place_of_hardest(item: ReviewedFile) -> str:
    name, _, line = item.hardest.rpartition(":")
    return f"{item.path}:{line} {name}"


def later_facts(thread: Thread, files: Sequence[ReviewedFile]) -> list[str]:
    """Return how many of the files under review have been read or quoted; that all were, once, and at the end."""
    left = _unread(thread, files)
    if not left:
        told = any(step.measured is not None and ALL_READ in step.measured.facts for step in thread.live[:-1])
        return [] if told and thread.live[-1].submission.more else [ALL_READ]
    return [clip(f"Read or quoted {len(files) - len(left)} of {count(len(files), 'file')}.")]


def coverage_clauses(thread: Thread, files: Sequence[ReviewedFile]) -> tuple[Clause, ...]:
    """Return a clause for each file that was neither read nor quoted, the heaviest first; the last counts the rest.

    Documents, lock files and generated ones are one clause together.
    """
    unread = _unread(thread, files)
    left, aside = [item for item in unread if not item.aside], [item.path for item in unread if item.aside]
    clauses = [Clause("measured", item.path, _request(item)) for item in left[:MOST_CLAUSES]]
    if more := left[MOST_CLAUSES:]:
        names = list_some([item.path for item in more], 2)
        clauses.append(Clause("measured", "", f"not read: {count(len(more), 'smaller file')}: {names}"))
    return (*clauses, *look_through(aside))


def _unread(thread: Thread, files: Sequence[ReviewedFile]) -> list[ReviewedFile]:
    read = files_read(thread)
    return [item for item in sort_by_weight(files) if item.path not in read]


def _request(item: ReviewedFile) -> str:
    what = (
        f" ({item.hardest}: {item.hard})" if item.hardest else f" ({count(item.lines, 'line')})" if item.lines else ""
    )
    return clip(f"read {item.path}{what}", 120)


def coverage_table(thread: Thread, files: Sequence[ReviewedFile]) -> str:
    """Return the table of the report: each file, whether it was read, its correct quotes and its issues."""
    read = files_read(thread)
    quotes: dict[str, int] = {}
    for _, item in thread.claims.evidence:
        quotes[item.path] = quotes.get(item.path, 0) + item.holds
    issues: dict[str, list[str]] = {}
    for issue in thread.claims.issues.values():
        issues.setdefault(issue.path or "", []).append(issue.id)
    rows = [
        (
            f"`{item.path}`",
            item.lines or "",
            item.branches or "",
            "yes" if item.path in read else "no",
            quotes.get(item.path, 0) or "",
            ", ".join(issues.get(item.path, ())),
        )
        for item in sort_by_weight(files)
    ]
    return table(("File", "Lines", "Branches", "Said read", "Quotes", "Issues"), rows)


def kept_files(data: Mapping[str, Any]) -> list[ReviewedFile]:
    """Return the files that an earlier inspection recorded."""
    return [ReviewedFile(*kept) for kept in data["files"]]
