"""How a plan moves without advice: the agent asks for more, the server counts anew, a hold shortens it.

Each function returns the events to record: a changed plan, or none.
"""

from dataclasses import replace

from stepwarden.steps.events import Planned
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import DecidedBy, Plan, Thread

Plans = tuple[Planned, ...]

MORE_TO_DO = "there is more to do"
"""The reason of a plan that only made room for the next step: recorded, and not worth a word in the reply."""


def grow(plan: Plan, likely: int, reason: str, by: DecidedBy) -> Planned:
    """Return the plan with a later likely end."""
    return Planned(Plan(plan.low, likely, max(plan.high, likely + 1), reason, by, was=plan.likely))


def count_anew(thread: Thread, total: int) -> Plans:
    """Let the plan follow a total that the server counted."""
    plan, total = thread.plan, max(total, thread.last)
    if plan is None or plan.likely == total:
        return ()
    return (Planned(Plan(total, total, total, f"{total} steps, counted again", was=plan.likely)),)


def raise_to_request(thread: Thread, submission: Submission, most: int) -> Plans:
    """Let the total rise when the agent asks for more steps, to at most `most`.

    A number that it sent before is no request: many hosts repeat theirs in every call.
    """
    plan, asked = thread.plan, min(submission.total or 0, most)
    if plan is None or not submission.more or (submission.total or 0) <= thread.totals.asked_before:
        return ()
    if asked <= max(plan.likely, thread.last):
        return ()
    return (grow(plan, asked, "the agent asked for more", DecidedBy.AGENT),)


def shorten_to_open(thread: Thread, clauses: int, steps: int) -> Plans:
    """Let the plan of a held thread take no longer than its open clauses: the agent has said that the rest is done."""
    plan, last = thread.plan, thread.last
    likely = last + steps
    if plan is None or plan.low == plan.high or plan.likely <= likely:
        return ()
    low, high = min(max(plan.low, last + 1), likely), max(min(plan.high, likely + 2), likely + 1)
    reason = f"{clauses} open {'clause' if clauses == 1 else 'clauses'} to close"
    return (Planned(Plan(low, likely, high, reason, was=plan.likely)),)


def replan(thread: Thread, plan: Plan) -> Plans:
    """Let an advised plan stand, where it moves the likely end."""
    before = thread.plan
    if before is not None and before.likely == plan.likely:
        return ()
    return (Planned(replace(plan, was=before.likely if before else None)),)


def leave_a_step(thread: Thread) -> Plans:
    """Never leave a thread that goes on without a step to come (rule 2)."""
    plan = thread.plan
    if status_of(thread) not in {ThreadStatus.OPEN, ThreadStatus.HELD} or plan is None or plan.likely > thread.last:
        return ()
    return (grow(plan, thread.last + 1, MORE_TO_DO, DecidedBy.RULE),)
