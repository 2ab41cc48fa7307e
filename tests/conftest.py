"""What holds for all tests: reports of failed checks in shared modules, how deep random tests go, one fork server."""

import pytest

pytest.register_assert_rewrite("tests.support")

from tests.support.examples import choose_depth  # noqa: E402
from tests.support.processes import FORK_SERVERS  # noqa: E402

choose_depth()


def pytest_unconfigure() -> None:
    FORK_SERVERS.close()
