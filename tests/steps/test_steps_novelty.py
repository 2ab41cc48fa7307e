"""A step has to bring something: rule 4 of the protocol."""

import pytest
from driver import PLANNER, REVIEW, Play, ask, claim, moved, refuted, seen, started, too_short, unreachable, withdraw

from stepwarden.steps.admission import Accept, Reason, Refusal, Replay
from stepwarden.steps.thread import Outcome

NOTHING = Refusal(Reason.NOTHING_NEW, 2)
OLD = "The parser drops the last line"


def _with_old_findings(**first) -> Play:
    return started(REVIEW, findings=OLD, **first)


def test_new_findings_alone_are_enough() -> None:
    assert _with_old_findings().step(findings="The parser is fine") == Accept(2, new=False)


def test_without_findings_the_words_of_the_step_count_as_such() -> None:
    play = started(REVIEW, words="Review the parser")
    assert play.step(words="review the  PARSER") == NOTHING
    assert play.step(words="Read the parser") == Accept(2, new=False)


@pytest.mark.parametrize(
    "findings",
    [OLD, OLD.upper(), "the parser\n  drops the\tlast line ", "", "  \n"],
    ids=["the same", "in capitals", "in other white space", "empty", "blank"],
)
def test_a_step_with_old_or_empty_findings_and_nothing_else_is_refused(findings: str) -> None:
    play = _with_old_findings()
    assert play.step(findings=findings) == NOTHING
    assert play.now.last == 1


def test_other_words_in_step_are_nothing_new_when_the_findings_are_old() -> None:
    assert _with_old_findings().step(words="I looked very hard", findings=OLD, confidence=None) == NOTHING


def test_findings_of_any_earlier_live_step_are_old() -> None:
    play = _with_old_findings()
    play.step(findings="second")
    play.step(findings="third")
    assert play.step(findings="Second") == Refusal(Reason.NOTHING_NEW, 4)


@pytest.mark.parametrize(
    "brought",
    [
        {"checked": ("b.py",)},
        {"relevant": ("b.py",)},
        {"checked": ("r.py",)},
        {"evidence": [seen("a.py", "return total + tax")]},
        {"evidence": [seen("b.py")]},
        {"evidence": [refuted("a.py", "never_there()")]},
        {"evidence": [unreachable("/etc/passwd")]},
        {"evidence": [seen("a.py", "return 0", 18)]},
        {"issues": (claim("Another one", "low"),)},
        {"issues": (claim("A leak", path="b.py"),)},
        {"hypothesis": "The cache is stale"},
        {"issues": (withdraw("I1"),)},
        {"issues": (claim("A leak of handles", id="I1"),)},
        {"issues": (claim("A leak", "low", id="I1"),)},
    ],
    ids=[
        "a path checked",
        "a path relevant",
        "a path relevant before and now checked",
        "a quote",
        "an old quote of another file",
        "a refuted quote",
        "an unreachable quote",
        "a quote that was too short, with its line",
        "an issue",
        "an old issue in another file",
        "a hypothesis",
        "a withdrawal",
        "an issue changed in words",
        "an issue changed in severity",
    ],
)
def test_one_new_thing_is_enough(brought) -> None:
    play = _with_old_findings(
        checked=("a.py",),
        relevant=("r.py",),
        evidence=[seen("a.py"), too_short("a.py", "return 0")],
        issues=(claim("A leak"),),
        hypothesis="The queue is full",
    )
    assert play.step(findings=OLD, **brought) == Accept(2)


@pytest.mark.parametrize(
    "repeated",
    [
        {"checked": ("a.py",)},
        {"relevant": ("q.py",)},
        {"evidence": [seen("a.py", " TOTAL = price *\n count")]},
        {"evidence": [moved("a.py", line=99)]},
        {"issues": (claim("a  LEAK"),)},
        {"issues": (claim("A leak", id="I1"),)},
        {"issues": (claim("", id="I1"),)},
        {"hypothesis": "the QUEUE is  full"},
        {"take_back": ["a.py"]},
        {"take_back": ["never.py"]},
    ],
    ids=[
        "a path",
        "the path of a quote",
        "a quote in other white space",
        "a quote at another line",
        "an issue",
        "an issue by its id, unchanged",
        "an issue's bare id",
        "a hypothesis",
        "taking back where nothing is refuted",
        "taking back an unknown file",
    ],
)
def test_one_repeated_thing_is_not(repeated) -> None:
    play = _with_old_findings(
        checked=("a.py",),
        evidence=[seen("a.py"), seen("q.py")],
        issues=(claim("A leak"),),
        hypothesis="The queue is full",
    )
    assert play.step(findings=OLD, **repeated) == NOTHING


def test_taking_back_a_refuted_quote_counts_once() -> None:
    play = _with_old_findings(evidence=[refuted("a.py")])
    assert play.step(findings=OLD, take_back=["a.py"]) == Accept(2)
    assert play.step(findings=OLD, take_back=["a.py"]) == Refusal(Reason.NOTHING_NEW, 3)


def test_a_path_that_was_looked_for_in_vain_counts_as_new_but_not_as_a_file() -> None:
    play = _with_old_findings()
    assert play.step(findings=OLD, checked=("gone.py",), existing=()) == Accept(2)
    assert play.now.claims.files == {"gone.py": False}


def test_a_hypothesis_given_up_and_taken_again_is_new() -> None:
    play = _with_old_findings(hypothesis="A")
    play.step(hypothesis="B")
    assert play.step(findings=OLD, hypothesis="A") == Accept(3)


# -- the second one


def test_the_same_empty_step_is_refused_again_however_often_it_is_sent() -> None:
    play = _with_old_findings()
    said = ask(2, findings=OLD)
    assert [play.send(said) for _ in range(3)] == [NOTHING] * 3


def test_a_different_empty_step_is_accepted_and_stalled() -> None:
    play = _with_old_findings()
    play.step(findings=OLD)
    assert play.step(findings="") == Accept(2, stalled=True, new=False)
    assert play.now.stalled
    assert play.again() == Replay(2)


def test_a_refusal_of_another_kind_between_the_two_changes_nothing() -> None:
    play = _with_old_findings()
    play.step(findings=OLD)
    play.step(9)
    assert play.step(findings="") == Accept(2, stalled=True, new=False)


def test_every_empty_step_is_refused_once_before_one_is_accepted() -> None:
    play = _with_old_findings()
    play.step(findings=OLD)
    play.step(findings=OLD)
    assert play.step(findings=OLD) == Refusal(Reason.NOTHING_NEW, 3)
    assert play.step(findings=OLD) == Accept(3, stalled=True, new=False)


def test_words_after_a_stall_end_it() -> None:
    play = _with_old_findings()
    play.step(findings=OLD)
    play.step(findings=OLD)
    play.step(findings="The lexer drops it")
    assert not play.now.stalled


@pytest.mark.parametrize("number", [2, 9], ids=["its own number", "another number"])
def test_a_second_empty_backtrack_is_accepted_and_stalled_too(number: int) -> None:
    play = _with_old_findings()
    play.step()
    assert play.step(number, findings=OLD, backtrack=2) == Refusal(Reason.NOTHING_NEW, 3)
    assert play.again() == Refusal(Reason.NOTHING_NEW, 3)
    assert play.step(number, findings="", backtrack=2) == Accept(2, backtrack=True, stalled=True, new=False)


def test_a_backtrack_is_compared_with_the_steps_it_leaves() -> None:
    play = _with_old_findings()
    play.step(findings="The lexer drops it", checked=("lexer.py",))
    assert play.go_back(2, findings="the lexer drops it") == Accept(2, backtrack=True, new=False)
    assert play.go_back(2, findings=OLD, checked=("lexer.py",)) == Accept(2, backtrack=True)


# -- where it is not asked


def test_an_ask_to_finish_needs_nothing_new() -> None:
    play = _with_old_findings()
    assert play.finish(findings=OLD) == Accept(2, new=False)
    assert play.now.outcome is Outcome.DONE


def test_a_tool_without_the_rule_takes_the_same_words_twice() -> None:
    play = started(PLANNER, findings=OLD)
    assert play.step(findings=OLD) == Accept(2, new=False)
    assert not play.now.stalled


def test_the_first_step_and_its_replacement_may_be_bare() -> None:
    play = Play(REVIEW)
    play.step(findings="")
    assert play.now.last == 1
    assert play.go_back(1, findings="") == Accept(1, backtrack=True, new=False)
