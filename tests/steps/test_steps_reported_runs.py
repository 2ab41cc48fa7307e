"""When a reported run counts as one that failed before and passes now."""

from stepwarden.steps.reported_run import ReportedRun, find_turned

FAILED = ReportedRun("pytest  -q", "1 failed", 1)
PASSED = ReportedRun("pytest -q", "3 passed", 0)
FAILED_AGAIN = ReportedRun("pytest -q", "2 failed", 1)
OTHER_FAILED = ReportedRun("ruff check", "1 error", 1)


def test_a_command_that_failed_and_passes_has_turned() -> None:
    assert find_turned([(1, FAILED), (2, PASSED), (2, OTHER_FAILED)], 2) == "pytest -q"


def test_a_command_that_fails_once_more_has_not_turned() -> None:
    assert find_turned([(1, FAILED), (2, PASSED), (3, FAILED_AGAIN)], 2) == ""
    assert find_turned([(1, FAILED), (2, PASSED), (3, FAILED_AGAIN), (4, PASSED)], 2) == "pytest -q"


def test_an_exit_code_alone_turns_nothing() -> None:
    assert find_turned([(1, FAILED), (2, ReportedRun("pytest -q", "", 0))], 1) == ""


def test_another_command_that_failed_again_leaves_the_one_that_turned() -> None:
    runs = [(1, FAILED), (2, PASSED)]
    other = [(2, ReportedRun("make", "boom", 2)), (3, ReportedRun("make", "ok", 0)), (4, ReportedRun("make", "no", 2))]
    assert find_turned([*runs, *other[:2]], 2) == "make"
    assert find_turned([*runs, *other], 2) == "pytest -q"
