"""Claims made of filler rest on nothing, whatever is quoted beside them."""

import pytest
from driver import DEBUG, Play, claim, seen

from stepwarden.steps.text import is_filler
from stepwarden.steps.thread import Assurance


@pytest.mark.parametrize("text", ["zzzzzzzz", "z z z z z z", "abababab", "done done done", "....zzzz...."])
def test_one_thing_over_and_over_is_filler(text: str) -> None:
    assert is_filler(text)


@pytest.mark.parametrize("text", ["", "no", "h", "it subtracts", "null is passed on", "retry loop swallows it"])
def test_words_are_not(text: str) -> None:
    assert not is_filler(text)


def test_a_hypothesis_of_filler_is_never_evidenced() -> None:
    play = Play(DEBUG)
    play.step()
    play.step(hypothesis="zzzzzzzzzzzz", evidence=[seen("a.py", supports="hypothesis")], checked=("a.py",))
    assert play.assessment.assurance is Assurance.ASSERTED
    assert "hypothesis" in play.open


def test_an_issue_of_filler_is_never_evidenced() -> None:
    play = Play()
    play.step()
    play.step(issues=(claim("zzzz zzzz", path="a.py", line=10),), evidence=[seen("a.py")])
    assert play.open == ["issue I1"]


def test_a_severity_alone_changes_the_issue_and_leaves_its_words() -> None:
    play = Play()
    play.step()
    play.step(issues=(claim("totals are wrong", "high", "a.py", 3),))
    play.step(issues=(claim("", "low", id="I1"),))
    (issue,) = play.now.claims.issues.values()
    assert (issue.severity, issue.description, issue.path, issue.line) == ("low", "totals are wrong", "a.py", 3)
