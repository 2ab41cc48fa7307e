"""The machine's part of a consensus: who is heard at a step, when it may finish, and what it comes to.

Every recorded step hears the next model of its panel, or all of them where they are handed over together. So its
length is counted, and it ends when every model was heard, whether or not the agent asked for that (protocol, rule 6).
"""

from collections.abc import Sequence

from stepwarden.steps.clause import Clause
from stepwarden.steps.consultation_rules import ConsultationRules, Gate, Preparation, drop_answer
from stepwarden.steps.events import Answered, Asked, Event, Finished, Held
from stepwarden.steps.panel import Panel, Panelist, answer_key, exchange_key, is_exchange, panel_of
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.thread import DecidedBy, Outcome, Thread

GIVEN_UP = "given up: the agent went on before it answered"


def ask_panelists(thread: Thread, prepared: Preparation, gate: Gate) -> tuple[Event, ...]:
    """Let the step just recorded hear its models or, where none is left, end the thread.

    An ask to finish before the last model is held once, and the step hears its model all the same: the hold is about
    the later ones, and what this step asked for was asked with the first step already.
    """
    panel = panel_of(thread)
    if panel is None:
        return ()
    due = panel.due(thread)
    if not due:
        return (_finish(thread, panel, gate),)
    events: list[Event] = []
    later = tuple(clause for clause in panel.clauses(thread) if clause.subject not in {one.name for one in due})
    if later and not thread.trail[-1].submission.more and status_of(thread) is not ThreadStatus.HELD:
        events.append(Held(later))
    key, prep = answer_key(thread, due[0].number), prepared
    return (*events, Asked(key, thread.last, _names(due), prep.left_out, prep.source, prep.files))


def give_up_panelists(thread: Thread, backtrack: bool) -> tuple[Event, ...]:
    """Decide what becomes of the panelists that `thread` waits for when a call goes on without them.

    The one whose turn it was has failed, so that the next step hears the next one. Not so where all are handed over
    together: then the next step hears all that are left. Of an exchange the first votes count.
    """
    panel = panel_of(thread)
    assert thread.awaiting is not None
    dropped = drop_answer(thread, backtrack)
    if panel is None or backtrack or panel.together or is_exchange(thread.awaiting[0]):
        return dropped
    failed = (PanelAnswer(one.number, one.model, stance=one.stance, failed=GIVEN_UP) for one in panel.due(thread))
    return (*dropped, *(Answered(answer_key(thread, answer.seat), voice=answer) for answer in failed))


def judge_answers(thread: Thread, gate: Gate) -> tuple[Event, ...]:
    """Decide what follows from the answers just recorded: go on, vote once more on a split, or finish."""
    panel = panel_of(thread)
    assert panel is not None
    if panel.unheard(thread):
        asked_again = not thread.trail[-1].submission.more and 0 < thread.held_at < thread.last
        return (_finish(thread, panel, gate),) if asked_again else ()
    if panel.exchange and not thread.exchanged and (electors := _electors(thread, panel)):
        asked_for = f"the exchange round: {_names(electors)}"
        return (Asked(exchange_key(thread, electors[0].number), thread.last, asked_for),)
    return (_finish(thread, panel, gate),)


def unheard_clauses(thread: Thread) -> tuple[Clause, ...]:
    """Return one open clause for each panelist that no step has heard."""
    panel = panel_of(thread)
    return panel.clauses(thread) if panel is not None else ()


def panel_steps(thread: Thread) -> int | None:
    """Return how many steps hearing the panel takes."""
    panel = panel_of(thread)
    return panel.steps if panel is not None else None


def _electors(thread: Thread, panel: Panel) -> Sequence[Panelist]:
    """Return the panelists that vote once more: all that voted freely, where they are split.

    Who was told to argue a side would argue it again, and what the agent thinks of it is not asked.
    """
    return panel.free_voters(thread) if panel.synthesis(thread).split else ()


def _names(panelists: Sequence[Panelist]) -> str:
    return ", ".join(one.name for one in panelists)


def _finish(thread: Thread, panel: Panel, gate: Gate) -> Finished:
    found = gate(thread)
    asked_to_finish = not thread.trail[-1].submission.more
    return Finished(
        DecidedBy.AGENT if asked_to_finish else DecidedBy.RULE,
        Outcome.DONE if panel.synthesis(thread).quorum else Outcome.INCONCLUSIVE,
        found.assurance,
        "the agent asked to finish" if asked_to_finish else "every model was asked",
        found.open,
    )


CONSENSUS = ConsultationRules(
    "consensus",
    judge_answers,
    ask_with_step=ask_panelists,
    give_up=give_up_panelists,
    clauses=unheard_clauses,
    steps=panel_steps,
)
