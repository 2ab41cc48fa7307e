"""Upstream servers for every test of the client: well ones and bad ones, all behind one port."""

from collections.abc import Iterator

import pytest
from rigs.faulty import Host, hosting


@pytest.fixture(scope="session")
def rig() -> Iterator[Host]:
    with hosting() as host:
        yield host
