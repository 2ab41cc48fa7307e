"""What an expert objected to, and how each objection is closed: by a quote, by a withdrawal, or by the expert itself.

A dispute begins with a review that disagrees. An objection of it closes when the agent shows code at its place that no
step had quoted before, or takes the issue back that it is about. Everything else that an agent can say in return is an
answer, and only the expert can tell what an answer is worth: so it is asked once more (`expert_rules.py`), and its
second word replaces the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from stepwarden.steps.clause import Clause
from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.expert_review import Objection
from stepwarden.steps.relevance import restates
from stepwarden.steps.support import NEAR_LINES
from stepwarden.steps.text import is_filler
from stepwarden.steps.thread import Issue, Thread

LEAST_ANSWER_WORDS = 5  # different ones: "done" and "please finish now" answer nothing


class Closing(StrEnum):
    """How an objection was closed."""

    QUOTED = "quoted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class NumberedObjection:
    """An objection that stands, by the id that quotes name it by, and how it was closed; None while it is open."""

    id: str
    objection: Objection
    closed: Closing | None

    @property
    def place(self) -> str:
        """Where it is, as far as it says so."""
        path, line = self.objection.path, self.objection.line
        return f"{path}:{line}" if path and line else path


def numbered_objections(thread: Thread) -> tuple[NumberedObjection, ...]:
    """Return the objections of the dispute, open and closed; none where there is no dispute."""
    dispute = thread.dispute
    if dispute is None:
        return ()
    return tuple(
        NumberedObjection(f"E{number}", objection, _closing(thread, f"E{number}", objection))
        for number, objection in enumerate(dispute.review.objections, dispute.first_id)
    )


def objections(thread: Thread) -> tuple[Clause, ...]:
    """Return what an expert objects to and nothing has closed, and the files that it wants and no step named since."""
    dispute = thread.dispute
    if dispute is None:
        return ()
    points = [
        Clause("expert", item.place, item.objection.text, item.id)
        for item in numbered_objections(thread)
        if item.closed is None
    ]
    seen = {path for step in thread.trail[dispute.step :] for path in step.paths}
    return (*points, *(Clause("expert_file", path) for path in dispute.review.missing if path not in seen))


def is_answered(thread: Thread) -> bool:
    """Whether something stands against the objections that the expert has not judged: words, or another conclusion."""
    dispute = thread.dispute
    if dispute is None:
        return False
    since = thread.trail[dispute.step :]
    return concludes_anew(thread) or any(_says_something(step.submission.learned) for step in since)


def concludes_anew(thread: Thread) -> bool:
    """Whether the thread states another hypothesis than the one that the expert objected to."""
    return thread.dispute is not None and thread.claims.hypothesis_since > thread.dispute.step


def _says_something(text: str) -> bool:
    return not is_filler(text) and len(set(text.casefold().split())) >= LEAST_ANSWER_WORDS


def _closing(thread: Thread, name: str, objection: Objection) -> Closing | None:
    if _is_withdrawn(thread, objection):
        return Closing.WITHDRAWN
    shown = any(_is_at(objection, name, item) for item in _new_quotes(thread))
    return Closing.QUOTED if shown else None


def _is_at(objection: Objection, name: str, item: Evidence) -> bool:
    if not objection.path or item.path != objection.path:
        return False
    if objection.line is None:
        return item.supports == name  # the file alone is no place: the agent has to say that it means this one
    return item.line is not None and abs(item.line - objection.line) <= NEAR_LINES


def _new_quotes(thread: Thread) -> Iterator[Evidence]:
    """Return the quotes that hold and show code which no step had shown before the review: the expert has seen that."""
    dispute, claims = thread.dispute, thread.claims
    assert dispute is not None
    for number, item in claims.evidence:
        if number > dispute.step and item.holds and item.verdict is not Verdict.REMOVED:
            shown = [claims.shown.get((item.path, line), 0) for line in item.lines]
            if any(first > dispute.step for first in shown):
                yield item


def _is_withdrawn(thread: Thread, objection: Objection) -> bool:
    """Whether the issue that an objection is about is taken back; one that it names may have been so before it came.

    What is stated anew under another id is not taken back.
    """
    if objection.claim.startswith("I"):
        gone = objection.claim not in thread.claims.issues and _was_numbered(thread, objection.claim)
        before = [issue for issue in _withdrawn(thread) if issue.id == objection.claim]
        return gone and not any(_is_stated_again(thread, issue) for issue in before)
    taken_back = [issue for issue in _withdrawn(thread) if _is_at_issue(objection, issue)]
    return bool(taken_back) and not any(_is_stated_again(thread, issue) for issue in taken_back)


def _is_stated_again(thread: Thread, issue: Issue) -> bool:
    """Whether an issue numbered since the review says what `issue` said, in the same or in other words."""
    assert thread.dispute is not None
    known = {known.id for step in thread.trail[: thread.dispute.step] for known in step.issues}
    later = [other for name, other in thread.claims.issues.items() if name not in known]
    return any(other.key == issue.key or restates(other.description, issue.description) for other in later)


def _was_numbered(thread: Thread, name: str) -> bool:
    return name[1:].isdecimal() and 1 <= int(name[1:]) <= thread.issues_numbered


def _withdrawn(thread: Thread) -> Iterator[Issue]:
    """Return the issues that were taken back since the review, as they were before."""
    assert thread.dispute is not None
    gone = {issue.id for step in thread.trail[thread.dispute.step :] for issue in step.issues if issue.withdrawn}
    for step in thread.trail[: thread.dispute.step]:
        yield from (issue for issue in step.issues if issue.id in gone and not issue.withdrawn)


def _is_at_issue(objection: Objection, issue: Issue) -> bool:
    """Whether an objection that names no claim stands at the issue's place."""
    if objection.claim or not objection.path or objection.path != issue.path:
        return False
    if objection.line is None or issue.line is None:
        return False
    return abs(objection.line - issue.line) <= NEAR_LINES
