"""Assumptions that nobody checked stay open until the agent says what came of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.steps.assumptions import open_assumptions
from stepwarden.steps.step import Step
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread

LOAD = "load stays below 10 orders a second"


def thread_of(*findings: str) -> Thread:
    thread = Thread("thinkdeep-x", "thinkdeep")
    for number, text in enumerate(findings, 1):
        step = Step(number, Submission(number, f"step {number}", f"d{number}", findings=text))
        thread = Thread("thinkdeep-x", "thinkdeep", trail=thread.trail.with_items(step))
    return thread


@pytest.mark.parametrize(
    "text",
    [
        f"Assumptions: {LOAD} (not checked); one host (checked).",
        f"- {LOAD} [unchecked]\n- one host [checked]",
        f"Unchecked: {LOAD}. Checked: one host.",
        f"We go on. {LOAD} (not yet verified). One host (confirmed by ops).",
    ],
)
def test_an_assumption_marked_as_not_checked_is_open(text: str) -> None:
    assert open_assumptions(thread_of(text)) == (LOAD,)


@pytest.mark.parametrize(
    "text",
    [
        "the input is not checked by save()",
        "save() returns an unchecked value",
        "nothing was tested (yet)",
        "(unchecked)",
    ],
)
def test_prose_about_code_is_no_assumption(text: str) -> None:
    assert open_assumptions(thread_of(text)) == ()


@pytest.mark.parametrize("word", ["checked", "checked: 0.007 a second", "refuted", "dropped"])
def test_a_later_word_settles_it_also_in_other_words(word: str) -> None:
    first = f"{LOAD} (not checked); the disk is local (not checked)"
    assert open_assumptions(thread_of(first, f"The load stays far below 10 orders a second ({word})")) == (
        "the disk is local",
    )


@given(st.lists(st.text(max_size=60), max_size=6))
def test_whatever_is_said_after_it_one_without_a_mark_of_its_own_stays_open(texts: list[str]) -> None:
    later = [text.replace("(", "").replace("[", "").replace(":", "") for text in texts]
    assert open_assumptions(thread_of(f"{LOAD} (not checked)", *later))[0] == LOAD
