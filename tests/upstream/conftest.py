"""Upstream servers for every test of the client: well ones and bad ones, all behind one port."""

from collections.abc import Iterator

import pytest
from rigs.faulty import Host, hosting

from tests.support.certificates import one_trusted_certificate


@pytest.fixture(scope="session")
def rig() -> Iterator[Host]:
    with hosting() as host:
        yield host


@pytest.fixture(scope="session", autouse=True)
def _few_trusted_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with one_trusted_certificate(tmp_path_factory.mktemp("trusted")):
        yield
