"""Whether a thread has converged and may end although the agent would go on.

The conditions are those of "Ending early" in docs/manager.md. A claim of certainty only asks for the end; evidence that
the server checked decides.
"""

from stepwarden.manager.facts import ReviewInput
from stepwarden.steps.evidence import Verdict
from stepwarden.steps.text import is_filler
from stepwarden.steps.thread import Assurance, Issue, Thread


def is_ripe(case: ReviewInput) -> bool:
    """Whether everything but convergence holds for an early end (conditions 1 to 3).

    The tool's minimum of steps is one of the gate's clauses.
    """
    word = case.step.submission.confidence
    return (
        word is not None
        and word.asks_to_end
        and case.assessment.sufficient
        and case.assessment.assurance is Assurance.VERIFIED
    )


def reason_to_end(case: ReviewInput) -> str:
    """Return why a ripe case has converged (condition 4), "" where it is not ripe or has not."""
    thread = case.thread
    if not is_ripe(case) or _hypothesis_changed(thread) or is_filler(case.step.submission.learned):
        return ""
    changed = _changed_issues(thread)
    if not changed:
        return f"verified, and step {thread.last} changed no conclusion"
    answered = 0 < thread.disproof_asked == thread.last - 1
    severe = any(issue.severity.needs_evidence for issue in changed)
    refuted = any(item.verdict is Verdict.REFUTED for item in case.step.evidence)
    if answered and not severe and not refuted:
        return "verified, and it stood an attempt to disprove it"
    return ""


def _hypothesis_changed(thread: Thread) -> bool:
    return thread.claims.hypothesis is not None and thread.claims.hypothesis_since == thread.last


def _changed_issues(thread: Thread) -> list[Issue]:
    """Return the issues that the last step changed, as they are now and as they were.

    An issue that was only repeated has not changed: many agents send their whole list with every step.
    """
    stated = {issue.id: issue for issue in thread.trail[-1].issues}
    before: dict[str, Issue] = {}
    for step in reversed(thread.trail[:-1]):
        if len(before) == len(stated):
            break
        before |= {issue.id: issue for issue in step.issues if issue.id in stated and issue.id not in before}
    changed = [key for key, issue in stated.items() if before.get(key) != issue]
    return [*(stated[key] for key in changed), *(before[key] for key in changed if key in before)]
