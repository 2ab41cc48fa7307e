"""Which dispatcher goes with which store, and what is said where one cannot work."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import start_run

from stepwarden.engine.choice import build_dispatcher
from stepwarden.engine.dbos import DbosDispatcher
from stepwarden.engine.local import LocalDispatcher
from stepwarden.errors import SettingsError
from stepwarden.settings import load_settings
from stepwarden.storage import Store
from tests.support.postgres import NEEDS_POOLER, NEEDS_POSTGRES, pooler, postgres_schema

pytestmark = pytest.mark.asyncio


@pytest.fixture
def addresses() -> Iterator[tuple[str, str]]:
    with pooler() as found:
        yield found


async def never(run_id: str) -> None:
    raise AssertionError(run_id)


async def test_a_file_is_driven_by_the_embedded_one_and_a_server_by_dbos(tmp_path: Path) -> None:
    for url, kind in ((None, LocalDispatcher), ("postgresql://localhost/runs", DbosDispatcher)):
        settings = load_settings(home=tmp_path, database_url=url)
        store = Store(settings.store_url)
        dispatcher = build_dispatcher(settings, store)
        assert isinstance(dispatcher, kind)
        await dispatcher.close()
        await store.close()
    assert list(tmp_path.iterdir()) == []


@NEEDS_POSTGRES
@NEEDS_POOLER
async def test_behind_a_pooler_driving_needs_the_direct_address_and_offering_does_not(
    addresses: tuple[str, str], tmp_path: Path
) -> None:
    direct, pooled = addresses
    driven = asyncio.Event()

    async def drive(run_id: str) -> None:
        assert run_id == "run-a"
        driven.set()

    store = Store(pooled)
    refused = build_dispatcher(load_settings(home=tmp_path, database_url=pooled), store)
    await start_run(store, "run-a")
    await refused.offer("run-a")
    with pytest.raises(SettingsError, match=r"leads to a pooler.*set STEPWARDEN_ENGINE_DATABASE_URL"):
        await refused.serve(never)
    assert [run.stream for run in await refused.unserved()] == ["run-a"]
    settings = load_settings(home=tmp_path, database_url=pooled, engine_database_url=direct)
    dispatcher = build_dispatcher(settings, store)
    serving = asyncio.create_task(dispatcher.serve(drive))
    await driven.wait()
    await dispatcher.close()
    await serving
    await store.close()


@NEEDS_POSTGRES
async def test_without_dbos_driving_on_postgres_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "stepwarden.engine.dbos_workflows", raising=False)
    monkeypatch.setitem(sys.modules, "dbos", None)
    settings = load_settings(home=tmp_path, database_url=postgres_schema())
    store = Store(settings.store_url)
    with pytest.raises(SettingsError, match=r"install stepwarden\[postgres\]"):
        await build_dispatcher(settings, store).serve(never)
    await store.close()
