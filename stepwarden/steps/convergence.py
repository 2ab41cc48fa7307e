"""Whether a conclusion has converged: it stood a step that brought new evidence, or an attempt to disprove it.

Rule 7 of the protocol. A claim of certainty is only a request: what answers it is evidence that the server checked, and
that the thread did not have before.
"""

from functools import partial
from itertools import groupby

from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.relevance import is_relevant
from stepwarden.steps.reported_run import find_turned
from stepwarden.steps.support import is_mostly, place_of
from stepwarden.steps.text import fold, is_filler
from stepwarden.steps.thread import Claims, Issue, Thread

EARLY_STEPS = 3  # an end before so many is an early one, where the agent's own number is what planned it


def reason_of_convergence(thread: Thread) -> str:
    """Return why the thread's conclusion has converged with its last step, "" where it has not."""
    step = thread.trail[-1]
    if _hypothesis_changed(thread) or is_filler(step.submission.learned):
        return ""
    changed = _changed_issues(thread)
    further = [item for item in thread.claims.fresh if _is_further(thread, item, thread.last)]
    if not changed and any(_is_about(thread, item) for item in further):
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
    if plan is None:  # one step, not sized yet
        return True
    return bool(thread.untested_at) or thread.last < max(plan.low, EARLY_STEPS if asked < EARLY_STEPS else 0)


def looked_again_at(thread: Thread) -> int:
    """Return the first step that looked at the conclusion again: it came after the youngest of the claims and after
    the first quote about one, and brought a further one, or answers the call to disprove; 0 where none did.

    The first quote of a claim is what it was seen in. A further one shows lines and words that no step had shown.
    """
    claims = thread.claims
    since, asked = _youngest_claim(thread), thread.disproof_asked + 1 if thread.disproof_asked else 0
    first = 0
    for number, items in groupby(claims.evidence, key=lambda entry: entry[0]):
        new = [item for _, item in items if item.holds and _is_further(thread, item, number)]
        said = (thread.trail[number - 1].submission.step,) if number == asked > since else ()
        if number < claims.hypothesis_since or not is_mostly(new, partial(_is_about_any, claims, said)):
            continue
        if number > since and 0 < first < number:
            return number
        first = first or number
    return 0


def reported_test(thread: Thread) -> str:
    """Return the command that is reported failing, and passing since the youngest of the claims; "" where none is."""
    return find_turned(thread.claims.runs, _youngest_claim(thread))


def _is_further(thread: Thread, item: Evidence, number: int) -> bool:
    """Whether a quote of step `number` shows neither a line nor words that an earlier step had shown."""
    shown = thread.claims.shown
    if any(shown.get((item.path, line)) != number for line in item.lines):
        return False
    words = fold(item.quote)
    return not any(
        other.holds and fold(other.quote) == words for step in thread.trail[: number - 1] for other in step.evidence
    )


def _youngest_claim(thread: Thread) -> int:
    """Return the last step that stated or changed the hypothesis or a severe issue."""
    changed: dict[str, tuple[Issue, int]] = {}
    for step in thread.live:
        for issue in step.issues:
            if issue.id not in changed or changed[issue.id][0] != issue:
                changed[issue.id] = (issue, step.number)
    severe = [name for name, issue in thread.claims.issues.items() if issue.severity.needs_evidence]
    return max([thread.claims.hypothesis_since, *(changed[name][1] for name in severe)])


def conclusion_changed(thread: Thread) -> bool:
    """Whether the last step changed the hypothesis or an issue."""
    return _hypothesis_changed(thread) or bool(_changed_issues(thread))


def _is_about(thread: Thread, item: Evidence, said: tuple[str, ...] = ()) -> bool:
    """Whether a quote has to do with any of the thread's claims, with its task, or with what is `said`."""
    return is_relevant(item, said, thread.claims.task) or _is_about_claims(thread.claims, item)


def _is_about_any(claims: Claims, said: tuple[str, ...], item: Evidence) -> bool:
    """Whether a quote has to do with a claim, or with what is `said` of it in its own step."""
    return _is_about_claims(claims, item) or (bool(said) and is_relevant(item, said, claims.task))


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
