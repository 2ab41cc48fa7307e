"""Threads whose steps read and quoted files, for what looks ask of them."""

from collections.abc import Mapping, Sequence

from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.persistent import PersistentList
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Claims, Step, Thread


def thread_that(*, read: Sequence[str] = (), quoted: Mapping[str, int] | None = None) -> Thread:
    """Return a thread with one step that read the files `read`, and quoted a line of each of `quoted`."""
    evidence = tuple(Evidence(path, "x = 1", Verdict.VERIFIED, line) for path, line in (quoted or {}).items())
    said = Submission(1, "look", "d", checked=tuple(read))
    step = Step(1, said, evidence=evidence, existing=tuple(read), readable=True)
    return Thread("codereview-x", "codereview", trail=PersistentList((step,)), claims=Claims().with_step(step))
