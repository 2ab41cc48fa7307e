"""Real processes: the homes they share."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("stdio_driver")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
