"""Which runs have something to do and who drives them, in an open transaction; imported lazily: it loads SQLAlchemy.

Who drives a run holds it at its attempt. Every change of that names both and does nothing where somebody else has
claimed it since. A run that is woken while it is driven is due again as soon as its driver settles it, so no word to a
run is lost between its last look and its end.
"""

from contextlib import suppress

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    exc,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from stepwarden.storage.records import QueuedCounts, QueuedRun, RunClaim, RunState, RunsWanted
from stepwarden.storage.schema import heads, runs

_columns = runs.c
_THIS = _columns.stream == bindparam("this_stream")
_DRIVEN = _columns.state == "driven"
_NOT_DRIVEN = _columns.state.in_(("offered", "parked"))
_OWN = and_(_DRIVEN, _columns.owner == bindparam("this_owner"))
_READ = select(runs).where(_THIS)
_INSERT = insert(runs)
_WAKE = (
    update(runs)
    .where(_THIS)
    .values(wake_at=bindparam("at"), state=case((_DRIVEN, _columns.state), else_=literal("offered")))
)
_TAKE = (
    update(runs)
    .where(_THIS)
    .values(state="driven", wake_at=None, attempt=_columns.attempt + 1, owner=bindparam("new_owner"))
)
_RENEW = update(runs).where(_OWN)
_HELD = select(_columns.stream, _columns.owner, _columns.attempt).where(_OWN)
_FREE = {"owner": "", "lease_until": 0.0}
_SETTLE = (
    update(runs)
    .where(_OWN, _THIS, _columns.attempt == bindparam("this_attempt"))
    .values(
        state=case((_columns.wake_at.is_not(None), "offered"), else_=bindparam("new_state", type_=_columns.state.type)),
        wake_at=func.coalesce(_columns.wake_at, bindparam("next_wake_at", type_=_columns.wake_at.type)),
        **_FREE,
    )
)
_RELEASE = update(runs).where(_OWN).values(state="offered", wake_at=bindparam("at"), **_FREE)
_COUNTS = (
    select(func.count(), func.sum(case((and_(_columns.state == "parked", _columns.wake_at.is_(None)), 1), else_=0)))
    .select_from(runs.join(heads, heads.c.stream == _columns.stream))
    .where(heads.c.state == bindparam("head_state"))
)
_OTHER_OWNERS = select(_columns.owner).distinct().where(_DRIVEN, _columns.owner != bindparam("this_owner"))


class RunRows:
    """The queue of runs, as the transaction of `connection` sees it; times are in unix seconds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def offer(self, stream: str, *, priority: int, needs: str, at: float) -> None:
        """Let the run be due at `at`; of the due ones those of greater `priority` are claimed first."""
        this = {"this_stream": stream, "at": at}
        changed = {"priority": priority, "needs": needs}
        if self._connection.execute(_WAKE, this | changed).rowcount:
            return
        new = {"stream": stream, "state": "offered", "wake_at": at, "attempt": 0} | _FREE | changed
        # On PostgreSQL another process may be first after the look.
        with suppress(exc.IntegrityError), self._connection.begin_nested():
            self._connection.execute(_INSERT, new)

    def wake(self, stream: str, *, at: float) -> bool:
        """Let the run be due at `at`, after its driver where it is driven; return whether it was ever offered."""
        return self._connection.execute(_WAKE, {"this_stream": stream, "at": at}).rowcount == 1

    def claim(self, wanted: RunsWanted, *, at: float) -> list[RunClaim]:
        """Give runs that are due at `at` to the owner of `wanted`, as many as it may drive beside those it has."""
        room = wanted.most_at_once - len(self.held(wanted.owner))
        if room <= 0:
            return []
        due = select(_columns.stream, _columns.attempt).where(_is_claimable(wanted, at))
        due = due.order_by(_columns.priority.desc(), _columns.wake_at, _columns.stream).limit(room)
        claims: list[RunClaim] = []
        for stream, attempt in self._connection.execute(due.with_for_update(skip_locked=True)).all():
            taken = {"this_stream": stream, "new_owner": wanted.owner, "lease_until": at + wanted.lease_s}
            self._connection.execute(_TAKE, taken)
            claims.append(RunClaim(stream, wanted.owner, attempt + 1))
        return claims

    def is_any_claimable(self, wanted: RunsWanted, *, at: float) -> bool:
        """Return whether any run that is due at `at` could be claimed, so that an idle look takes no write lock."""
        found = select(_columns.stream).where(_is_claimable(wanted, at)).limit(1)
        return self._connection.execute(found).first() is not None

    def renew(self, owner: str, *, lease_until: float) -> list[RunClaim]:
        """Let the leases of all that `owner` drives end at `lease_until`; return what it still drives."""
        self._connection.execute(_RENEW, {"this_owner": owner, "lease_until": lease_until})
        return self.held(owner)

    def held(self, owner: str) -> list[RunClaim]:
        """Return what `owner` drives, its leases over or not."""
        return [RunClaim(*row) for row in self._connection.execute(_HELD, {"this_owner": owner})]

    def settle(self, claim: RunClaim, state: RunState, wake_at: float | None) -> bool:
        """End a claim that is still held: the run is then in `state` until `wake_at`, or due if it was woken meanwhile.

        Returns whether it was held.
        """
        this = {"this_stream": claim.stream, "this_owner": claim.owner, "this_attempt": claim.attempt}
        values = {"new_state": state, "next_wake_at": wake_at}
        return self._connection.execute(_SETTLE, this | values).rowcount == 1

    def release(self, owner: str, *, at: float) -> int:
        """Let all that `owner` drives be due at `at`; return how many there were."""
        return self._connection.execute(_RELEASE, {"this_owner": owner, "at": at}).rowcount

    def other_owners(self, owner: str) -> list[str]:
        """Return who drives runs beside `owner`."""
        return list(self._connection.execute(_OTHER_OWNERS, {"this_owner": owner}).scalars())

    def find(self, stream: str) -> QueuedRun | None:
        """Return one run of the queue, or None where it was never offered."""
        row = self._connection.execute(_READ, {"this_stream": stream}).one_or_none()
        return QueuedRun(*row) if row else None

    def counts(self, state: str) -> QueuedCounts:
        """Return how many runs have a head in `state`, and how many of these wait until they are woken."""
        total, parked = self._connection.execute(_COUNTS, {"head_state": state}).one()
        return QueuedCounts(total, parked or 0)

    def unserved(self, *, at: float) -> list[QueuedRun]:
        """Return the runs that have something to do at `at` and that nobody drives, the first claimed first."""
        lapsed = and_(_DRIVEN, _columns.lease_until <= at)
        found = select(runs).where(or_(_is_due(at), lapsed))
        ordered = found.order_by(_columns.priority.desc(), _columns.wake_at, _columns.stream)
        return [QueuedRun(*row) for row in self._connection.execute(ordered)]


def _is_due(at: float) -> ColumnElement[bool]:
    return and_(_NOT_DRIVEN, _columns.wake_at <= at)


def _is_claimable(wanted: RunsWanted, at: float) -> ColumnElement[bool]:
    lapsed = and_(_DRIVEN, _columns.lease_until <= at, _columns.owner != wanted.owner)
    found = and_(_columns.needs.in_(tuple(wanted.needs)), or_(_is_due(at), lapsed))
    return found if wanted.stream is None else and_(found, _columns.stream == wanted.stream)
