"""PostgreSQL for the tests that need one, and a pooler before it."""

import getpass
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from sqlalchemy import make_url  # noqa: TID253 - a test loads what it needs

# A database for tests alone, postgresql://user@host/name; `.ci/postgres` starts one.
POSTGRES = os.environ.get("STEPWARDEN_TEST_POSTGRES", "")
NEEDS_POSTGRES = pytest.mark.skipif(not POSTGRES, reason="STEPWARDEN_TEST_POSTGRES names no database")

SCRIPT = Path(__file__).parents[2] / ".ci/postgres"
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
NEEDS_POOLER = pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer here")


def postgres_schema() -> str:
    """Make an empty schema, and give the address at which it is all there is."""
    schema = f"t{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    return f"{POSTGRES}?options=-csearch_path%3D{schema}"


@contextmanager
def pooler() -> Iterator[tuple[str, str]]:
    """Give the address of an empty database, and that of a pooler before it, which takes no settings by `options`."""
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
        direct = address.set(database=database)
        pooled = direct.set(host="127.0.0.1", port=listen)
        yield direct.render_as_string(hide_password=False), pooled.render_as_string(hide_password=False)


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


@contextmanager
def own_server() -> Iterator[tuple[str, Callable[[], str]]]:
    """Give the address of a server that nobody else uses, and what kills it and starts it again."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # it runs as another user where this one is root
        directory = f"{name}/server"

        def run(word: str) -> str:
            return subprocess.run([SCRIPT, word, directory], check=True, stdout=subprocess.PIPE).stdout.decode().strip()

        try:
            yield run("start"), partial(run, "crash")
        finally:
            run("stop")
