"""Fixtures of runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from run_rig import Start, starting


@pytest_asyncio.fixture
async def started(tmp_path: Path) -> AsyncIterator[Start]:
    """Make the runs of a process whose model answers by a script."""
    async with starting(tmp_path / "home") as start:
        yield start
