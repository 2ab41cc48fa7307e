"""Whether a conclusion has converged: it stood a step that brought new evidence, or an attempt to disprove it.

Rule 7 of the protocol. A claim of certainty is only a request: what answers it is evidence that the server checked, and
that the thread did not have before.
"""

from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.relevance import is_relevant
from stepwarden.steps.support import place_of
from stepwarden.steps.text import is_filler
from stepwarden.steps.thread import Claims, Issue, Thread


def reason_of_convergence(thread: Thread) -> str:
    """Return why the thread's conclusion has converged with its last step, "" where it has not."""
    step = thread.trail[-1]
    if _hypothesis_changed(thread) or is_filler(step.submission.learned):
        return ""
    changed = _changed_issues(thread)
    if not changed and any(_is_about(thread, item) for item in thread.claims.fresh):
        return f"verified, and a new quote at step {thread.last} changed no conclusion"
    if answers_disproof(thread) and not any(issue.severity.needs_evidence for issue in changed):
        return "verified, and it stood an attempt to disprove it"
    return ""


def is_borne_out(thread: Thread) -> bool:
    """Whether a conclusion that rested before the last step got one more new quote in it, about the claims themselves.

    More than convergence: it stands for a model's review, which a line that has to do with the task alone does not.
    """
    claims = thread.claims
    if not claims.rested or not reason_of_convergence(thread):
        return False
    return any(_is_about_claims(claims, item) for item in claims.fresh)


def answers_disproof(thread: Thread) -> bool:
    """Whether the last step answers the call to disprove: it names what it looked at, and quotes what it had not."""
    step = thread.trail[-1]
    if not 0 < thread.disproof_asked == thread.last - 1:
        return False
    said = (step.submission.step, step.submission.learned)
    refuted = any(item.verdict is Verdict.REFUTED for item in step.evidence)
    return not refuted and any(_is_about(thread, item, said) for item in thread.claims.fresh)


def test_step(thread: Thread) -> int:
    """Return the first step after the conclusion that brought a new quote about it, or that answers the call to
    disprove it; 0 where none did.

    The conclusion is the hypothesis as it stands, or the first of the issues where there is none.
    """
    claims = thread.claims
    since = claims.hypothesis_since if claims.hypothesis is not None else _first_issue(thread)
    asked = thread.disproof_asked + 1 if thread.disproof_asked >= since else 0
    for number, item in claims.evidence:
        if number <= since or not item.holds or not claims.is_first_shown(item, number):
            continue
        said = (thread.trail[number - 1].submission.step,) if number == asked else ()
        if _is_about(thread, item, said):
            return number
    return 0


def conclusion_changed(thread: Thread) -> bool:
    """Whether the last step changed the hypothesis or an issue."""
    return _hypothesis_changed(thread) or bool(_changed_issues(thread))


def _is_about(thread: Thread, item: Evidence, said: tuple[str, ...] = ()) -> bool:
    """Whether a quote has to do with any of the thread's claims, with its task, or with what is `said`."""
    return is_relevant(item, said, thread.claims.task) or _is_about_claims(thread.claims, item)


def _is_about_claims(claims: Claims, item: Evidence) -> bool:
    if claims.hypothesis is not None and is_relevant(item, (claims.hypothesis,), ""):
        return True
    return any(is_relevant(item, (issue.description,), "", place_of(issue)) for issue in claims.issues.values())


def _first_issue(thread: Thread) -> int:
    """Return the step that named the first of the live issues."""
    return next((step.number for step in thread.live if any(i.id in thread.claims.issues for i in step.issues)), 0)


def _hypothesis_changed(thread: Thread) -> bool:
    return thread.claims.hypothesis is not None and thread.claims.hypothesis_since == thread.last


def _changed_issues(thread: Thread) -> list[Issue]:
    """Return the issues that the last step changed, as they are now and as they were.

    An issue that was only repeated has not changed: many agents send their whole list with every step.
    """
    said = {issue.id: issue for issue in thread.trail[-1].issues}
    before: dict[str, Issue] = {}
    for step in reversed(thread.trail[:-1]):
        if len(before) == len(said):
            break
        before |= {issue.id: issue for issue in step.issues if issue.id in said and issue.id not in before}
    changed = [key for key, issue in said.items() if before.get(key) != issue]
    return [*(said[key] for key in changed), *(before[key] for key in changed if key in before)]
