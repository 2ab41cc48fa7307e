"""Rows as they come out of a database that others may have changed; imported lazily, since it loads SQLAlchemy.

SQLite takes a value of any type in any column, and text that is no UTF-8. What holds one is still read and listed.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    Executable,
    Row,
    exc,
)

from stepwarden.storage.records import LATEST_S, TITLE_CHARS, Head

_UNDECODABLE = "Could not decode to UTF-8"
_MOST = 2**31
_TEXTS = frozenset({"stream", "kind", "tool", "principal", "title", "state", "hash"})
_TIMES = frozenset({"created", "updated", "finished"})
_OPTIONAL = frozenset({"directory", "origin", "finished"})
_FIELDS = tuple(name for name in Head.__match_args__ if name != "damaged")


def read_head(row: Iterable[Any]) -> Head:
    """Return the head in a row of `HEAD_COLUMNS`, with a stand-in for each value that none of us ever wrote."""
    values = dict(zip(_FIELDS, row, strict=True))
    damaged = tuple(name for name, value in values.items() if not _is_possible(name, value))
    for name in damaged:
        values[name] = _stand_in(name, values[name])
    return Head(**values, damaged=damaged)


def fetch_rows(
    connection: Connection, statement: Executable, parameters: Mapping[str, object] | None = None
) -> Sequence[Row[Any]]:
    """Return all rows of `statement`; of text that is no UTF-8 what cannot be read is replaced."""
    try:
        return connection.execute(statement, parameters).all()
    except exc.OperationalError as error:
        if _UNDECODABLE not in str(error.orig):
            raise
    with replacing_text(connection):
        return connection.execute(statement, parameters).all()


@contextmanager
def replacing_text(connection: Connection) -> Generator[None]:
    """Read text that is no UTF-8 with replaced characters, instead of failing, as long as the block lasts."""
    if connection.dialect.name != "sqlite":  # any other database refuses such text
        yield
        return
    driver: Any = connection.connection.driver_connection
    before = driver.text_factory
    driver.text_factory = _replaced
    try:
        yield
    finally:
        driver.text_factory = before


def _replaced(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _is_possible(name: str, value: object) -> bool:
    if value is None:
        return name in _OPTIONAL
    if name in _TIMES:
        return isinstance(value, int | float) and 0 <= value < LATEST_S
    if name in _TEXTS or name in _OPTIONAL:
        return isinstance(value, str) and (name != "title" or len(value) <= TITLE_CHARS)
    return isinstance(value, int) and 0 <= value < _MOST


def _stand_in(name: str, value: object) -> object:
    if name in _OPTIONAL:
        return None
    if name in _TIMES:
        return 0.0
    if name in _TEXTS:
        return str(value)[:TITLE_CHARS] if name in {"stream", "title"} else ""
    return 0
