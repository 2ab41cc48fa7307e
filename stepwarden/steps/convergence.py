"""Whether a conclusion has converged: it stood a step that brought new evidence, or an attempt to disprove it.

Rule 7 of the protocol. A claim of certainty is only a request: what answers it is evidence that the server checked, and
that the thread did not have before.
"""

from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.relevance import is_relevant
from stepwarden.steps.support import place_of
from stepwarden.steps.text import is_filler
from stepwarden.steps.thread import Claims, Issue, Thread

EARLY_STEPS = 3  # an end before so many is an early one, where the agent's own number is what planned it


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


def is_early(thread: Thread) -> bool:
    """Whether an end now is earlier than was planned, or the agent was told that one was.

    No number of the agent's own plans an end that is never early.
    """
    plan, asked = thread.plan, thread.trail[0].submission.total or EARLY_STEPS
    if plan is None:
        return False
    return bool(thread.untested_at) or thread.last < max(plan.low, EARLY_STEPS if asked < EARLY_STEPS else 0)


def tested_at(thread: Thread) -> int:
    """Return the first step that tested the conclusion: it brought a new quote about it, or answers the call to
    disprove it; 0 where none did.

    A hypothesis can be tested from the step after the one that stated it. An issue is an observation: its first quote
    is what it was seen in, and a test is what comes in a later step.
    """
    claims = thread.claims
    since = claims.hypothesis_since
    asked = thread.disproof_asked + 1 if thread.disproof_asked >= since else 0
    for number, item in claims.evidence:
        if number <= since or not item.holds or not claims.is_first_shown(item, number):
            continue
        said = (thread.trail[number - 1].submission.step,) if number == asked else ()
        if _is_about(thread, item, said):
            if claims.hypothesis is not None or 0 < since < number:
                return number
            since = number
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
