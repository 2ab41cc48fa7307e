"""Whether a thread has converged and may end although the agent would go on.

The conditions are those of "Ending early" in docs/manager.md. A claim of certainty only asks for the end; evidence that
the server checked decides.
"""

from stepwarden.manager.facts import ReviewInput
from stepwarden.steps.convergence import reason_of_convergence
from stepwarden.steps.thread import Assurance


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
    return reason_of_convergence(case.thread) if is_ripe(case) else ""
