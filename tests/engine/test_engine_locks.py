"""How a process that died is told from one that lives, on PostgreSQL."""

import pytest

from stepwarden.engine.session_locks import SessionLocks
from stepwarden.errors import StoreError
from tests.support.postgres import NEEDS_POSTGRES, POSTGRES, own_server

pytestmark = NEEDS_POSTGRES


def test_a_process_is_dead_once_its_session_is_gone_whatever_is_asked_between() -> None:
    first, second = SessionLocks(POSTGRES, "test-first"), SessionLocks(POSTGRES, "test-second")
    first.take()
    second.take()
    assert second.dead_among(["test-first"]) == []
    first.close()
    assert second.dead_among(["test-first"]) == []  # it may be about to connect anew
    while second.dead_among(["test-first"]) != ["test-first"]:
        assert second.dead_among([]) == []
    first.take()
    assert second.dead_among(["test-first"]) == []
    for locks in (first, second):
        locks.close()


@pytest.mark.slow
def test_after_a_restart_of_the_database_a_process_holds_its_lock_again() -> None:
    with own_server() as (address, kill_database):
        first, second = SessionLocks(address, "first"), SessionLocks(address, "second")
        first.take()
        second.take()
        kill_database()
        for locks, other in ((first, "second"), (second, "first")):
            with pytest.raises(StoreError, match="cannot reach its database"):
                locks.dead_among([other])
        first.take()
        second.take()
        assert second.dead_among(["first"]) == []
        assert first.dead_among(["second"]) == []
        for locks in (first, second):
            locks.close()
