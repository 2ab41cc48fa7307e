"""A tool's own clauses at the gate: each a wording and a test on what the server counted."""

from collections.abc import Callable
from dataclasses import dataclass

from stepwarden.steps.clause import Clause
from stepwarden.steps.thread import Thread

Test = Callable[[Thread], bool]


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One line of a checklist: while `holds` is false, which field to fill with what."""

    wording: str
    holds: Test


def checklist(*items: ChecklistItem) -> Callable[[Thread], tuple[Clause, ...]]:
    """Return the `facts` of a policy: the clauses of `items` that do not hold."""

    def open_items(thread: Thread) -> tuple[Clause, ...]:
        return tuple(
            Clause("checklist", str(place), item.wording) for place, item in enumerate(items) if not item.holds(thread)
        )

    return open_items


def files_read(thread: Thread) -> int:
    """Count the files named that are inside the root, or all named ones where none can be looked up."""
    return thread.claims.files_found if thread.readable else len(thread.claims.files)


def read_at_least(count: int) -> Test:
    """Test that so many files were read."""
    return lambda thread: files_read(thread) >= count


def or_named_by_look(test: Test) -> Test:
    """Test the same, or that the tool's own look names what is not read yet: one thing is asked for once."""
    return lambda thread: test(thread) or bool(thread.claims.measured.clauses)


def quoted(thread: Thread) -> bool:
    """Test that one quote holds, where files can be read at all."""
    return not thread.readable or bool(thread.claims.held)


def all_relevant_checked(thread: Thread) -> bool:
    """Test that every file in `relevant_files` is in some step's `files_checked`, or quoted."""
    return not thread.claims.unread


def named_relevant(thread: Thread) -> bool:
    """Test that some step names a relevant file that is there."""
    return any(thread.claims.relevant.values())


def has_issue(thread: Thread) -> bool:
    """Test that an issue is live."""
    return bool(thread.claims.issues)


def gave_confidence(thread: Thread) -> bool:
    """Test that the last step says how sure the agent is."""
    return thread.trail[-1].submission.confidence is not None


def gave(field: str) -> Test:
    """Test that some step filled the tool's own `field`."""
    return lambda thread: field in thread.claims.fields
