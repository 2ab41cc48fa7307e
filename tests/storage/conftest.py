"""A store to test with: SQLite always, PostgreSQL too for the contract where there is one."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from stepwarden.storage import Store
from tests.support.clocks import Clock
from tests.support.postgres import NEEDS_POSTGRES, postgres_schema


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def store(url: str, clock: Clock) -> AsyncIterator[Store]:
    opened = Store(url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield disk
    # A process keeps the index of a log open once it read it: closing it would drop the locks of its connections.
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def postgres_url() -> str:
    return postgres_schema()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=NEEDS_POSTGRES)])
def any_url(request: pytest.FixtureRequest, url: str) -> str:
    return url if request.param == "sqlite" else postgres_schema()


@pytest.fixture
def fresh_url(any_url: str, tmp_path: Path) -> str:
    """Another empty database of the same kind."""
    return f"sqlite:///{tmp_path}/fresh.db" if any_url.startswith("sqlite") else postgres_schema()


@pytest_asyncio.fixture
async def any_store(any_url: str, clock: Clock) -> AsyncIterator[Store]:
    opened = Store(any_url, clock=clock)
    yield opened
    await opened.close()
