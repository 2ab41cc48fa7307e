"""secaudit: each flagged place is answered by an issue there or by a line `safe: path:line reason`."""

from collections.abc import Sequence

import pytest

from stepwarden.inspections.secaudit.answers import (
    find_verdicts,
    read_safe_answers,
    summary_fact,
    unanswered_clause,
    verdict_table,
)
from stepwarden.inspections.secaudit.places import FlaggedPlace, merge_lines, place_facts
from stepwarden.inspections.secaudit.security_rules import SecurityRisk
from stepwarden.steps.persistent import PersistentList
from stepwarden.steps.step import Issue
from stepwarden.steps.submission import Severity, Submission
from stepwarden.steps.thread import Claims, Step, Thread

PLACES = [
    FlaggedPlace("web/app.py", 12, "SQL from strings", SecurityRisk.INJECTION),
    FlaggedPlace("web/app.py", 30, "eval/exec", SecurityRisk.INJECTION),
    FlaggedPlace("web/app.py", 31, "weak hash", SecurityRisk.CRYPTOGRAPHY),
    FlaggedPlace("lib/tool.js", 4, "child_process", SecurityRisk.INJECTION),
    FlaggedPlace("web/app.py", 50, "shell=True", SecurityRisk.INJECTION, "literals only"),
]


def said(findings: str = "", issues: Sequence[Issue] = (), read: Sequence[str] = ()) -> Thread:
    """Return a thread whose one step said so."""
    step = Step(
        1,
        Submission(1, "looked", "d", findings=findings, checked=tuple(read)),
        issues=tuple(issues),
        existing=tuple(read),
        readable=True,
    )
    return Thread("secaudit-x", "secaudit", trail=PersistentList((step,)), claims=Claims().with_step(step))


def verdicts(thread: Thread) -> dict[str, str]:
    return {item.place.place: item.words for item in find_verdicts(thread, PLACES)}


@pytest.mark.parametrize(
    ("line", "answered"),
    [
        ("safe: web/app.py:12 the table is a constant", ["web/app.py:12"]),
        ("safe: app.py:12: the table is a constant", ["web/app.py:12"]),
        ("- **safe:** `web/app.py:12` - the table is a constant", ["web/app.py:12"]),
        ("Safe: /srv/x/web/app.py:L12 the table is a constant", ["web/app.py:12"]),
        ("safe: web/app.py:12, 31 never leaves the process", ["web/app.py:12", "web/app.py:31"]),
        ("safe: web/app.py:12, lib/tool.js:4 only admins call it", ["web/app.py:12", "lib/tool.js:4"]),
        ("safe: web/app.py:12 and lib/tool.js:4 only admins call it", ["web/app.py:12", "lib/tool.js:4"]),
        ("safe: web/app.py:10-31 dead code since 2019", ["web/app.py:12", "web/app.py:30", "web/app.py:31"]),
        ("safe: lib/ is a build script", ["lib/tool.js:4"]),
        ("safe: lib/tool.js a build script", ["lib/tool.js:4"]),
        ("safe: web/app.py:28 the line moved", ["web/app.py:30"]),  # the nearest
        ("safe: web/app.py:20 nothing is flagged near", []),
        ("safe: web/app.py:12", []),  # no reason
        ("safe: web/app.py:12 ok", []),
        ("safe: web/app.py:12 xxxxxxxxxxxxx", []),
        ("it is safe: I looked everywhere", []),
        ("safe: other.py:12 the table is a constant", []),
        ("safe: everything here is fine", []),
        ("safe: lib/tool.js:4 e.g. web/app.py:12 checks it", ["lib/tool.js:4"]),
    ],
)
def test_a_line_calls_places_safe_with_a_reason(line: str, answered: list[str]) -> None:
    found = verdicts(said(f"I looked.\n{line}\nThat is all."))
    assert {place for place, words in found.items() if words.startswith("safe")} == set(answered)


def test_numbers_of_a_reason_are_no_lines() -> None:
    assert [(answer.first, answer.reason) for answer in read_safe_answers("safe: a.py:3 12 rows at most")] == [
        (3, "12 rows at most")
    ]


def issue(line: int | None, severity: Severity = Severity.MEDIUM, words: str = "a hole") -> Issue:
    return Issue("I1", severity, words, "web/app.py", line)


@pytest.mark.parametrize(
    ("found", "answered"),
    [
        (issue(12), ["web/app.py:12"]),
        (issue(10), ["web/app.py:12"]),
        (issue(30), ["web/app.py:30"]),  # not the line below
        (issue(20), []),
        (issue(None), []),  # the file has several places
        (Issue("I1", Severity.LOW, "a hole", "lib/tool.js"), ["lib/tool.js:4"]),
        (Issue("I1", Severity.LOW, "from web/app.py:30 on to lib/tool.js:4"), ["web/app.py:30", "lib/tool.js:4"]),
    ],
)
def test_an_issue_answers_the_place_that_it_stands_at(found: Issue, answered: list[str]) -> None:
    told = verdicts(said(issues=[found]))
    assert [place for place, words in told.items() if words.startswith("I1")] == answered


def test_a_withdrawn_issue_answers_nothing_any_more() -> None:
    thread = said(issues=[issue(12)])
    back = Step(2, Submission(2, "wrong", "e"), issues=(Issue("I1", Severity.MEDIUM, "", withdrawn=True),))
    assert verdicts(thread)["web/app.py:12"] == "I1 medium"
    assert find_verdicts(Thread("s", "secaudit", claims=thread.claims.with_step(back)), PLACES)[0].words == "open"


def test_the_end_is_one_table_with_open_places_first_and_each_place_once() -> None:
    thread = said("safe: web/app.py:31 of a cache key only", [issue(12, Severity.HIGH)], read=["web/app.py"])
    found = find_verdicts(thread, PLACES)
    assert verdict_table(found).splitlines()[2:] == [
        "| A05 eval/exec | web/app.py:30 | open |",
        "| A05 child_process | lib/tool.js:4 | open |",
        "| A05 SQL from strings | web/app.py:12 | I1 high, not evidenced |",
        "| A04 weak hash | web/app.py:31 | safe: of a cache key only |",
        "| A05 shell=True | web/app.py:50 | no answer needed: literals only |",
    ]
    assert summary_fact(found) == "4 places: 1 issue, 1 safe by your word, not checked, 2 unanswered."
    (clause,) = unanswered_clause(found, named=6, field="findings")
    assert clause.text == ("findings: 2 places unanswered: web/app.py:30 eval/exec, lib/tool.js:4 child_process")


def test_a_file_that_nobody_read_is_told_beside_its_safe_place() -> None:
    assert verdicts(said("safe: lib/tool.js a build script"))["lib/tool.js:4"] == (
        "safe (file not read): a build script"
    )


def test_facts_name_all_places_by_risk_and_those_without_an_answer_last() -> None:
    many = [
        FlaggedPlace(f"some/long/folder/name/file{n}.py", n, "eval/exec", SecurityRisk.INJECTION) for n in range(14)
    ]
    lines = list(place_facts([*PLACES, *many]))
    assert lines[0].startswith("A05 injection: web/app.py:12 SQL from strings, web/app.py:30 eval/exec, lib/tool.js:4")
    assert lines[-2:] == [
        "A04 cryptography: web/app.py:31 weak hash",
        "No answer needed, literals only: web/app.py:50 shell=True",
    ]
    assert sum(line.count("file") for line in lines) == 9
    assert any(line.endswith("+5: report") for line in lines)


def test_a_line_is_one_place_and_one_that_needs_an_answer_stays() -> None:
    twice = [PLACES[4], FlaggedPlace("web/app.py", 50, "eval/exec", SecurityRisk.INJECTION), PLACES[0]]
    assert [(place.what, place.aside) for place in merge_lines(twice)] == [("eval/exec", ""), ("SQL from strings", "")]
