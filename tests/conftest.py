"""What holds for all tests: reports of failed checks in shared modules, how deep random tests go, one fork server."""

import os

import pytest

pytest.register_assert_rewrite("tests.support")

from tests.support.examples import choose_depth  # noqa: E402
from tests.support.processes import FORK_SERVERS  # noqa: E402

# What the developer's own git is set to decides nothing here; a test that is about it sets it.
os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
choose_depth()


def pytest_unconfigure() -> None:
    FORK_SERVERS.close()
