"""The dispatchers that the tests of the engine are about, each on a store of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from engines import KINDS, Engine, open_dispatcher

from stepwarden.engine import Dispatcher
from stepwarden.storage import Store
from tests.support.clocks import Clock
from tests.support.postgres import postgres_schema


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """Each kind of dispatcher, on an empty database."""
    locks = tmp_path / "drivers"
    if request.param == "local":
        return Engine("local", f"sqlite:///{tmp_path}/store.db", locks)
    return Engine(request.param.partition("-")[0], postgres_schema(), locks)


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
