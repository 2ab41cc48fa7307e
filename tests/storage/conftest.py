"""A store to test with: SQLite always, PostgreSQL too for the contract when an address is given."""

import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from store_steps import Clock

from stepwarden.storage import Store

# An empty database of one's own, with the `postgres` extra installed: postgresql://user@host/name
POSTGRES = os.environ.get("STEPWARDEN_TEST_POSTGRES")


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


@pytest.fixture(params=["sqlite", "postgres"] if POSTGRES else ["sqlite"])
def any_url(request: pytest.FixtureRequest, url: str) -> str:
    if request.param == "sqlite":
        return url
    import psycopg

    schema = f"t{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    return f"{POSTGRES}?options=-csearch_path%3D{schema}"


@pytest_asyncio.fixture
async def any_store(any_url: str, clock: Clock) -> AsyncIterator[Store]:
    opened = Store(any_url, clock=clock)
    yield opened
    await opened.close()
