"""Issues are numbered by the server, once and for all: sections 1 and 4 of the protocol."""

import pytest
from driver import REVIEW, Play, claim, seen, started, withdraw

from stepwarden.steps.admission import Accept, Reason, Refusal


def _ids(play: Play) -> list[str]:
    return list(play.now.claims.issues)


def _words(play: Play) -> dict[str, str]:
    return {key: issue.description for key, issue in play.now.claims.issues.items()}


def test_issues_are_numbered_from_1_in_the_order_they_come() -> None:
    play = started(REVIEW, issues=(claim("A"), claim("B")))
    play.step(issues=(claim("C"),))
    assert _words(play) == {"I1": "A", "I2": "B", "I3": "C"}


def test_the_same_claim_again_changes_the_issue_and_adds_none() -> None:
    play = started(REVIEW, issues=(claim("A leak", "high", "a.py", 3),))
    play.step(issues=(claim("a  LEAK", "low", "a.py", 7),))
    assert _ids(play) == ["I1"]
    issue = play.now.claims.issues["I1"]
    assert (issue.severity, issue.line) == ("low", 7)


def test_the_same_claim_twice_in_one_step_is_one_issue() -> None:
    play = started(REVIEW, issues=(claim("A leak", "high"), claim("A LEAK", "low")))
    assert _ids(play) == ["I1"]
    assert play.now.claims.issues["I1"].severity == "low"


def test_the_same_words_about_another_file_are_another_issue() -> None:
    play = started(REVIEW, issues=(claim("A leak", path="a.py"), claim("A leak", path="b.py"), claim("A leak")))
    assert _ids(play) == ["I1", "I2", "I3"]


def test_a_change_by_id_takes_the_new_words() -> None:
    play = started(REVIEW, issues=(claim("A leak", "high", "a.py", 3), claim("B")))
    play.step(issues=(claim("A leak of sockets", "critical", "c.py", 4, id="I1"),))
    issue = play.now.claims.issues["I1"]
    assert (issue.description, issue.severity, issue.path, issue.line) == ("A leak of sockets", "critical", "c.py", 4)
    assert _ids(play) == ["I1", "I2"]


def test_a_change_by_id_and_the_same_words_in_one_step_are_one_issue() -> None:
    play = started(REVIEW, issues=(claim("A"),))
    play.step(issues=(claim("A leak", id="I1"), claim("a LEAK")))
    assert _words(play) == {"I1": "a LEAK"}


def test_the_old_words_of_an_issue_changed_in_the_same_step_are_another_issue() -> None:
    play = started(REVIEW, issues=(claim("A"),))
    play.step(issues=(claim("B", id="I1"), claim("A")))
    assert _words(play) == {"I1": "B", "I2": "A"}


def test_a_bare_id_keeps_the_words_of_an_issue_reported_in_the_same_step() -> None:
    play = started(REVIEW, issues=(claim("A"), claim("", id="I1")))
    assert _words(play) == {"I1": "A"}


def test_a_withdrawn_issue_is_gone() -> None:
    play = started(REVIEW, issues=(claim("A"), claim("B")))
    assert play.step(issues=(withdraw("I1"),)) == Accept(2)
    assert _ids(play) == ["I2"]


def test_a_withdrawn_issue_reported_again_gets_a_number_of_its_own() -> None:
    play = started(REVIEW, issues=(claim("A"),))
    play.step(issues=(withdraw("I1"),))
    play.step(issues=(claim("A"),))
    assert _ids(play) == ["I2"]


def test_numbers_are_not_given_again_after_a_backtrack() -> None:
    play = started(REVIEW)
    play.step(issues=(claim("A"), claim("B")))
    play.go_back(2, issues=(claim("A"),))
    assert _words(play) == {"I3": "A"}
    play.go_back(1, issues=(claim("C"),))
    assert _words(play) == {"I4": "C"}


@pytest.mark.parametrize("issue_id", ["I2", "I99"])
def test_an_id_that_was_never_given_is_refused(issue_id: str) -> None:
    play = started(REVIEW, issues=(claim("A"),))
    assert play.step(issues=(withdraw(issue_id),)) == Refusal(Reason.NO_SUCH_ISSUE, 2, issue_id)
    assert play.now.last == 1


def test_an_id_that_was_withdrawn_is_refused() -> None:
    play = started(REVIEW, issues=(claim("A"),))
    play.step(issues=(withdraw("I1"),))
    assert play.step(issues=(withdraw("I1"),)) == Refusal(Reason.NO_SUCH_ISSUE, 3, "I1")


def test_an_id_that_was_superseded_is_refused() -> None:
    play = started(REVIEW)
    play.step(issues=(claim("A"),))
    play.go_back(2)
    assert play.step(issues=(claim("A", id="I1"),)) == Refusal(Reason.NO_SUCH_ISSUE, 3, "I1")


def test_a_quote_for_an_unknown_issue_is_refused_naming_it() -> None:
    play = started(REVIEW, issues=(claim("A"),))
    assert play.step(evidence=[seen("a.py", supports="I7")]) == Refusal(Reason.NO_SUCH_ISSUE, 2, "I7")


def test_a_quote_may_support_an_issue_of_its_own_step() -> None:
    play = started(REVIEW, issues=(claim("A"),))
    assert play.step(issues=(claim("B"),), evidence=[seen("a.py", supports="I2")]) == Accept(2)


def test_an_ask_to_finish_that_names_an_unknown_issue_can_be_sent_without_it() -> None:
    play = started(REVIEW)
    assert play.finish(issues=(withdraw("I1"),)) == Refusal(Reason.NO_SUCH_ISSUE, 2, "I1")
    assert play.finish() == Accept(2, new=False)
