"""An expert's objections: what closes them, that they are asked about once more, and that none is passed over."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from driver import DEBUG, ask, claim, plan, quotes_of, refuted, seen, withdraw
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.steps.admission import Accept, Refusal, admit
from stepwarden.steps.consultation_rules import Preparation
from stepwarden.steps.dispute import Closing, numbered_objections, objections
from stepwarden.steps.events import Answered, Asked, Event, Finished, Held, decode, encode
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.expert_rules import MOST_ROUNDS
from stepwarden.steps.fold import fold_events
from stepwarden.steps.gate import assess
from stepwarden.steps.machine import Advice, StepFacts, advance, advise, apply_answers, open_thread
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Assurance, Outcome, Thread

PROOF = seen("a.py", "lock = None", 10, supports="hypothesis")
LEAK = claim("a leak of handles", "high", "c.py", 40)
AGREES = ExpertReview(summary="right", model="oracle")
FAILED = ExpertReview(model="oracle", failed="no answer in 600 s")
AT_B = Objection("look at the lock", "b.py", 30)
ANSWER = "E1: the lock is taken by the caller, see the trace of the run"


def objecting(*points: Objection, missing: tuple[str, ...] = ()) -> ExpertReview:
    return ExpertReview(agrees=False, summary="no", points=points, missing=missing, model="oracle")


@dataclass
class Work:
    """A thread that is worked on as a host does, with an expert that may be asked; `events` are all of it."""

    expert: str = "oracle"
    thread: Thread = field(default_factory=lambda: Thread("debug-a", "debug"))
    events: list[Event] = field(default_factory=list[Event])

    def begin(self) -> "Work":
        first = open_thread("debug-a", DEBUG, ask(1), StepFacts(readable=True), None)
        decision = advise(first, Advice(plan=plan(2)), DEBUG)
        self.thread, self.events = decision.thread, list(decision.events)
        return self

    def step(self, *evidence: Evidence, advice: Advice | None = None, **fields: Any) -> "Work":
        said = ask(fields.pop("number", self.thread.next_number), quotes=quotes_of(evidence), **fields)
        accepted = admit(self.thread, said, DEBUG)
        assert isinstance(accepted, Accept), accepted
        prepared = Preparation(self.expert)
        facts = StepFacts(evidence, said.files, readable=True, prepared=prepared)
        decision = advance(self.thread, accepted, said, facts, DEBUG)
        decision = advise(decision, advice or Advice(), DEBUG, prepared)
        self.thread, self.events = decision.thread, [*self.events, *decision.events]
        return self

    def finish(self, words: str = "done", *evidence: Evidence, **fields: Any) -> "Work":
        return self.step(*evidence, findings=words, more=False, confidence=Confidence.HIGH, **fields)

    def answered(self, review: ExpertReview) -> "Work":
        assert self.thread.awaiting is not None, "nobody is asked"
        key = self.thread.awaiting[0]
        decision = apply_answers(self.thread, key, [Answered(key, review)], DEBUG)
        self.thread, self.events = decision.thread, [*self.events, *decision.events]
        return self

    @property
    def last(self) -> Event:
        return self.events[-1]

    @property
    def open(self) -> list[str]:
        return [clause.id or clause.subject for clause in objections(self.thread)]

    @property
    def waits(self) -> bool:
        return self.thread.awaiting is not None


def disputed(*points: Objection, missing: tuple[str, ...] = (), **work: Any) -> Work:
    """Return a verified thread of two steps whose first ask to finish the expert objected to, in step 2."""
    proven = Work(**work).begin().finish("proven", PROOF, hypothesis="the lock is missing", issues=(LEAK,))
    if isinstance(proven.last, Held) or not proven.waits:  # the leak has no quote yet
        proven.finish("and the leak", seen("c.py", "handle = open(path)", 41))
    return proven.answered(objecting(*points, missing=missing))


def closings(work: Work) -> dict[str, Closing | None]:
    return {item.id: item.closed for item in numbered_objections(work.thread)}


def test_an_objection_is_open_whatever_else_is_proven_and_has_an_id() -> None:
    work = disputed(AT_B, Objection("which run?"))
    found = assess(work.thread, DEBUG)
    assert not found.sufficient
    assert found.assurance is Assurance.PARTLY
    assert work.open == ["E1", "E2"]
    assert closings(work) == {"E1": None, "E2": None}


@pytest.mark.parametrize(
    ("item", "closes"),
    [
        (seen("b.py", "with lock:", 30), True),
        (seen("b.py", "with lock:", 40), True),
        (seen("b.py", "with lock:", 41), False),
        (seen("d.py", "with lock:", 30), False),
        (seen("a.py", "lock = None", 10, supports="E1"), False),
        (refuted("b.py", "made up entirely", line=30), False),
    ],
    ids=["there", "near", "too far", "another file", "seen before, elsewhere", "not in the file"],
)
def test_new_code_that_was_found_at_its_place_closes_an_objection(item: Evidence, closes: bool) -> None:
    work = disputed(AT_B).step(item, checked=(item.path,))
    assert closings(work) == {"E1": Closing.QUOTED if closes else None}


def test_code_that_the_expert_had_seen_closes_nothing_however_often_it_is_sent() -> None:
    work = disputed(Objection("that line is fine", "a.py", 10))
    work.step(PROOF, checked=("x.py",)).step(replace(PROOF, supports="E1"), checked=("y.py",))
    assert work.open == ["E1"]
    assert work.step(seen("a.py", "lock.acquire()", 14), checked=("z.py",)).open == []


def test_a_file_alone_is_no_place_so_the_quote_has_to_name_the_objection() -> None:
    work = disputed(Objection("something in there is wrong", "b.py"))
    assert work.step(seen("b.py", "with lock:", 3), checked=("b.py",)).open == ["E1"]
    assert work.step(seen("b.py", "lock.release()", 5, supports="E1")).open == []


@pytest.mark.parametrize(
    "point", [Objection("no leak", claim="I1"), Objection("no leak", "c.py", 44)], ids=["by its id", "by its place"]
)
def test_taking_the_issue_back_closes_what_was_objected_to_it(point: Objection) -> None:
    work = disputed(point, AT_B)
    work.step(issues=(withdraw("I1"),))
    assert closings(work) == {"E1": Closing.WITHDRAWN, "E2": None}


@pytest.mark.parametrize(
    "point", [Objection("no leak", claim="I1"), Objection("no leak", "c.py", 44)], ids=["by its id", "by its place"]
)
@pytest.mark.parametrize("words", ["a leak of handles", "Handles leak here"])
def test_an_issue_that_is_taken_back_and_stated_again_is_still_objected_to(point: Objection, words: str) -> None:
    work = disputed(point).step(issues=(withdraw("I1"),))
    assert work.open == []
    again = seen("c.py", "handle = open(path)", 41)  # as it was seen before, so that no new quote closes it
    work.step(again, issues=(claim(words, "high", "c.py", 41),))
    assert work.open == ["E1"]
    work.step(issues=(withdraw("I2"), claim("the path is never checked", "high", "c.py", 41)))
    assert work.open == []


def test_an_issue_that_stood_beside_the_one_that_is_taken_back_keeps_nothing_open() -> None:
    twice = Work().begin().step(PROOF, hypothesis="the lock is missing", issues=(LEAK,))
    twice.finish("both", seen("c.py", "open(path)", 41), issues=(claim("handles leak", "high", "c.py", 42),))
    twice.answered(objecting(Objection("I2 says the same", claim="I1")))
    assert twice.step(issues=(withdraw("I1"),)).open == []


def gone_back() -> Work:
    """Return a thread that went back to before the objection, and is as certain and as well proven as can be."""
    work = disputed(AT_B)
    number = work.thread.last
    proof = seen("c.py", "handle.close()", 43)
    work.step(proof, number=number, backtrack=number, hypothesis="the lock is missing", issues=(LEAK,))
    return work.step(seen("a.py", "def run():", 8), PROOF, more=False, confidence=Confidence.CERTAIN)


def test_a_way_back_to_before_the_objection_does_not_save_the_expert() -> None:
    work = gone_back()
    assert work.waits
    work.answered(AGREES)
    assert work.thread.assurance is Assurance.VERIFIED


def test_what_was_objected_to_on_another_branch_is_not_verified_until_the_expert_says_yes() -> None:
    work = gone_back().finish("on without the answer")
    assert isinstance(work.last, Finished)
    assert work.last.assurance is Assurance.PARTLY


def test_an_objection_to_an_issue_that_is_not_claimed_any_more_holds_nobody() -> None:
    work = Work().begin().step(PROOF, hypothesis="the lock is missing", issues=(LEAK,))
    work.step(issues=(withdraw("I1"),)).finish("a thread without the leak").answered(
        objecting(Objection("no leak there", claim="I1"))
    )
    assert isinstance(work.last, Finished)
    assert (work.thread.outcome, work.thread.assurance) == (Outcome.DONE, Assurance.PARTLY)


def test_objections_that_quotes_closed_are_put_to_the_expert_once_more() -> None:
    """Any new line near an objection closes it; whether it answers it, only the expert can tell."""
    work = disputed(AT_B, missing=("d.py",))
    work.step(seen("b.py", "with lock:", 31), checked=("d.py",))
    assert assess(work.thread, DEBUG).sufficient
    work.finish(ANSWER)
    assert isinstance(work.last, Asked)
    work.answered(objecting(Objection("that line does not show who takes it", "b.py", 30)))
    assert isinstance(work.last, Finished)
    assert work.last.assurance is Assurance.PARTLY


def test_one_claim_taken_back_for_another_is_put_to_the_expert_too() -> None:
    work = disputed(Objection("that file is closed", claim="I1"))
    work.step(issues=(withdraw("I1"), claim("another", "high", "c.py", 41))).finish("Taken back")
    assert isinstance(work.last, Asked)


@pytest.mark.parametrize("near", [True, False])
def test_after_a_no_nothing_is_verified_where_nobody_is_asked_again(near: bool) -> None:
    """Neither by a line near the objection, nor by what it was about taken back."""
    work = disputed(AT_B if near else Objection("that file is closed", claim="I1"))
    work.expert = ""
    if near:
        work.step(seen("b.py", "with lock:", 31))
    else:
        work.step(issues=(withdraw("I1"),))
    work.finish(ANSWER)
    assert isinstance(work.last, Finished)
    assert (work.last.assurance, work.last.open) == (Assurance.PARTLY, ())


def test_a_reasoned_answer_is_put_to_the_expert_once_more_and_its_yes_completes() -> None:
    work = disputed(AT_B, missing=("d.py",)).finish(ANSWER)
    assert isinstance(work.last, Asked)
    work.answered(AGREES)
    assert isinstance(work.last, Finished)
    assert (work.last.assurance, work.last.open) == (Assurance.VERIFIED, ())
    assert work.thread.dispute is None


def test_a_second_no_completes_with_what_stands_and_is_not_called_verified() -> None:
    work = disputed(AT_B).finish(ANSWER).answered(objecting(replace(AT_B, text="a trace is no lock")))
    assert isinstance(work.last, Finished)
    assert work.last.assurance is Assurance.PARTLY
    assert [(clause.id, clause.text) for clause in work.last.open] == [("E2", "a trace is no lock")]


@pytest.mark.parametrize("second", [FAILED, ExpertReview(agrees=False, model="oracle")], ids=["failed", "no reason"])
def test_where_the_second_word_says_nothing_the_first_stands(second: ExpertReview) -> None:
    work = disputed(AT_B).finish(ANSWER).answered(second)
    assert isinstance(work.last, Finished)
    assert work.last.assurance is Assurance.PARTLY
    assert [clause.id for clause in work.last.open if clause.kind == "expert"] == ["E1"]


@pytest.mark.parametrize("words", ["done", "please finish now", "z z z z z z", "done done done done done done"])
def test_what_answers_nothing_is_not_asked_about_and_the_ask_completes_with_the_objection_open(words: str) -> None:
    work = disputed(AT_B).finish(words)
    assert isinstance(work.last, Finished)
    assert work.last.assurance is Assurance.PARTLY


@pytest.mark.parametrize("expert", ["", "oracle"])
def test_where_no_expert_can_be_asked_any_more_the_objection_stays_open(expert: str) -> None:
    work = disputed(AT_B)
    work.expert = expert
    work.finish(ANSWER)
    assert work.waits is bool(expert)
    if not expert:
        assert (work.thread.outcome, work.thread.assurance) == (Outcome.DONE, Assurance.PARTLY)


def test_certain_does_not_save_the_second_round() -> None:
    work = disputed(AT_B).step(findings=ANSWER, more=False, confidence=Confidence.CERTAIN)
    assert work.waits


def test_another_conclusion_is_judged_again_although_every_objection_is_closed() -> None:
    work = disputed(AT_B)
    new = seen("b.py", "with lock:", 30, supports="hypothesis")
    work.finish("moved on", new, hypothesis="the lock is taken twice")
    assert isinstance(work.last, Asked)
    work.answered(AGREES)
    assert work.thread.assurance is Assurance.VERIFIED


def test_an_objection_to_an_end_of_the_managers_is_open_and_answered_before_the_hold_is_spent() -> None:
    work = Work().begin().step(PROOF, hypothesis="the lock is missing")
    work.step(
        seen("a.py", "def run():", 8), confidence=Confidence.VERY_HIGH, advice=Advice(end=True, reason="verified")
    )
    work.answered(objecting(AT_B))
    assert work.thread.outcome is Outcome.OPEN
    work.step(findings=ANSWER, confidence=Confidence.VERY_HIGH, advice=Advice(end=True, reason="verified"))
    assert work.thread.outcome is Outcome.OPEN  # not verified, so nothing may end it early
    assert work.finish("nothing more").waits
    assert not any(isinstance(event, Held) for event in work.events)
    work.answered(objecting(AT_B))
    assert any(isinstance(event, Held) for event in work.events)
    assert isinstance(work.finish("nothing more").last, Finished)


def test_objections_are_numbered_on_in_the_second_round_and_anew_after_a_backtrack() -> None:
    work = disputed(AT_B, Objection("which run?")).finish(ANSWER).answered(objecting(Objection("still none")))
    assert list(closings(work)) == ["E3"]
    back = replace(ask(2, more=False), backtrack=2)
    accepted = admit(work.thread, back, DEBUG)
    assert isinstance(accepted, Accept)
    reset = advance(work.thread, accepted, back, StepFacts(readable=True), DEBUG).thread
    assert (reset.dispute, reset.review, reset.expert_rounds) == (None, None, 0)


def test_a_quote_may_name_an_objection_and_only_one_that_there_is() -> None:
    work = disputed(AT_B)
    named = ask(work.thread.next_number, quotes=quotes_of([seen("b.py", supports="E1")]))
    assert isinstance(admit(work.thread, named, DEBUG), Accept)
    wrong = ask(work.thread.next_number, quotes=quotes_of([seen("b.py", supports="E2")]))
    refusal = admit(work.thread, wrong, DEBUG)
    assert isinstance(refusal, Refusal)
    assert refusal.subject == "E2"


def test_reviews_that_were_recorded_before_objections_had_claims_and_advice_fold_to_the_same() -> None:
    old = '{"key":"expert:3:1","opinion":{"agrees":false,"points":[{"text":"no","path":"b.py","line":3}],"model":"m"}}'
    event = decode("answered", old)
    assert isinstance(event, Answered)
    assert encode(event) == ("answered", old)
    assert event.opinion.advice == ()
    assert event.opinion.points[0].claim == ""


# -- any thread


def _quote(work: Work, place: tuple[str, int]) -> None:
    work.step(seen(place[0], f"code at {place}", place[1]), checked=(f"{work.thread.last}.py",))


MOVES: dict[str, Callable[[Work], object]] = {
    "quote at b": lambda work: _quote(work, ("b.py", 30)),
    "quote elsewhere": lambda work: _quote(work, ("d.py", 1)),
    "withdraw": lambda work: work.step(issues=(withdraw("I1"),) if "I1" in work.thread.claims.issues else ()),
    "answer": lambda work: work.step(findings=f"{ANSWER} {work.thread.last}"),
    "another theory": lambda work: work.step(PROOF, hypothesis=f"theory {work.thread.last}"),
    "ask": lambda work: work.finish(f"done {work.thread.last}"),
    "ask with an answer": lambda work: work.finish(f"{ANSWER} {work.thread.last}"),
}
REVIEWS = st.sampled_from(
    [AGREES, FAILED, objecting(AT_B), objecting(AT_B, Objection("no leak", claim="I1")), objecting(missing=("q.py",))]
)


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=8), st.lists(REVIEWS, min_size=12, max_size=12))
def test_no_thread_with_an_open_objection_is_sufficient_or_verified_and_none_is_locked_in(
    moves: list[str], reviews: list[ExpertReview]
) -> None:
    work = disputed(AT_B)
    came = iter(reviews)
    for move in [*moves, "ask", "ask", "ask", "ask"]:
        if work.thread.outcome is not Outcome.OPEN:
            break
        MOVES[move](work)
        if work.waits:
            work.answered(next(came))
        found = assess(work.thread, DEBUG)
        if work.open:
            assert not found.sufficient
            assert found.assurance is not Assurance.VERIFIED
        assert work.thread.expert_rounds <= MOST_ROUNDS
    assert work.thread.outcome is Outcome.DONE
    assert isinstance(work.last, Finished)
    assert not (work.open and work.last.assurance is Assurance.VERIFIED)
    assert {clause.id for clause in work.last.open if clause.kind == "expert"} == {
        name for name in work.open if name.startswith("E")
    }
    again = fold_events(Thread("debug-a", ""), [decode(*encode(event)) for event in work.events])
    assert (again.dispute, again.expert_rounds, again.assurance) == (
        work.thread.dispute,
        work.thread.expert_rounds,
        work.thread.assurance,
    )
