"""The dispatchers that the tests of the engine are about, each on a store of its own."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from engines import NEEDS_POSTGRES, POSTGRES, Engine, open_dispatcher

from stepwarden.engine import Dispatcher
from stepwarden.storage import Store
from tests.support.clocks import Clock


@pytest.fixture(params=["local", pytest.param("local-postgres", marks=NEEDS_POSTGRES)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """Each kind of dispatcher, on an empty database."""
    locks = tmp_path / "drivers"
    if request.param == "local":
        return Engine("local", f"sqlite:///{tmp_path}/store.db", locks)
    schema = f"t{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    return Engine("local", f"{POSTGRES}?options=-csearch_path%3D{schema}", locks)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def store(engine: Engine, clock: Clock) -> AsyncIterator[Store]:
    opened = Store(engine.url, clock=clock)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def dispatcher(engine: Engine, store: Store) -> AsyncIterator[Dispatcher]:
    opened = open_dispatcher(engine, store)
    yield opened
    await opened.close()
