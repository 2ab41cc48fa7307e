"""The kinds of dispatchers, and runs whose body appends one event a step."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from stepwarden.engine import Dispatcher, LeaseTimes
from stepwarden.engine.dbos import DbosDispatcher
from stepwarden.engine.local import LocalDispatcher
from stepwarden.storage import Append, HeadChange, NewEvent, Store, StreamKind
from tests.support.postgres import NEEDS_POSTGRES

KINDS = ["local", *(pytest.param(kind, marks=NEEDS_POSTGRES) for kind in ("local-postgres", "dbos"))]
RUN = StreamKind("run-of-tests", ("open", "done"))


QUICK = LeaseTimes(15.0, 0.05)


@dataclass(frozen=True)
class Engine:
    """One kind of dispatcher with the database that it works on."""

    kind: str
    url: str
    locks: Path

    @property
    def dbos_schema(self) -> str:
        """The name of a schema for DBOS beside that of the store."""
        _, _, schema = self.url.partition("%3D")
        return f"{schema or 'engine'}_dbos"

    def words(self) -> list[str]:
        """Return what a process is started with to serve it."""
        return [self.kind, self.url, str(self.locks)]


def open_dispatcher(engine: Engine, store: Store, times: LeaseTimes = QUICK) -> Dispatcher:
    """Return a dispatcher that looks often."""
    if engine.kind == "dbos":
        return DbosDispatcher(store, engine.url, times, schema=engine.dbos_schema, poll_s=0.1)
    return LocalDispatcher(store, engine.locks, times, poll_s=0.02)


async def start_run(store: Store, run_id: str) -> None:
    """Record that a run begins."""
    await store.append(Append(run_id, 0, [NewEvent("started", "{}")], change(0, is_done=False)))


async def record_step(store: Store, run_id: str, number: int, *, is_last: bool = False) -> None:
    """Record a step of a run at its place; raises VersionConflict where somebody else did."""
    event = NewEvent("step", json.dumps({"n": number}))
    await store.append(Append(run_id, number + 1, [event], change(number + 1, is_done=is_last)))


async def steps_of(store: Store, run_id: str) -> list[int]:
    """Return the numbers of the recorded steps of a run, in their order."""
    return [json.loads(event.payload)["n"] for event in await store.read(run_id) if event.kind == "step"]


def change(steps: int, *, is_done: bool) -> HeadChange:
    return HeadChange(
        tool="execute",
        principal="local",
        title="count",
        state="done" if is_done else "open",
        steps=steps,
        completed=is_done,
        kind=RUN,
    )
