"""Servers to talk to: one for everybody on this machine, one for holders of tokens; each shared by a module."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.http_server import TOKENS_SETTING, HttpServer


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., HttpServer]]:
    """Starts servers of one test."""
    servers: list[HttpServer] = []

    def start(*arguments: str, **more: str) -> HttpServer:
        servers.append(HttpServer(tmp_path, *arguments, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def anonymous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    server = HttpServer(tmp_path_factory.mktemp("anonymous"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    server = HttpServer(tmp_path_factory.mktemp("guarded"), STEPWARDEN_TOKENS=TOKENS_SETTING)
    yield server
    server.close()
