"""Asks real endpoints, for people with keys: `uv run pytest -m live tests/providers`."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from model_server import request
from pydantic import BaseModel

from providers.models import AllModels, build_models
from stepwarden.models import ModelError, ModelInfo, ModelReply, ModelTier
from stepwarden.settings import load_settings

pytestmark = [pytest.mark.live, pytest.mark.asyncio]

_ENVIRONMENT = dict(os.environ)  # before the fixture of this folder takes the keys away


class Sum(BaseModel):
    result: int


@pytest_asyncio.fixture
async def live(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AllModels]:
    for name, value in _ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    models = build_models(load_settings())
    yield models
    await models.close()


async def sum_of(models: AllModels, info: ModelInfo) -> str:
    try:
        reply = await models.complete(request(info.name, "What is 17 + 25?", answer=Sum, deadline_s=120))
    except ModelError as error:
        return f"{info.name}: {error}"
    return "" if reply.parsed == Sum(result=42) else f"{info.name}: {reply.text}"


async def test_every_model_of_the_catalogue_that_can_be_asked_gives_a_typed_answer(live: AllModels) -> None:
    usable = [info for info in live.usable() if info.needs]
    if not usable:
        pytest.skip("no key is set")
    wrong = await asyncio.gather(*(sum_of(live, info) for info in usable))
    assert [one for one in wrong if one] == []


async def test_discovery_and_a_stream(live: AllModels) -> None:
    if not live.usable():
        pytest.skip("no key is set")
    await live.discover()
    chosen = live.choose(None, ModelTier.FAST).info
    pieces = [piece async for piece in live.stream(request(chosen.name, "Say hello.", deadline_s=120))]
    assert isinstance(pieces[-1], ModelReply)
