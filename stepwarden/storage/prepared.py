"""Statements of the hot way, compiled once for each kind of database; imported lazily, since it loads SQLAlchemy."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    CursorResult,
    Delete,
    Insert,
    Update,
)
from sqlalchemy.sql.compiler import SQLCompiler  # noqa: TID253 - the same


class PreparedStatement:
    """One statement with the names of its parameters, which are of types that drivers take as they are.

    It does what `Connection.execute` does at half the CPU, which an append is mostly made of.
    """

    def __init__(self, statement: Insert | Update | Delete, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = list(names)
        self._compiled: dict[str, SQLCompiler] = {}

    def run(self, connection: Connection, *rows: Mapping[str, Any]) -> CursorResult[Any]:
        """Run the statement with the parameters of one row, or once for each of several; raises as `execute` does."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
            assert isinstance(compiled, SQLCompiler)
            self._compiled[dialect.name] = compiled
        order = compiled.positiontup
        given = list(rows) if order is None else [tuple(row[name] for name in order) for row in rows]
        return connection.exec_driver_sql(compiled.string, given if len(given) > 1 else given[0])
