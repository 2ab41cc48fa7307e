"""What a PostgreSQL store says when it cannot be reached: the reason, and nothing of where it is or who asks."""

import logging
import socket

import pytest
from sqlalchemy import make_url  # noqa: TID253 - a test loads what it needs

from stepwarden.errors import StoreError
from stepwarden.storage import Store
from tests.support.postgres import NEEDS_POSTGRES, POSTGRES


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def refusal(url: str) -> str:
    store = Store(url)
    with pytest.raises(StoreError) as refused:
        await store.head("debug-a")
    await store.close()
    return str(refused.value)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "why"), [("127.0.0.1", "nothing listens there"), ("db.invalid", "its host's name is not known")]
)
async def test_an_address_that_leads_nowhere_is_told_in_the_log_alone(
    host: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    port = unused_port()
    with caplog.at_level(logging.WARNING):
        said = await refusal(f"postgresql://somebody:a-password@{host}:{port}/ledger")
    assert why in said
    assert not [part for part in ("somebody", "a-password", host, str(port), "ledger") if part in said]
    assert f"somebody:***@{host}:{port}/ledger" in caplog.text
    assert "a-password" not in caplog.text


@pytest.mark.asyncio
@NEEDS_POSTGRES
async def test_a_server_that_refuses_is_quoted_without_names() -> None:
    address = make_url(POSTGRES)
    for wrong in (address.set(database="no_such_ledger"), address.set(username="no_such_person")):
        said = await refusal(wrong.render_as_string(hide_password=False))
        assert "it has no such database or user" in said
        assert "no_such" not in said
