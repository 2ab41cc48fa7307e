"""Claims on consultations of models, in an open transaction; imported lazily: it loads SQLAlchemy.

A claim is held by its owner at its attempt. Every change of it names both and does nothing where somebody else has
claimed or settled it since, so that a process that lost its lease cannot overwrite the result of its successor.
"""

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    RowMapping,
    bindparam,
    exc,
    insert,
    select,
    update,
)

from stepwarden.errors import StoreBusy
from stepwarden.storage.records import Claim, ClaimHandle, Consultation, Spending
from stepwarden.storage.schema import consultations

_columns = consultations.c
_THIS = (_columns.stream == bindparam("this_stream"), _columns.key == bindparam("this_key"))
_CLAIMED = (*_THIS, _columns.state == "claimed")
_READ = select(consultations).where(*_THIS)
_LIST = (
    select(consultations)
    .where(_columns.stream == bindparam("this_stream"))
    .order_by(_columns.requested_at, _columns.key)
)
_INSERT = insert(consultations)
_TAKE_OVER = (
    update(consultations)
    .where(*_CLAIMED, _columns.lease_until <= bindparam("now"))
    .values(attempt=_columns.attempt + 1)
)
_CHANGE_HELD = update(consultations).where(
    *_CLAIMED, _columns.owner == bindparam("this_owner"), _columns.attempt == bindparam("this_attempt")
)
_GIVE_UP = update(consultations).where(*_CLAIMED)


class ConsultationRows:
    """The consultations, as the transaction of `connection` sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, wanted: Claim, *, at: float) -> Consultation:
        """Give the consultation to the owner of `wanted` at `at` (unix seconds), if it is new or its lease is over.

        Returns the row as it is then, whoever it belongs to.
        """
        this = {"this_stream": wanted.stream, "this_key": wanted.key}
        ours = {
            "owner": wanted.owner,
            "lease_until": at + wanted.lease_s,
            "requested_at": at,
            "model": wanted.model,
            "request_digest": wanted.request_digest,
        }
        if self._connection.execute(_READ, this).one_or_none():
            self._connection.execute(_TAKE_OVER, this | {"now": at} | ours)
        else:
            new = {"stream": wanted.stream, "key": wanted.key, "state": "claimed", "attempt": 1}
            # On PostgreSQL another process may be first after the look, and the row is then its own.
            with suppress(exc.IntegrityError), self._connection.begin_nested():
                self._connection.execute(_INSERT, new | ours)
        found = self.find(wanted.stream, wanted.key, at=at)
        if found is None:
            raise StoreBusy("The consultation was deleted meanwhile; send the same call again.")
        return found

    def change_held(self, held: ClaimHandle, values: Mapping[str, object]) -> bool:
        """Set these columns of a claim, if it is still held; return whether it is."""
        this = {
            "this_stream": held.stream,
            "this_key": held.key,
            "this_owner": held.owner,
            "this_attempt": held.attempt,
        }
        return self._connection.execute(_CHANGE_HELD, this | dict(values)).rowcount == 1

    def give_up(self, stream: str, key: str, *, at: float) -> bool:
        """End a claim, whoever holds it; return whether there was one."""
        this = {"this_stream": stream, "this_key": key}
        return self._connection.execute(_GIVE_UP, this | {"state": "given_up", "finished_at": at}).rowcount == 1

    def find(self, stream: str, key: str, *, at: float) -> Consultation | None:
        """Return one consultation as it stands at `at` (unix seconds), or None."""
        row = self._connection.execute(_READ, {"this_stream": stream, "this_key": key}).mappings().one_or_none()
        return _consultation(row, at) if row else None

    def of_stream(self, stream: str, *, at: float) -> list[Consultation]:
        """Return the consultations of `stream` as they stand at `at` (unix seconds), the first asked first."""
        return [_consultation(row, at) for row in self._connection.execute(_LIST, {"this_stream": stream}).mappings()]


def _consultation(row: RowMapping, at: float) -> Consultation:
    columns = dict(row)
    cost = columns.pop("cost")
    spending = Spending(
        columns.pop("input_tokens"), columns.pop("output_tokens"), None if cost is None else Decimal(cost)
    )
    lapsed = columns["state"] == "claimed" and columns["lease_until"] <= at
    return Consultation(**columns, spending=spending, lapsed=lapsed)
