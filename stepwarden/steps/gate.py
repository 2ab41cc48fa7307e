"""The finishing gate and the self-assessment: what a thread's claims rest on, and what is still open.

Rules 6 and 7 of section 3 and section 4 of the protocol. Everything is counted from what the server checked; nothing
from the words of the agent.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from stepwarden.steps.assessment import Assessment
from stepwarden.steps.clause import Clause
from stepwarden.steps.consultation_rules import ConsultationRules
from stepwarden.steps.convergence import is_early, looked_again_at, reported_test
from stepwarden.steps.expert_rules import EXPERT
from stepwarden.steps.question_kind import QuestionKind
from stepwarden.steps.relevance import why_beside
from stepwarden.steps.support import Support
from stepwarden.steps.thread import Assurance, Thread

CLAUSES_PER_STEP = 3  # open clauses that one step is expected to close

_DISPUTED = frozenset({"expert", "expert_file", "unheard", "silent"})


def _no_clauses(_: Thread) -> tuple[Clause, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What distinguishes one tool's threads from another's, as values.

    `low`, `likely` and `high` are the tool's starting point and range of steps. They hold already the questions in
    `sized_for`, which do not make a task longer; `asks` is the question of every task of the tool, where there is one.
    `knows_removals` says that lines which a change took out are evidence, too.
    `missing_act` is what a thread with too few steps has not done yet, in words of its tool.
    `checklist` gives the clauses of the tool's own that are still open, `consultation` says what its threads ask
    of models.
    """

    tool: str
    low: int
    likely: int
    high: int
    min_steps: int = 2
    missing_act: str = ""
    asks: QuestionKind | None = None
    sized_for: frozenset[QuestionKind] = frozenset()
    knows_removals: bool = False
    hypothesis_required: bool = False
    novelty_required: bool = True
    checklist: Callable[[Thread], tuple[Clause, ...]] = _no_clauses
    consultation: ConsultationRules = EXPERT


def assess(thread: Thread, policy: Policy) -> Assessment:
    """Return the assessment of `thread` as its last step left it."""
    barred = (*open_clauses(thread, policy), *_unheard(thread))
    return _assessed(thread, barred, lowered=any(clause.kind in _DISPUTED for clause in barred))


def assess_end(thread: Thread, policy: Policy) -> Assessment:
    """Return the assessment of `thread` as its agent would end it now."""
    passed_over = (*clauses_at_end(thread, policy), *_unheard(thread))
    return _assessed(thread, passed_over, lowered=bool(passed_over) or _is_untested(thread))


def _unheard(thread: Thread) -> tuple[Clause, ...]:
    """Name the expert that was asked and not waited for, or that gave no answer: nobody can close that but it."""
    if thread.unheard_at:
        return (Clause("unheard", thread.asked_model),)
    review = thread.review
    return (Clause("silent", review.model),) if review is not None and review.failed else ()


def _assessed(thread: Thread, barred: tuple[Clause, ...], *, lowered: bool) -> Assessment:
    """Return an assessment; nothing is called verified where it is `lowered`."""
    verdicts = {str(verdict): count for verdict, count in thread.claims.verdicts.items()}
    if thread.trail and thread.trail[-1].stale:
        verdicts["stale"] = thread.trail[-1].stale
    if thread.claims.runs:
        verdicts["reported_runs"] = len(thread.claims.run_keys)
    assurance = assurance_of(thread)
    if assurance is Assurance.VERIFIED and (thread.doubted or lowered):
        assurance = Assurance.PARTLY  # after a no only a yes verifies: no quote does, on whatever branch
    return Assessment(assurance, verdicts, barred)


def open_clauses(thread: Thread, policy: Policy) -> tuple[Clause, ...]:
    """Name every clause that bars the finish of `thread`, in the order to work on them.

    Where no file can be read, the clauses that ask for evidence do not bar. Where the tool's look found nothing to do,
    neither do the number of steps and the checklist; nor does the number where all is quoted, and a run is reported
    that failed before the change and passes after it.
    """
    clauses: list[Clause] = []
    measured = thread.claims.measured
    if len(thread.live) < policy.min_steps and not measured.done and not _is_shown_by_runs(thread):
        clauses.append(Clause("min_steps", str(policy.min_steps), policy.missing_act))
    if policy.hypothesis_required and thread.claims.hypothesis is None:
        clauses.append(Clause("no_hypothesis"))
    if thread.readable:
        clauses += _evidence_clauses(thread)
    clauses += measured.clauses or ()
    clauses += () if measured.done else policy.checklist(thread)
    clauses += policy.consultation.clauses(thread)
    return tuple(clauses)


def clauses_at_end(thread: Thread, policy: Policy) -> tuple[Clause, ...]:
    """Name every clause that bars the end which the agent asks for.

    One that is earlier than planned asks of a conclusion what the manager's early end does: that it was tested. A run
    that the agent reports saves it from being held, and verifies nothing.
    """
    barred = open_clauses(thread, policy)
    if barred or not _is_untested(thread) or reported_test(thread):
        return barred
    return (Clause("untested"),)


def _is_untested(thread: Thread) -> bool:
    """Whether an end now is early, and what is quoted stood nothing else: no further quote, no expert's judgement."""
    if not is_early(thread) or thread.claims.measured.done or assurance_of(thread) is not Assurance.VERIFIED:
        return False
    return not (thread.review is not None and thread.review.approves) and not looked_again_at(thread)


def _is_shown_by_runs(thread: Thread) -> bool:
    """Whether every claim rests on a quote, and a command is reported failing before and passing now."""
    return bool(thread.claims.runs) and assurance_of(thread) is Assurance.VERIFIED and bool(reported_test(thread))


def steps_to_close(clauses: int) -> int:
    """Return how many steps so many open clauses are expected to take."""
    return math.ceil(clauses / CLAUSES_PER_STEP)


def _evidence_clauses(thread: Thread) -> list[Clause]:
    claims = thread.claims
    clauses = [
        _clause_of(issue.id, claims.issue_supports[issue.id], Clause("issue", issue.id))
        for issue in claims.issues.values()
        if issue.severity.needs_evidence and not claims.issue_supports[issue.id].relevant
    ]
    if claims.hypothesis is not None and not claims.hypothesis_support.relevant:
        unquoted = Clause("hypothesis_reused" if claims.hypothesis_reused else "hypothesis")
        clauses.append(_clause_of("hypothesis", claims.hypothesis_support, unquoted))
    return clauses + [Clause("refuted", path) for path in claims.refuted]


def _clause_of(claim: str, support: Support, unquoted: Clause) -> Clause:
    """Return what bars the finish for a claim that does not rest: its quote that is beside the point, or none.

    A quote that was sent for another claim is no such quote, however near it stands.
    """
    if support.beside is None or support.beside.supports not in {None, claim}:
        return unquoted
    return Clause("irrelevant", claim, f"{claim}: {why_beside(support.beside)}")


def hypothesis_rests(thread: Thread) -> bool:
    """Whether the current hypothesis has a quote that holds and has to do with it."""
    return thread.claims.hypothesis is not None and thread.claims.hypothesis_support.relevant


def evidenced_issues(thread: Thread) -> frozenset[str]:
    """Return the ids of the live issues, of any severity, that rest on a quote that holds and has to do with them."""
    return frozenset(name for name, support in thread.claims.issue_supports.items() if support.relevant)


def assurance_of(thread: Thread) -> Assurance:
    """Return how much of what the thread claims is evidenced: its hypothesis and its severe issues.

    `verified` needs at least one claim, every claim evidenced, and no refuted quote standing.
    """
    resting = thread.claims.resting
    if not thread.readable or not any(resting):
        return Assurance.ASSERTED
    if all(resting) and not thread.claims.refuted:
        return Assurance.VERIFIED
    return Assurance.PARTLY
