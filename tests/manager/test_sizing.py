from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manager_driver import DEBUG, POLICIES

from stepwarden.manager.facts import TaskFacts
from stepwarden.manager.question import Clue, QuestionKind, clues, question_kind
from stepwarden.manager.size_estimate import size
from stepwarden.steps.gate import Policy
from stepwarden.steps.thread import DecidedBy
from tests.support.examples import examples

CODEREVIEW = POLICIES["codereview"]
ANALYZE = POLICIES["analyze"]
WIDE = Policy("other", 1, 10, 20)


def plan_of(policy, task="look at this", **facts):
    plan = size(TaskFacts(task, **facts), policy).plan
    assert plan is not None
    return plan


@pytest.mark.parametrize("tool", [tool for tool in POLICIES if tool != "debug"])
def test_every_tool_starts_where_its_row_of_the_table_says(tool):
    policy = POLICIES[tool]
    plan = plan_of(policy, "how does this work", files=4)
    assert (plan.likely, plan.by) == (policy.likely, DecidedBy.RULE)
    assert policy.low <= plan.low < plan.high <= policy.high


def test_debug_starts_where_its_row_says_when_the_place_is_known():
    assert plan_of(DEBUG, "wrong sum at src/sum.py:12").likely == 4


@pytest.mark.parametrize(
    ("files", "move"),
    [(0, 0), (1, -1), (2, -1), (3, 0), (5, 0), (6, 1), (10, 1), (11, 2), (20, 2), (21, 3), (5_000, 3)],
)
def test_the_number_of_files_moves_the_start(files, move):
    assert plan_of(WIDE, files=files).likely == 10 + move


@pytest.mark.parametrize(
    ("task", "kind", "move"),
    [
        ("How does the parser work?", QuestionKind.HOW, 0),
        ("REVIEW the parser.", QuestionKind.REVIEW, 1),
        ("Is the architecture of it sound?", QuestionKind.ARCHITECTURE, 2),
        ("Look for security holes", QuestionKind.SECURITY, 2),
        ("security review of the architecture", QuestionKind.SECURITY, 2),
        ("review it for bugs", QuestionKind.REVIEW, 1),
        ("debug the parser", QuestionKind.DEBUG, 3),
        ("the preview reviewer redesigned secured things", QuestionKind.HOW, 0),
        ("how does review_queue() in src/security/design.py use --debug and audit.log", QuestionKind.HOW, 0),
        ("Wie funktioniert das?", QuestionKind.HOW, 0),
    ],
)
def test_the_kind_of_question_moves_the_start(task, kind, move):
    assert question_kind(task) is kind
    assert plan_of(WIDE, task).likely == 10 + move


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (" " * 15_995 + "debug more", QuestionKind.DEBUG),
        (" " * 15_994 + "reviewer", QuestionKind.HOW),
        (" " * 20_000 + "review", QuestionKind.HOW),
        (" " * 20_000, QuestionKind.HOW),
        ("z" * 20_000, QuestionKind.HOW),
    ],
)
def test_of_a_very_long_task_the_first_part_is_read_in_whole_words(task, kind):
    assert question_kind(task) is kind


@pytest.mark.parametrize(
    ("tool", "task"),
    [
        ("codereview", "review this and find the bugs"),
        ("precommit", "review my changes"),
        ("secaudit", "security audit, find vulnerabilities"),
        ("testgen", "write regression tests"),
    ],
)
def test_a_kind_that_the_tool_itself_is_moves_nothing(tool, task):
    assert plan_of(POLICIES[tool], task).likely == POLICIES[tool].likely


def test_another_kind_still_moves_a_tool():
    assert plan_of(CODEREVIEW, "review the security of the login").likely == 5


@pytest.mark.parametrize(
    ("task", "found", "likely"),
    [
        ("it is wrong", set(), 7),
        ("parse_line gives wrong sums", {Clue.SYMBOL}, 5),
        ("ParseLine gives wrong sums", {Clue.SYMBOL}, 5),
        ("parse() gives wrong sums", {Clue.SYMBOL}, 5),
        ("src/parse.py gives wrong sums", {Clue.SYMBOL}, 5),
        ("we get a KeyError", {Clue.EXCEPTION}, 5),
        ("we get a KeyError in parse_line", {Clue.EXCEPTION, Clue.SYMBOL}, 4),
        ("wrong at parse.py:31", {Clue.PLACE, Clue.SYMBOL}, 4),
        ("Traceback (most recent call last): ...", {Clue.TRACE}, 4),
        ("broken\n   at Foo.bar(Foo.java:12)", {Clue.TRACE, Clue.PLACE, Clue.SYMBOL}, 4),
    ],
)
def test_debug_deserves_fewer_steps_the_more_is_known(task, found, likely):
    assert clues(task) == found
    assert plan_of(DEBUG, task).likely == likely


@pytest.mark.parametrize(
    ("policy", "task", "files", "reason"),
    [
        (ANALYZE, "review it", 3, "3 files, review"),
        (ANALYZE, "how does it work", 1, "1 file"),
        (ANALYZE, "how does it work", 0, "the usual for analyze"),
        (CODEREVIEW, "review it", 12, "12 files"),
        (DEBUG, "it is wrong", 2, "2 files, debug, nothing known"),
        (DEBUG, "we get a KeyError", 0, "debug, one clue"),
        (DEBUG, "we get a KeyError in parse_line", 0, "debug, two clues"),
        (DEBUG, "wrong at parse.py:31", 0, "debug, place known"),
    ],
)
def test_the_reason_names_the_facts(policy, task, files, reason):
    assert plan_of(policy, task, files=files).reason == reason


def test_the_agents_number_is_taken_and_the_rules_own_is_told():
    plan = plan_of(DEBUG, "wrong at parse.py:31", hint=6)
    assert (plan.likely, plan.by, plan.reason) == (6, DecidedBy.AGENT, "you asked for 6; the rules say 4")
    assert plan.low <= 4
    assert plan.high >= 6


def test_the_agents_number_has_the_rules_reason_where_they_agree():
    plan = plan_of(ANALYZE, files=3, hint=5)
    assert (plan.likely, plan.by, plan.reason) == (5, DecidedBy.AGENT, "you asked for 5; 3 files")


@pytest.mark.parametrize(
    ("hint", "likely", "reason"),
    [
        (1, 2, "you asked for fewer than 2; the rules say 4"),
        (10**40, 8, "you asked for more than 8; the rules say 4"),
    ],
)
def test_the_agents_number_is_kept_in_the_range(hint, likely, reason):
    plan = plan_of(DEBUG, "wrong at parse.py:31", hint=hint)
    assert (plan.likely, plan.reason) == (likely, reason)
    assert plan.low <= likely <= plan.high


def test_nineteen_finished_threads_change_nothing():
    assert plan_of(DEBUG, files=3, finished=(2,) * 19) == plan_of(DEBUG, files=3)


def test_twenty_finished_threads_replace_start_files_and_kind():
    finished = (3, 4, 4, 4, 5) * 4
    plan = plan_of(DEBUG, "security", files=30, finished=finished)
    assert (plan.low, plan.likely, plan.high, plan.by) == (3, 4, 5, DecidedBy.RULE)
    assert plan.reason == "median 4, 3-5, of 20 finished"


def test_history_outside_the_range_is_told_as_it_is_and_planned_inside():
    plan = plan_of(CODEREVIEW, finished=(9,) * 30)
    assert (plan.low, plan.likely, plan.high) == (4, 5, 5)
    assert plan.reason == "median 9, 9-9, of 30 finished"


@pytest.mark.parametrize(
    ("files", "plan"), [(0, (8, 12, 18)), (1, (6, 9, 14)), (4, (6, 10, 15))], ids=["none", "one", "four"]
)
def test_the_interval_is_a_third_below_and_a_half_above(files, plan):
    policy = replace(WIDE, likely=12 if files == 0 else 10)
    found = plan_of(policy, files=files)
    assert (found.low, found.likely, found.high) == plan


def test_a_range_of_one_number_is_planned_as_it_is():
    plan = plan_of(Policy("other", 3, 3, 3), "security", files=50)
    assert (plan.low, plan.likely, plan.high) == (3, 3, 3)


def test_only_the_newest_finished_threads_are_looked_at():
    plan = plan_of(DEBUG, finished=(3, 4, 5, 6) * 125 + (8,) * 5_000)
    assert plan.reason == "median 5, 3-6, of 500 finished"


def test_a_counted_total_is_not_advised():
    plan = plan_of(POLICIES["planner"], "review", files=30, hint=4, computed=17, finished=(3,) * 50)
    assert (plan.low, plan.likely, plan.high, plan.reason) == (17, 17, 17, "17 steps, counted")


WORDS = ["please", "kindly", "look", "into", "the", "thing", "that", "we", "have", "here", "and", "tell", "me", "more"]
FILLER = st.lists(st.sampled_from(WORDS))
TASKS = st.sampled_from(
    [
        "review it",
        "why is KeyError raised",
        "crash at a.py:3",
        "security of load_all()",
        "how does it work",
        "",
        "debug" + " " * 15_995,
        "broken " * 3_000,
        " " * 15_995 + "debug",
    ]
)
WORKS = st.builds(
    TaskFacts,
    task=st.text(max_size=80) | TASKS,
    files=st.integers(0, 100),
    hint=st.none() | st.integers(1, 10**6),
    finished=st.lists(st.integers(1, 60), max_size=60).map(tuple),
)
RANGES = st.tuples(st.integers(2, 10), st.integers(0, 6), st.integers(0, 6))


@settings(max_examples=examples(25))
@given(work=WORKS, bounds=RANGES, tool=st.sampled_from(list(POLICIES)))
def test_every_plan_is_an_interval_inside_the_range_with_a_short_reason(work, bounds, tool):
    low, below, above = bounds
    policy = Policy(tool, low, low + below, low + below + above)
    advice = size(work, policy)
    plan = advice.plan
    assert plan is not None
    assert policy.low <= plan.low <= plan.likely <= plan.high <= policy.high
    assert plan.low < plan.high or policy.low == policy.high
    assert 0 < len(plan.reason.encode()) <= 60
    assert (advice.reason, advice.by) == (plan.reason, plan.by)
    assert size(work, policy) == advice


@settings(max_examples=examples(20))
@given(task=TASKS, filler=FILLER, times=st.sampled_from([1, 50, 1_000]), tool=st.sampled_from(list(POLICIES)))
def test_the_length_of_the_prose_never_matters(task, filler, times, tool):
    longer = task + " " + " ".join(filler * times)
    assert size(TaskFacts(longer), POLICIES[tool]) == size(TaskFacts(task), POLICIES[tool])
