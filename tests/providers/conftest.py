from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from model_server import KEY, QUICK, Host, ModelServer, hosting

from providers.models import AllModels, build_models
from providers.profiles import VARIABLES
from providers.retry import RetryPolicy
from providers.scripted import Answering, ScriptedReply
from stepwarden.settings import Settings, load_settings, variable_of
from tests.support.certificates import one_trusted_certificate


@pytest.fixture(autouse=True)
def _no_keys_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *map(variable_of, Settings.model_fields)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def _few_trusted_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_trusted_certificate(tmp_path_factory.mktemp("trusted")):
        yield


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with hosting() as host:
        yield host


@pytest.fixture
def serve(host: Host) -> Callable[..., ModelServer]:
    def start(*replies: ScriptedReply | str, by: Answering | None = None) -> ModelServer:
        return host.serve(by or list(replies))

    return start


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**more: object) -> Settings:
        return load_settings(home=tmp_path / "home", **more)

    return make


@pytest_asyncio.fixture
async def models(settings: Callable[..., Settings]) -> AsyncIterator[Callable[..., AllModels]]:
    """Models whose own endpoint is a scripted server; retries do not wait."""
    made: list[AllModels] = []

    def build(server: ModelServer | None = None, *, patience: RetryPolicy = QUICK, **more: object) -> AllModels:
        if server is not None:
            more = {"custom_api_url": server.url, "custom_api_key": KEY, "custom_model_name": "m", **more}
        built = build_models(settings(**more), retry_policy=patience)
        made.append(built)
        return built

    yield build
    for one in made:
        await one.close()
