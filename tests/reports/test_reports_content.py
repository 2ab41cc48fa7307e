"""What a report says of a thread."""

from dataclasses import replace

from report_threads import finished, issue, planned, recorded, seen, step, thread_of

from stepwarden.reports.content import build_report, judge_thread
from stepwarden.reports.markdown import render_markdown
from stepwarden.steps.clause import Clause
from stepwarden.steps.events import Answered, Asked, StepRecorded
from stepwarden.steps.evidence import Verdict
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Assurance, DecidedBy


def test_only_a_thread_whose_claims_all_rest_is_called_verified() -> None:
    proof = seen("a.py", supports="hypothesis")
    steps = recorded(step(1, hypothesis="h", evidence=[proof]), step(2, more=False))
    verified, _ = thread_of(*steps, finished(Assurance.VERIFIED, by=DecidedBy.RULE, reason="it stood a further look"))
    partly, _ = thread_of(*steps, finished(Assurance.PARTLY))
    asserted, _ = thread_of(*recorded(step(1), step(2)), finished(Assurance.ASSERTED))
    opened, _ = thread_of(*recorded(step(1)))
    kinds = [judge_thread(thread).kind for thread in (verified, partly, asserted, opened)]
    assert kinds == ["verified", "partly", "asserted", "open"]
    assert judge_thread(asserted).title == "Not verified"
    assert judge_thread(verified).reasons[0].startswith("1 of 1 claims")


def test_quotes_that_were_found_make_no_conclusion_verified_that_nothing_tested() -> None:
    proof = seen("a.py", supports="hypothesis")
    steps = recorded(step(1, hypothesis="h", evidence=[proof]), step(2, more=False))
    found = judge_thread(thread_of(*steps, finished(Assurance.VERIFIED))[0])
    assert (found.kind, found.title) == ("partly", "Quotes found")
    assert "Nothing that the server saw tested the conclusion." in found.reasons


def test_what_a_rule_ended_without_a_checked_claim_is_called_done_by_rule_with_the_reason() -> None:
    thread, _ = thread_of(
        *recorded(step(1)), finished(Assurance.ASSERTED, by=DecidedBy.RULE, reason="nothing left to do")
    )
    found = judge_thread(thread)
    assert (found.kind, found.title) == ("rule", "Done by rule")
    assert any("nothing left to do" in reason for reason in found.reasons)


def test_a_refuted_quote_that_stands_is_told() -> None:
    thread, _ = thread_of(*recorded(step(1, evidence=[seen("a.py", verdict=Verdict.REFUTED)])))
    assert any("Refuted quotes" in reason for reason in judge_thread(thread).reasons)


def test_an_issue_brings_the_quotes_that_name_it_or_stand_near_it() -> None:
    near, far = seen("a.py", 12), seen("a.py", 90, "far away from the issue")
    named = seen("b.py", 5, "names it", supports="I1")
    thread, told = thread_of(
        *recorded(step(1, evidence=[near, far, named], issues=[issue(1, "high", "x", "a.py", 10)]))
    )
    assert build_report(thread, told).findings[0].quotes == (near, named)


def test_hypotheses_are_told_with_what_became_of_them() -> None:
    thread, told = thread_of(
        *recorded(step(1, hypothesis="first"), step(2, hypothesis="astray")),
        StepRecorded(step(2, "again", hypothesis="last"), backtracked=True),
    )
    report = build_report(thread, told)
    fates = {theory.text: theory.status for theory in report.hypotheses}
    assert fates == {"first": "replaced", "astray": "superseded", "last": "current"}
    assert [gone.number for gone in report.superseded] == [2]


def test_what_was_passed_over_is_told_in_words() -> None:
    left = [Clause("issue", "I1"), Clause("measured", "a.py", "a.py was not looked at")]
    thread, told = thread_of(*recorded(step(1)), finished(Assurance.ASSERTED, left=left))
    assert build_report(thread, told).left_open == ("I1 has no verified quote", "a.py was not looked at")


def test_facts_and_sections_of_the_live_steps_are_there() -> None:
    first = step(1, measured=Inspection(facts=("12 files",), sections={"Trace": "text"}))
    thread, told = thread_of(*recorded(first, step(2, measured=Inspection(sections={"Trace": "newer"}))), planned(3))
    report = build_report(thread, told)
    assert report.facts == ((1, ("12 files",)),)
    assert report.sections == (("Trace", "newer"),)
    assert (report.began, report.ended) == (told[0].at, told[-1].at)


def test_each_objection_of_an_expert_is_told_with_what_became_of_it() -> None:
    points = (
        Objection("look at the lock", "b.py", 30),
        Objection("no leak there", claim="I1"),
        Objection("which run?"),
        Objection("made up", "b.py", quote="nowhere", verdict=Verdict.REFUTED),
    )
    review = ExpertReview(agrees=False, summary="no", points=points, advice=("fix the lock",), model="oracle")
    leak = issue(1, "high", "a leak", "c.py", 40)
    thread, events = thread_of(
        *recorded(step(1), step(2, issues=[leak])),
        Asked("expert:2:1", 2, "oracle"),
        Answered("expert:2:1", review),
        *recorded(step(3, evidence=[seen("b.py", 31)], issues=[replace(leak, withdrawn=True)])),
    )
    report = build_report(thread, events)
    assert [(point.text, point.note) for point in report.review_points] == [
        ("E1: look at the lock", "closed by a quote at its place"),
        ("E2: no leak there", "closed: the issue was withdrawn"),
        ("E3: which run?", "open"),
        ("made up", "dropped: it misquotes the file"),
        ("fix the lock", "advice"),
    ]
    assert "- E3: which run? (open)" in render_markdown(report)
