"""One server object for all tests of a module, on purpose: nothing of one thread may show in another."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from server import build_server
from stepwarden.runtime import Runtime, build_runtime
from stepwarden.settings import load_settings
from tests.support.project import make_project


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    built = build_runtime(load_settings(home=tmp_path_factory.mktemp("home"), roots=(), tools="all"))
    yield built
    asyncio.run(built.close())


@pytest.fixture(scope="module")
def app(runtime: Runtime) -> MCPServer:
    return build_server(runtime.settings, runtime)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "shop")
