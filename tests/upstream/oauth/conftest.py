"""A vault of our own, and the two servers."""

import base64
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from idp import Idp
from world import World, serving

from stepwarden.upstream.oauth import Vault
from tests.support.http_apps import address_of, free_listener, served


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(base64.b64encode(bytes(range(32))))
    path.chmod(0o600)
    return path


@pytest.fixture
def vault(tmp_path: Path, key_file: Path) -> Vault:
    return Vault(tmp_path / "state" / "signing", key_file)


@pytest_asyncio.fixture
async def world() -> AsyncGenerator[World]:
    async with serving() as made:
        yield made


@pytest_asyncio.fixture
async def idp(world: World) -> AsyncGenerator[Idp]:
    """An identity provider that the authorization server trusts."""
    listener = free_listener()
    made = Idp(address_of(listener))
    world.idp_key = made.key.public_key()
    async with served(made.app(), listener):
        yield made
