"""PostgreSQL behind a stock pgbouncer in transaction mode, where every transaction may meet another session."""

import asyncio
import getpass
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from sqlalchemy import make_url  # noqa: TID253 - a test loads what it needs
from store_steps import CHANGE, append, event

from stepwarden.errors import StoreBusy
from stepwarden.storage import Append, Store
from tests.support.postgres import NEEDS_POSTGRES, POSTGRES

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = 3
"""
pytestmark = [NEEDS_POSTGRES, pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer here")]


@pytest.fixture
def pooled_url() -> Iterator[str]:
    """The address of an empty database behind a pooler; it takes no settings of a session by `options`."""
    database = f"t{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    address = make_url(POSTGRES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
    with TemporaryDirectory() as name, ExitStack() as running:
        directory = Path(name)
        directory.chmod(0o755)  # it runs as another user where this one is root
        settings = SETTINGS.format(host=address.host, port=address.port or 5432, listen=listen, directory=directory)
        (directory / "pgbouncer.ini").write_text(settings)
        (directory / "users").write_text(f'"{address.username}" "{address.password or ""}"\n')
        _start(running, directory, listen)
        yield address.set(host="127.0.0.1", port=listen, database=database).render_as_string(hide_password=False)


def _start(running: ExitStack, directory: Path, port: int) -> None:
    """Start a pgbouncer of these settings, and wait until it listens; it ends with `running`."""
    assert PGBOUNCER is not None
    as_user = ["-u", "postgres"] if getpass.getuser() == "root" else []
    process = subprocess.Popen([PGBOUNCER, "-q", *as_user, str(directory / "pgbouncer.ini")], stderr=subprocess.DEVNULL)
    running.callback(process.wait)
    running.callback(process.terminate)
    while process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
    pytest.fail(f"pgbouncer ended with {process.returncode}")


@pytest.mark.asyncio
async def test_everything_works_behind_a_pooler_whichever_session_a_transaction_meets(pooled_url: str) -> None:
    stores = [Store(pooled_url) for _ in range(3)]
    names = [f"debug-{number}" for number in range(6)]
    await asyncio.gather(*(append(stores[place % 3], name, 12) for place, name in enumerate(names)))
    for store in stores:
        followed = await store.follow()
        assert sorted(item.event.stream for item in followed) == sorted(names * 12)
        assert [await store.verify(name) for name in names] == [None] * 6
    for store in stores:
        await store.close()


@pytest.mark.asyncio
async def test_a_lock_is_not_waited_for_without_an_end_behind_a_pooler(pooled_url: str) -> None:
    store = Store(pooled_url, busy_timeout_s=0.3)
    await append(store, "debug-a", 1)
    with psycopg.connect(pooled_url, prepare_threshold=None) as other:
        other.execute("SELECT * FROM stepwarden_heads FOR UPDATE")
        with pytest.raises(StoreBusy):
            await store.append(Append("debug-a", 1, [event(1)], CHANGE))
    await append(store, "debug-a", 1)
    await store.close()
