"""How far a review came: which of its files were read or quoted; the pure part of codereview."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwarden.inspections.scope import MOST_CLAUSES, clip, count, is_function, looked_at, some, table
from stepwarden.source.outline import Definition, Outline
from stepwarden.steps.clause import Clause
from stepwarden.steps.thread import Thread

LONG_LINES, MANY_BRANCHES = 60, 12  # from which a function is named: it is where reviews find most
NAMED_FUNCTIONS = 3


@dataclass(frozen=True, slots=True)
class ReviewedFile:
    """One file under review: its lines, the decision points in it, and its hardest function where there is a hard one.

    `hardest` is "name:line", `hard` how it is told: lines and branches.
    """

    path: str
    lines: int = 0
    branches: int = 0
    hardest: str = ""
    hard: str = ""

    @property
    def weight(self) -> int:
        """What there is to read: a decision takes about as long as five plain lines."""
        return self.lines + 5 * self.branches

    def kept(self) -> list[Any]:
        """Return it as JSON values."""
        return [self.path, self.lines, self.branches, self.hardest, self.hard]


def subject_of(path: str, found: Outline | None) -> ReviewedFile:
    """Measure one file; one in no known language has nothing to measure but is to be read like the others."""
    if found is None:
        return ReviewedFile(path)
    functions = [item for item in found.definitions if is_function(item)]
    branches = sum(item.complexity - 1 for item in functions)
    hard_ones = [item for item in functions if _length(item) >= LONG_LINES or item.complexity > MANY_BRANCHES]
    hard = max(hard_ones, key=_hardness, default=None)
    if hard is None:
        return ReviewedFile(path, found.lines, branches)
    told = f"{_length(hard)} lines, {count(hard.complexity - 1, 'branch', 'branches')}"
    return ReviewedFile(path, found.lines, branches, f"{hard.qualified}:{hard.line}", told)


def _length(item: Definition) -> int:
    return item.end_line - item.line + 1


def _hardness(item: Definition) -> int:
    return _length(item) + 5 * item.complexity


def by_weight(subjects: Iterable[ReviewedFile]) -> list[ReviewedFile]:
    """Order files by what there is to read in them, most first."""
    return sorted(subjects, key=lambda item: (-item.weight, item.path))


def opening_facts(subjects: Sequence[ReviewedFile], whence: str) -> list[str]:
    """Return what is under review: the size of it, the largest files, the hardest functions."""
    lines = sum(item.lines for item in subjects)
    sized = by_weight(subjects)
    facts = [clip(f"Under review ({whence}): {count(len(subjects), 'file')}, {count(lines, 'line')}.")]
    if len(sized) > 1:
        largest = [f"{item.path} {item.lines}" for item in sized[:3] if item.lines]
        facts += [clip(f"Largest: {some(largest)} lines.")] if largest else []
    hard = [item for item in sized if item.hardest]
    return facts + [clip(f"Hard: {item.path} {item.hardest}, {item.hard}.") for item in hard[:NAMED_FUNCTIONS]]


def later_facts(thread: Thread, subjects: Sequence[ReviewedFile]) -> list[str]:
    """Return how many of the files under review were read or quoted by now."""
    seen = looked_at(thread)
    left = [item for item in by_weight(subjects) if item.path not in seen]
    if not left:
        return [f"All {count(len(subjects), 'file')} under review were read or quoted."]
    return [clip(f"Read or quoted: {len(subjects) - len(left)} of {count(len(subjects), 'file')} under review.")]


def coverage_clauses(thread: Thread, subjects: Sequence[ReviewedFile]) -> tuple[Clause, ...]:
    """Return a clause for each file that nobody read or quoted, the weightiest first; the last counts the rest."""
    seen = looked_at(thread)
    left = [item for item in by_weight(subjects) if item.path not in seen]
    clauses = [Clause("measured", item.path, _asked(item)) for item in left[:MOST_CLAUSES]]
    if len(left) > MOST_CLAUSES:
        more = left[MOST_CLAUSES:]
        clauses.append(
            Clause(
                "measured",
                "",
                f"not read: {count(len(more), 'smaller file')}: {some([item.path for item in more], 2)}",
            )
        )
    return tuple(clauses)


def _asked(item: ReviewedFile) -> str:
    what = (
        f" ({item.hardest}: {item.hard})" if item.hardest else f" ({count(item.lines, 'line')})" if item.lines else ""
    )
    return clip(f"read {item.path}{what}", 120)


def coverage_table(thread: Thread, subjects: Sequence[ReviewedFile]) -> str:
    """Return the table of the report: each file, whether it was read, its quotes that hold and its issues."""
    read_ones = looked_at(thread)
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
            "yes" if item.path in read_ones else "no",
            quotes.get(item.path, 0) or "",
            ", ".join(issues.get(item.path, ())),
        )
        for item in by_weight(subjects)
    ]
    return table(("File", "Lines", "Branches", "Read", "Quotes", "Issues"), rows)


def kept_subjects(data: Mapping[str, Any]) -> list[ReviewedFile]:
    """Return the files that an earlier look recorded."""
    return [ReviewedFile(*kept) for kept in data["files"]]
