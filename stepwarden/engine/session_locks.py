"""A lock of PostgreSQL for each process that drives runs, held by a session: it ends with its process or its network.

Where the database itself was restarted all of these locks are gone for a moment. So a process counts as dead only when
its lock was free for a while, at two looks; were it alive after all, its next append would conflict.
"""

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, LiteralString

from stepwarden.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from psycopg import Connection

_FREE_FOR_S = 1.0
_CONNECT_S = 10
_TAKE: LiteralString = "SELECT pg_advisory_lock(hashtextextended(%s, 1))"
_TRY: LiteralString = "SELECT pg_try_advisory_lock(hashtextextended(%s, 1))"
_UNLOCK: LiteralString = "SELECT pg_advisory_unlock(hashtextextended(%s, 1))"
_SESSION: LiteralString = "SELECT pg_backend_pid()"


class SessionLocks:
    """The locks in the database at `address`, of which this process holds the one of `owner`; for one thread at a time.

    Its calls block, and raise StoreError where the database cannot be reached; the next call connects anew.
    """

    def __init__(self, address: str, owner: str) -> None:
        self._address = address
        self._name = _name_of(owner)
        self._session: Connection[tuple[object, ...]] | None = None
        self._free_since: dict[str, float] = {}

    def take(self) -> None:
        """Hold the lock of this process from now on; raises SettingsError for an address that is a pooler's."""
        self._ask(_SESSION)

    def dead_among(self, owners: Collection[str]) -> list[str]:
        """Return those of `owners` whose session has been gone for a while."""
        now = time.monotonic()
        for owner in owners:
            if self._is_free(owner):
                self._free_since.setdefault(owner, now)
            else:
                self._free_since.pop(owner, None)
        return [owner for owner in owners if now - self._free_since.get(owner, now) >= _FREE_FOR_S]

    def close(self) -> None:
        """Give up the lock."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _is_free(self, owner: str) -> bool:
        is_free = bool(self._ask(_TRY, _name_of(owner)))
        if is_free:
            self._ask(_UNLOCK, _name_of(owner))
        return is_free

    def _ask(self, sql: LiteralString, *names: str) -> object:
        from psycopg import Error

        try:
            if self._session is None:
                self._session = self._connect()
            found = self._session.execute(sql, names).fetchone()
        except Error as error:
            self.close()
            raise StoreError(f"The engine cannot reach its database ({str(error).partition(chr(10))[0]}).") from error
        return found[0] if found else None

    def _connect(self) -> "Connection[tuple[object, ...]]":
        from psycopg import Connection

        session = Connection[tuple[object, ...]].connect(self._address, autocommit=True, connect_timeout=_CONNECT_S)
        found = session.execute(_SESSION).fetchone()
        if found != (session.info.backend_pid,):
            session.close()
            raise SettingsError(
                "The database address leads to a pooler, and driving runs needs sessions of its own: set "
                "STEPWARDEN_ENGINE_DATABASE_URL to the direct address of the same database."
            )
        session.execute(_TAKE, [self._name])
        return session


def _name_of(owner: str) -> str:
    return f"stepwarden driver {owner}"
