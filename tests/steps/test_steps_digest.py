"""What a thread comes down to, and which part of the work comes next."""

import pytest
from driver import PLANNER, REVIEW, ask, claim, moved, refuted, seen, started, unreachable

from stepwarden.steps.digest import digest
from stepwarden.steps.machine import phase_of
from stepwarden.steps.submission import Confidence
from stepwarden.steps.text import fold, key_of
from stepwarden.steps.thread import Phase


def test_issues_come_the_most_severe_first_with_their_place_and_evidence() -> None:
    play = started(
        REVIEW,
        issues=(
            claim("slow", "low", "a.py", 7),
            claim("leak", "critical", "b.py"),
            claim("race", "high"),
            claim("typo", "medium", "c.py", 1),
        ),
        evidence=[seen("a.py", line=9), seen("b.py")],
    )
    assert [(i.id, i.severity, i.place, i.evidenced) for i in digest(play.now).issues] == [
        ("I2", "critical", "b.py", True),
        ("I3", "high", "", False),
        ("I4", "medium", "c.py:1", False),
        ("I1", "low", "a.py:7", True),
    ]


def test_files_are_those_found_inside_the_root() -> None:
    play = started(
        REVIEW,
        checked=("a.py", "gone.py"),
        existing=("a.py",),
        evidence=[seen("b.py"), refuted("made_up.py"), unreachable("/etc/passwd")],
    )
    assert digest(play.now).files == ("a.py", "b.py")


def test_evidence_is_the_quotes_that_hold() -> None:
    play = started(REVIEW, evidence=[seen("a.py"), refuted("a.py"), unreachable("/etc/passwd"), moved("b.py")])
    assert [item.path for item in digest(play.now).evidence] == ["a.py", "b.py"]


def test_a_file_found_once_stays_found() -> None:
    play = started(REVIEW, checked=("a.py",), existing=("a.py",))
    play.step(checked=("a.py",), existing=())
    assert digest(play.now).files == ("a.py",)


def test_without_a_root_all_named_files_are_given() -> None:
    assert digest(started(REVIEW, checked=("a.py",), readable=False).now).files == ("a.py",)


def test_superseded_steps_are_out_of_it() -> None:
    play = started(REVIEW, words="the task", findings="one")
    play.step(words="two", findings="wrong", hypothesis="wrong", issues=(claim("wrong"),))
    play.go_back(2, words="again", findings="right", hypothesis="right", evidence=[seen("a.py")])
    given = digest(play.now)
    assert [(step.number, step.step, step.findings) for step in given.steps] == [
        (1, "the task", "one"),
        (2, "again", "right"),
    ]
    assert (given.task, given.hypothesis, given.hypothesis_evidenced) == ("the task", "right", True)
    assert given.issues == ()


def test_revised_steps_stand_in_their_place() -> None:
    play = started(PLANNER, steps=3)
    play.step(words="better", replaces=2)
    assert [step.number for step in digest(play.now).steps] == [1, 4, 3]


def test_no_hypothesis_is_not_an_evidenced_one() -> None:
    given = digest(started(REVIEW, evidence=[seen("a.py")]).now)
    assert (given.hypothesis, given.hypothesis_evidenced) == (None, False)


# -- phases


@pytest.mark.parametrize(
    ("number", "planned", "confidence", "phase"),
    [
        (1, 3, Confidence.CERTAIN, Phase.SURVEY),
        (2, 5, None, Phase.SURVEY),
        (2, 5, Confidence.MEDIUM, Phase.PROVE),
        (2, 4, None, Phase.PROVE),
        (2, 4, Confidence.LOW, Phase.DIG),
        (3, 8, None, Phase.DIG),
        (3, 8, Confidence.HIGH, Phase.PROVE),
        (7, 8, Confidence.MEDIUM, Phase.CONCLUDE),
        (4, 8, None, Phase.PROVE),
        (2, 8, Confidence.VERY_HIGH, Phase.CONCLUDE),
    ],
)
def test_the_phase_goes_by_number_confidence_and_plan(number, planned, confidence, phase) -> None:
    assert phase_of(number, ask(number, confidence=confidence), planned) is phase


# -- folding


@pytest.mark.parametrize("other", ["The  Parser", "THE PARSER", "\tthe\nparser\r\n", "the\u00a0parser"])
def test_case_and_white_space_make_no_other_words(other: str) -> None:
    assert fold(other) == "the parser"
    assert key_of(other, "x") == key_of("the parser", "x")


def test_keys_keep_their_parts_apart() -> None:
    assert key_of("a", "b") != key_of("a b")
    assert key_of("ab", "c") != key_of("a", "bc")
