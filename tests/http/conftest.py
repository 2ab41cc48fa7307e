"""Servers to talk to: one for everybody on this machine, one for holders of tokens; each shared by a module."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from http_server import TOKENS_SETTING, Server

from stepwarden.storage.sqlite import newest_driver


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of one test."""
    servers: list[Server] = []

    def start(*arguments: str, **more: str) -> Server:
        servers.append(Server(tmp_path, *arguments, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def anonymous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("anonymous"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("guarded"), STEPWARDEN_TOKENS=TOKENS_SETTING)
    yield server
    server.close()


@pytest.fixture
def locked() -> Callable[[Server], AbstractContextManager[None]]:
    """Holds the write lock of a server's store, as another process would."""

    @contextmanager
    def lock(server: Server) -> Iterator[None]:
        connection = newest_driver().connect(str(server.home / "stepwarden.db"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.rollback()
            connection.close()

    return lock
