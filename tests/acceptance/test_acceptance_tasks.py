"""The scenarios of tasks of the official conformance suite, against a server whose tools are runs."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance_suite import passed_checks, run_scenario

from tests.support.processes import ROOT, environment

SERVER = Path(__file__).with_name("tasks_server.py")
LISTENING = "listening on "
CHECKS = {
    "tasks-lifecycle": 9,
    "tasks-capability-negotiation": 5,
    "tasks-wire-fields": 4,
    "tasks-request-state-removal": 3,
    "tasks-mrtr-input": 4,
    "tasks-request-headers": 5,
    "tasks-dispatch-and-envelope": 9,
    "tasks-required-task-error": 3,
    "tasks-mrtr-composition": 2,
}
"""How many checks each scenario has; `tasks-status-notifications` has none yet."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    with subprocess.Popen(
        [sys.executable, str(SERVER), str(home)],
        cwd=ROOT,
        env=environment(home, PYTHONPATH=str(ROOT)),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = next((line for line in process.stderr if line.startswith(LISTENING)), "")
        assert said, "it never said where it listens"
        yield said.removeprefix(LISTENING).strip()
        process.terminate()
        process.stderr.read()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", CHECKS)
def test_the_conformance_suite_finds_nothing_in_runs_as_tasks(suite: Path, address: str, scenario: str) -> None:
    said = run_scenario(suite, address, scenario, "--spec-version", "2026-07-28", "--force")
    assert passed_checks(said) == CHECKS[scenario], said
