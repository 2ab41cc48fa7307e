"""The table *status x input -> events* of docs/protocol.md, every cell driven through the real machine."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from driver import REVIEW, ask, claim, quotes_of, seen

from stepwarden.steps.admission import Accept, Collect, Open, Refusal, Replay, admit
from stepwarden.steps.commands import Command, CommandAccepted, CommandKind, admit_command
from stepwarden.steps.consensus_rules import CONSENSUS
from stepwarden.steps.consultation_rules import NOT_PREPARED, Preparation
from stepwarden.steps.events import Abandoned, Answered, Event, Planned, Refused, encode
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.gate import Policy, open_clauses
from stepwarden.steps.machine import Advice, Decision, StepFacts, advance, advise, apply_answers, open_thread
from stepwarden.steps.panel import answer_key, exchange_key, is_exchange, panel_of
from stepwarden.steps.panel_answer import PanelAnswer, Vote
from stepwarden.steps.status import ThreadStatus, status_of
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Plan, Signal, Thread

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
PANEL = Policy("consensus", low=1, likely=3, high=10, min_steps=1, novelty_required=False, consultation=CONSENSUS)
PROOF = seen("a.py", supports="hypothesis")
EXPERT = Preparation("oracle")
AGREES = ExpertReview(summary="right", model="oracle")
OBJECTS = ExpertReview(agrees=False, points=(Objection("look at the lock", "b.py", 3),), model="oracle")
FAILS = ExpertReview(model="oracle", failed="no answer")
NOTHING = Submission(0, "", digest="", findings="")
ABANDON = Command(CommandKind.ABANDON)


def table() -> dict[str, dict[str, str]]:
    """Return the cells of the page by input and status."""
    head, *rows = re.findall(r"^\| (?:input|[^|]+) \|.*$", _section(), re.MULTILINE)
    _, *names = head.strip("| ").split(" | ")
    split = [row.strip("| ").split(" | ") for row in rows]
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in split}


def _section() -> str:
    """Return the page from the table's head to the first empty line after it."""
    before, head, after = PAGE.read_text("utf-8").partition("| input |")
    assert before
    assert head
    return head + after.partition("\n\n")[0]


# -- one thread through the real machine


@dataclass
class Play:
    """A thread, and the submissions that it took."""

    policy: Policy = REVIEW
    thread: Thread | None = None
    superseded: Submission | None = None
    last: Submission = NOTHING

    @property
    def now(self) -> Thread:
        assert self.thread is not None
        return self.thread

    @property
    def next(self) -> int:
        return self.thread.next_number if self.thread else 2  # a call that says 2 of no thread

    def send(
        self,
        said: Submission,
        evidence: tuple[Evidence, ...] = (),
        advice: Advice | None = None,
        prepared: Preparation = NOT_PREPARED,
    ) -> str:
        """Take one call, and say what it came to in the words of the table."""
        facts = StepFacts(evidence, said.files, readable=True, prepared=prepared)
        admission = admit(self.thread, said, self.policy)
        match admission:
            case Refusal() if self.thread is None:
                return "(refused)"
            case Refusal():
                return self._keep(Decision(self.now).then(Refused(said.number, said.digest, admission.reason.value)))
            case Replay():
                return "(replay)"
            case Collect():
                return "(collect)"
            case Open() if self.thread is not None:
                return "(opens another)"
            case Open():
                decision = open_thread(f"{self.policy.tool}-x", self.policy, said, facts, admission.origin)
                sized = CONSENSUS.steps(decision.thread) if self.policy is PANEL else None
                advice = Advice(plan=Plan(1, sized or 3, sized or 3, "sized"))
            case Accept():
                decision = advance(self.now, admission, said, facts, self.policy)
        self.last = said
        return self._keep(advise(decision, advice or Advice(), self.policy, prepared))

    def answer(self, review: ExpertReview) -> str:
        thread = self.thread or Thread("", self.policy.tool)
        key = thread.awaiting[0] if thread.awaiting else "expert:2:1"
        return self._keep(apply_answers(thread, key, [Answered(key, review)], self.policy)) or "(dropped)"

    def hear(self, vote: Vote = Vote.SUPPORT) -> str:
        """Let the models that the panel's thread waits for vote alike, or where none is waited for the first."""
        thread = self.thread or Thread("", self.policy.tool)
        key = thread.awaiting[0] if thread.awaiting else "consensus:1:1"
        name = exchange_key if is_exchange(key) else answer_key
        panel = panel_of(thread)
        due = panel.due(thread) if panel and thread.awaiting else ()
        seats = [one.number for one in due] or [1]
        answers = [Answered(name(thread, seat), voice=PanelAnswer(seat, f"m{seat}", vote=vote)) for seat in seats]
        return self._keep(apply_answers(thread, key, answers, self.policy)) or "(dropped)"

    def command(self, command: Command) -> str:
        admission = admit_command(self.thread or Thread("", self.policy.tool), command)
        if not isinstance(admission, CommandAccepted):
            return "(refused)"
        return self._keep(Decision(self.now).then(*admission.events))

    def record(self, *events: Event) -> None:
        self.thread = Decision(self.now).then(*events).thread

    def _keep(self, decision: Decision) -> str:
        if self.thread is not None or decision.events:
            self.thread = decision.thread
        return " ".join(encode(event)[0] for event in decision.events)


# -- the columns: a thread in each status, its claim proven


def proven(number: int, **fields: Any) -> tuple[Submission, tuple[Evidence, ...]]:
    said = ask(number, hypothesis="the lock is missing", quotes=quotes_of([PROOF]), **fields)
    return said, (PROOF,)


def new() -> Play:
    return Play()


def opened() -> Play:
    """An open thread of two steps, others superseded; nothing of it is open at the gate."""
    play = Play()
    play.send(ask(1))
    play.send(*proven(2))
    play.send(ask(3))
    play.send(gone := ask(4))
    back, proof = proven(2)
    play.send(replace(back, backtrack=2), proof)
    play.superseded = gone
    return play


def held() -> Play:
    """One that was held for a severe issue, which is withdrawn since."""
    play = opened()
    play.send(ask(3, more=False, issues=(claim("a race", "critical"),)))
    play.send(ask(4, issues=(replace(claim("a race"), id="I1", withdrawn=True),)))
    return play


def waiting() -> Play:
    play = opened()
    play.send(ask(3, more=False), prepared=EXPERT)
    return play


def ended() -> Play:
    play = opened()
    play.send(ask(3, checked=("b.py",)), advice=Advice(end=True, reason="all is verified"))
    return play


def closed() -> Play:
    play = opened()
    play.send(ask(3, more=False))
    return play


THREADS = {
    ThreadStatus.NEW: new,
    ThreadStatus.OPEN: opened,
    ThreadStatus.HELD: held,
    ThreadStatus.WAITING: waiting,
    ThreadStatus.ENDED: ended,
    ThreadStatus.CLOSED: closed,
}


def panel(status: ThreadStatus, models: int = 4, *, exchange: bool = False) -> Play:
    """Return a consensus in a status; it waits at its first model, or has heard some."""
    play = Play(PANEL)
    if status is ThreadStatus.NEW:
        return play
    fields = {"models": [{"model": f"m{number}"} for number in range(1, models + 1)], "exchange": exchange}
    play.send(ask(1, fields=fields, more=status is not ThreadStatus.HELD))
    if status is not ThreadStatus.WAITING:
        play.hear()
    while status is ThreadStatus.ENDED and status_of(play.now) is ThreadStatus.OPEN:
        play.send(ask(play.next))
        play.hear()
    if status is ThreadStatus.CLOSED:  # the second ask ends it without the rest
        for _ in range(2):
            play.send(ask(play.next, more=False))
            play.hear()
    return play


def disputed(status: ThreadStatus) -> Play:
    """Return a thread in a status whose expert objected; its second round is under way where it waits."""
    if status in {ThreadStatus.NEW, ThreadStatus.ENDED, ThreadStatus.CLOSED}:  # no objection outlives an end
        return THREADS[status]()
    play = opened()
    if status is ThreadStatus.OPEN:
        play.send(ask(3, checked=("b.py",)), advice=Advice(end=True, reason="all is verified"), prepared=EXPERT)
    else:
        play.send(ask(3, more=False), prepared=EXPERT)
    play.answer(OBJECTS)
    if status is ThreadStatus.WAITING:
        answer(play)
    return play


# -- the rows: what is sent to a thread


def empty(number: int, words: str) -> Submission:
    return replace(NOTHING, number=number, step=words, digest=f"empty {number} {words}")


def insisted(play: Play) -> str:
    play.send(empty(play.next, "one"))
    return play.send(empty(play.next, "two"))


def signalled(play: Play) -> str:
    return play.send(ask(play.next), advice=Advice(signal=Signal.SPLIT, reason="long"))


def ended_by_manager(play: Play) -> str:
    return play.send(ask(play.next), advice=Advice(end=True, reason="all is verified"))


def barred(play: Play) -> str:
    return play.send(ask(play.next, more=False, issues=(claim("a leak", "critical"),)))


def overtaken(play: Play) -> str:
    assert play.superseded is not None
    return play.send(play.superseded)


def again(play: Play) -> str:
    return play.send(play.last)


def heard_last(play: Play, votes: tuple[Vote, Vote] = (Vote.SUPPORT, Vote.SUPPORT)) -> str:
    """Bring a panel of two to its last answer where it waits; else send it one that is late."""
    if play.thread is None or status_of(play.now) is not ThreadStatus.WAITING:
        return play.hear()
    play.hear(votes[0])
    play.send(ask(play.next))
    return play.hear(votes[1])


INPUTS: dict[str, Callable[[Play], str]] = {
    "step 1 in new words": lambda play: play.send(ask(1)),
    "a step with a fact": lambda play: play.send(ask(play.next, checked=("c.py",))),
    "a step with nothing new": lambda play: play.send(empty(play.next, "one")),
    "one more with nothing new, in other words": insisted,
    "a step, and the manager signals": signalled,
    "a step, all is verified, and the manager ends": ended_by_manager,
    "an ask to finish with open clauses": barred,
    "an ask to finish with nothing open": lambda play: play.send(ask(play.next, more=False)),
    "the same where an expert may be asked": lambda play: play.send(ask(play.next, more=False), prepared=EXPERT),
    "a backtrack to a live step": lambda play: play.send(ask(2, backtrack=2)),
    "a backtrack to no live step": lambda play: play.send(ask(play.next, backtrack=99)),
    "the last step, sent again": again,
    "the last number in other words": lambda play: play.send(ask(play.next - 1 if play.thread else 2)),
    "a superseded step, sent again": overtaken,
    "a number too high": lambda play: play.send(ask(play.next + 1)),
    "an expert that agrees, or fails": lambda play: play.answer(AGREES),
    "an expert that objects": lambda play: play.answer(OBJECTS),
    "a person abandons it": lambda play: play.command(ABANDON),
}
PANEL_INPUTS: dict[str, tuple[dict[str, Any], Callable[[Play], str]]] = {
    "consensus: a step": ({}, lambda play: play.send(ask(play.next))),
    "consensus: an ask to finish, models unheard": ({}, lambda play: play.send(ask(play.next, more=False))),
    "consensus: an answer, models unheard": ({}, Play.hear),
    "consensus: the last answer": ({"models": 2}, heard_last),
    "consensus: the last answer, split, with an exchange": (
        {"models": 2, "exchange": True},
        lambda play: heard_last(play, (Vote.SUPPORT, Vote.OPPOSE)),
    ),
}


def answer(play: Play) -> str:
    words = "the caller takes the lock, as its trace shows"
    return play.send(ask(play.next, more=False, findings=words), prepared=EXPERT)


DISPUTE_INPUTS: dict[str, Callable[[Play], str]] = {
    "an ask to finish that answers its objections": answer,
    "an ask to finish that does not": lambda play: play.send(ask(play.next, more=False), prepared=EXPERT),
    "asked again, it agrees": lambda play: play.answer(AGREES),
    "asked again, it objects": lambda play: play.answer(OBJECTS),
    "asked again, it fails": lambda play: play.answer(FAILS),
}


def cannot_repeat() -> None:
    assert Thread("", REVIEW.tool).step_with("any") is None
    assert not isinstance(admit(None, ask(1), REVIEW), Replay | Collect)


def cannot_be_superseded() -> None:
    assert Thread("", REVIEW.tool).superseded == frozenset()
    assert isinstance(admit(None, ask(1), REVIEW), Open)


def has_heard_all() -> None:
    thread = panel(ThreadStatus.ENDED).now
    assert status_of(thread) is ThreadStatus.ENDED
    assert open_clauses(thread, PANEL) == ()


IMPOSSIBLE = {
    ("the last step, sent again", "new"): cannot_repeat,
    ("a superseded step, sent again", "new"): cannot_be_superseded,
    ("consensus: an ask to finish, models unheard", "ended"): has_heard_all,
}


# -- the test


def _disputes() -> dict[str, Callable[[Play], str]]:
    """Return the inputs to a thread whose expert objected, as the page has them."""
    return {f"expert objected: {row}": send for row, send in DISPUTE_INPUTS.items()}


def thread_for(row: str, status: ThreadStatus) -> Play:
    if row in PANEL_INPUTS:
        play = panel(status, **PANEL_INPUTS[row][0])
    else:
        play = disputed(status) if row in _disputes() else THREADS[status]()
    assert (status_of(play.thread) if play.thread else ThreadStatus.NEW) is status
    return play


def run(row: str, status: ThreadStatus, *, ahead: int | None = None) -> str:
    """Return what the machine does; with `ahead` the plan reaches so many steps beyond the thread's last one."""
    play = thread_for(row, status)
    if ahead is not None and play.thread is not None:
        likely = max(1, play.now.last + ahead)
        play.record(Planned(Plan(1, likely, likely + 1, "as the test wants it")))
    if row in PANEL_INPUTS:
        return PANEL_INPUTS[row][1](play)
    return (_disputes()[row] if row in _disputes() else INPUTS[row])(play)


def cells() -> list[Any]:
    return [
        pytest.param(row, ThreadStatus(status), cell, id=f"{row}, {status}")
        for row, by_status in table().items()
        for status, cell in by_status.items()
    ]


def test_the_page_has_every_input_and_nothing_else() -> None:
    assert list(table()) == [*INPUTS, *_disputes(), *PANEL_INPUTS]
    impossible = {
        (row, status) for row, by_status in table().items() for status in by_status if by_status[status] == "-"
    }
    assert impossible == set(IMPOSSIBLE)


@pytest.mark.parametrize(("row", "status", "cell"), cells())
def test_the_machine_does_what_the_table_says(row: str, status: ThreadStatus, cell: str) -> None:
    if cell == "-":
        IMPOSSIBLE[row, status.value]()
    elif "planned?" in cell:
        always = cell.replace(" planned?", "")
        assert {run(row, status, ahead=ahead) for ahead in range(-2, 9)} == {always, f"{always} planned"}
    else:
        assert run(row, status) == cell


def test_an_expert_that_objects_to_an_end_of_the_managers_holds_nobody() -> None:
    play = opened()
    end = Advice(end=True, reason="all is verified")
    assert play.send(ask(3, checked=("b.py",)), advice=end, prepared=EXPERT) == "step asked"
    assert play.answer(OBJECTS).removesuffix(" planned") == "answered"
    assert status_of(play.now) is ThreadStatus.OPEN


def test_a_command_with_an_argument_that_its_kind_does_not_know_is_refused() -> None:
    wrong = Command(CommandKind.ABANDON, arguments={"why": "bored"})
    assert opened().command(wrong) == "(refused)"


def test_a_command_says_who_gave_it_and_where_it_came_in() -> None:
    admission = admit_command(opened().now, replace(ABANDON, via="cli"))
    assert admission == CommandAccepted((Abandoned(via="cli"),))
    assert encode(Abandoned(via="cli")) == ("abandoned", '{"via":"cli"}')
