"""testgen: what JUnit files, outputs of runs and coverage files say, and what of them is not read."""

import pytest

from stepwarden.inspections.testgen.covered_lines import lines_of, ranges_of, read_coverage
from stepwarden.inspections.testgen.test_results import (
    ResultIndex,
    TestResult,
    count_output,
    count_results,
    read_junit,
    read_output,
)

JUNIT = b"""<?xml version="1.0"?>
<testsuites><testsuite name="pytest" tests="4">
<testcase classname="tests.test_cart" name="test_adds" time="0.1"/>
<testcase classname="tests.test_cart" name="test_takes[1]"><failure message="no">trace</failure></testcase>
<testcase classname="tests.test_cart" name="test_takes[2]"/>
<testcase classname="tests.test_shop.TestShop" name="test_adds"><skipped type="pytest.skip"/></testcase>
</testsuite></testsuites>
"""
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><testsuites>&b;</testsuites>'


def test_a_junit_file_says_which_tests_ran_failed_and_were_skipped() -> None:
    results = read_junit(JUNIT)
    assert isinstance(results, list)
    assert count_results(results) == {"passed": 2, "failed": 1, "skipped": 1}
    index = ResultIndex(results)
    told = {
        (path, name): index.status_of(path, name)
        for path in ("tests/test_cart.py", "tests/test_shop.py", "tests/test_other.py")
        for name in ("test_adds", "test_takes", "test_gone")
    }
    assert {key: status for key, status in told.items() if status} == {
        ("tests/test_cart.py", "test_adds"): "passed",
        ("tests/test_cart.py", "test_takes"): "failed",
        ("tests/test_shop.py", "test_adds"): "skipped",
    }


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (BOMB, "declares entities, so it is not read"),
        (b"<testsuites><testcase", "is no XML: line 1"),
        (b"{}", "is no XML: line 1"),
        (b"<project/>", "is no JUnit file"),
        (
            b"<testsuite>" + b"<testcase name='a'/>" * 50_001 + b"</testsuite>",
            "has more than 50,000 tests, so it is not read",
        ),
    ],
)
def test_an_absurd_or_hostile_file_is_told_and_not_read(data: bytes, why: str) -> None:
    assert read_junit(data) == why


def test_a_coverage_file_with_entities_is_not_read_either() -> None:
    assert read_coverage("coverage.xml", BOMB) == "declares entities, so it is not read"
    assert read_coverage("coverage.xml", b"<a/>") == "is no coverage file"
    assert read_coverage("lcov.info", b"nothing") == "is no lcov file"


@pytest.mark.parametrize(
    ("output", "results", "counted"),
    [
        (
            (
                "tests/test_a.py::test_one PASSED [ 50%]\ntests/test_a.py::test_two FAILED [100%]\n"
                "FAILED tests/test_a.py::test_two - assert 1 == 2\n=== 1 failed, 1 passed in 0.02s ===\n"
            ),
            {"test_one": "passed", "test_two": "failed"},
            (1, 1, 0),
        ),
        (
            "FAILED tests/test_a.py::test_two - x\n== 1 failed, 8 passed, 2 skipped, 1 xfailed in 1.2s ==\n",
            {"test_two": "failed"},
            (8, 1, 2),
        ),
        (
            "=== RUN   TestAdd\n--- PASS: TestAdd (0.00s)\n--- FAIL: TestTake (0.00s)\n--- SKIP: TestNet (0.00s)\n",
            {"TestAdd": "passed", "TestTake": "failed", "TestNet": "skipped"},
            (1, 1, 1),
        ),
        (
            (
                "test cart::adds ... ok\ntest cart::takes ... FAILED\ntest net ... ignored\n"
                "test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured\n"
            ),
            {"cart::adds": "passed", "cart::takes": "failed", "net": "ignored"},
            (1, 1, 1),
        ),
        (
            (
                "  \u2713 adds two lines (3 ms)\n  \u2715 takes one off\n  \u25cb skipped waits\n\n"
                "Test Suites: 1 failed, 1 total\nTests:       1 failed, 1 skipped, 1 passed, 3 total\n"
            ),
            {"adds two lines": "passed", "takes one off": "failed", "waits": "skipped"},
            (1, 1, 1),
        ),
        ("make: nothing to be done\n", {}, None),
    ],
)
def test_an_output_of_a_test_runner_is_read(
    output: str, results: dict[str, str], counted: tuple[int, int, int] | None
) -> None:
    words = {"ignored": "skipped"}
    found = {result.name: result.status for result in read_output(output)}
    assert found == {name: words.get(status, status) for name, status in results.items()}
    assert (
        tuple(count.values()) if (count := count_output(output) or count_results(read_output(output))) else None
    ) == (counted or (0, 0, 0))


def test_a_later_run_of_a_test_stands_for_an_earlier_one() -> None:
    runs = [TestResult("test_a", "t/test_a.py", "failed"), TestResult("test_a", "t/test_a.py", "passed")]
    assert ResultIndex(runs).status_of("t/test_a.py", "test_a") == "passed"


COBERTURA = b"""<coverage><packages><package><classes><class filename="cart.py"><lines>
<line number="1" hits="1"/><line number="2" hits="0"/><line number="3" hits="10"/></lines></class></classes></package>
</packages></coverage>"""


@pytest.mark.parametrize(
    ("path", "data"),
    [("coverage.xml", COBERTURA), ("lcov.info", b"TN:\nSF:/ci/src/cart.py\nDA:1,1\nDA:2,0\nDA:3,10\nend_of_record\n")],
)
def test_covered_lines_are_those_of_the_one_file_of_that_name(path: str, data: bytes) -> None:
    covered = read_coverage(path, data)
    assert not isinstance(covered, str)
    assert lines_of(covered, ["src/cart.py", "src/shop.py"]) == {"src/cart.py": {1: True, 2: False, 3: True}}


def test_lines_are_told_as_stretches() -> None:
    assert ranges_of([5, 6, 8, 12]) == "5-8, 12"
