"""Which files and lines the steps of a thread read or quoted."""

from stepwarden.steps.support import NEAR_LINES
from stepwarden.steps.thread import Thread


def files_read(thread: Thread) -> frozenset[str]:
    """Return the files that exist and that a step lists in files_checked or quoted correctly."""
    claims = thread.claims
    checked = {path for path in claims.checked if claims.files.get(path)}
    return frozenset(checked | {item.path for _, item in claims.evidence if item.holds})


def is_quoted(thread: Thread, path: str, first: int, last: int | None = None, *, near: int = NEAR_LINES) -> bool:
    """Whether a correct quote lies in the lines `first` to `last` of a file, or within `near` lines of them."""
    return any(
        item.holds
        and item.path == path
        and item.line is not None
        and first - near <= item.line <= (last or first) + near
        for _, item in thread.claims.evidence
    )


def files_named(thread: Thread) -> tuple[str, ...]:
    """Return what the thread says it is about: its relevant files, else those that its first step read."""
    relevant = dict.fromkeys(path for step in thread.live for path in step.submission.relevant)
    if relevant or not thread.trail:
        return tuple(relevant)
    return thread.trail[0].submission.checked
