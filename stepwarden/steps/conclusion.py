"""What an end may say of a conclusion: what it stood, which issues rest on nothing, what speaks against it."""

from stepwarden.steps.convergence import looked_again_at
from stepwarden.steps.thread import DecidedBy, Thread

ACTS = {"precommit": "COMMIT"}  # what a tool's end is about
MOST_BLOCKERS = 3


def what_it_stood(thread: Thread) -> str:
    """Return what a conclusion stood, "" where nothing: by a run none did. Of what the server ended, it saw that."""
    unrun = [] if thread.claims.runs else ["nothing run"]
    if thread.review is not None and thread.review.approves:
        return ", ".join(["the expert agrees", *unrun])
    if number := looked_again_at(thread):
        return ", ".join([f"a further quote at step {number}", *unrun])
    return "".join(unrun) if thread.ended_by is not DecidedBy.AGENT else ""


def unproven_issues(thread: Thread) -> list[str]:
    """Return the issues, of whatever severity, that rest on no quote."""
    return [name for name, support in thread.claims.issue_supports.items() if not support.relevant]


def advise(thread: Thread, *, passed_over: bool = False) -> str:
    """Return whether to do what the tool prepares, "" where it prepares nothing or looked at nothing.

    What is on disk, severe issues, and clauses that were passed over speak against it.
    """
    blockers = thread.claims.measured.blockers
    if blockers is None or thread.tool not in ACTS:
        return ""
    severe = [issue.id for issue in thread.claims.issues.values() if issue.severity.needs_evidence]
    against = [*blockers[:MOST_BLOCKERS], *severe]
    against += [f"+{len(blockers) - MOST_BLOCKERS} more"] if len(blockers) > MOST_BLOCKERS else []
    against += ["not all reviewed"] if passed_over else []
    act = ACTS[thread.tool]
    return f"DO NOT {act}: {', '.join(against)}." if against else f"{act}."
