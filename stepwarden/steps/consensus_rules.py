"""The machine's part in a consensus: who is heard at a step, when it may finish, and what it comes to.

Pure, as the machine is: answers with the events to record. Every recorded step hears the next model; the numbers in
comments are the rules of section 3 of the protocol.
"""

from collections.abc import Sequence

from stepwarden.steps.events import Answered, Asked, Event, Finished, GivenUp, Held
from stepwarden.steps.fold import fold_events
from stepwarden.steps.gate import Policy, assess
from stepwarden.steps.panel import Panel, Panelist, answer_key, exchange_key, is_exchange
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.thread import DecidedBy, Outcome, Thread

GIVEN_UP = "given up: the agent went on before it answered"


def ask_panelists(thread: Thread, panel: Panel, policy: Policy, *, left_out: Sequence[str] = ()) -> tuple[Event, ...]:
    """Decide what follows the step just recorded: it hears its seats, or, where none is left, the thread ends.

    An ask to finish before the last model is held once (6); the step hears its model all the same.
    """
    due = panel.due(thread)
    if not due:
        return (_finish(thread, panel, policy),)
    events: list[Event] = []
    later = tuple(clause for clause in panel.clauses(thread) if clause.subject not in {seat.name for seat in due})
    if later and not thread.trail[-1].submission.more and not thread.held:
        events.append(Held(later))
    asked = Asked(answer_key(thread, due[0].number), thread.last, _names(due), tuple(left_out))
    return (*events, asked)


def give_up_panelists(thread: Thread, panel: Panel, backtrack: bool) -> tuple[Event, ...]:
    """Decide what becomes of the seats that `thread` waits for when a call goes on without them (9).

    What is outstanding of a hand-over in one call fails when the next step hears it; of an exchange the first votes
    count.
    """
    assert thread.awaiting is not None
    key = thread.awaiting[0]
    if backtrack or panel.together or is_exchange(key):
        return (GivenUp(key),)
    due = panel.due(thread)
    return (
        GivenUp(key),
        *(
            Answered(
                answer_key(thread, seat.number),
                voice=PanelAnswer(seat.number, seat.model, stance=seat.stance, failed=GIVEN_UP),
            )
            for seat in due
        ),
    )


def record_answers(thread: Thread, voices: Sequence[PanelAnswer], panel: Panel, policy: Policy) -> tuple[Event, ...]:
    """Judge the answers that `thread` waited for: go on, vote once more on a split, or finish."""
    assert thread.awaiting is not None
    name = exchange_key if is_exchange(thread.awaiting[0]) else answer_key
    answered = tuple(Answered(name(thread, voice.seat), voice=voice) for voice in voices)
    then = fold_events(thread, answered)
    if panel.unheard(then):
        asked_again = not then.trail[-1].submission.more and 0 < then.held_at < then.last
        return (*answered, _finish(then, panel, policy)) if asked_again else answered
    if panel.exchange and not then.exchanged and (electors := _electors(then, panel)):
        asked = Asked(exchange_key(then, electors[0].number), then.last, f"the exchange round: {_names(electors)}")
        return (*answered, asked)
    return (*answered, _finish(then, panel, policy))


def _electors(thread: Thread, panel: Panel) -> list[Panelist]:
    """Return the seats that vote once more: all that voted, where at least two did and they are split."""
    found = panel.synthesis(thread)
    seats = [seat for seat in panel.seats if thread.voices[seat.number].counted is not None]
    return seats if found.split and len(seats) > 1 else []


def _names(seats: Sequence[Panelist]) -> str:
    return ", ".join(seat.name for seat in seats)


def _finish(thread: Thread, panel: Panel, policy: Policy) -> Finished:
    found = assess(thread, policy)
    asked_to_finish = not thread.trail[-1].submission.more
    return Finished(
        DecidedBy.AGENT if asked_to_finish else DecidedBy.RULE,
        Outcome.DONE if panel.synthesis(thread).quorum else Outcome.INCONCLUSIVE,
        found.assurance,
        "the agent asked to finish" if asked_to_finish else "every model was heard",
        found.open,
    )
