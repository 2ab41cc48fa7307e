"""How much a step does: hand-overs to other threads and functions called, counted instead of timed."""

import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from stepwarden.manager.manager import Manager
from stepwarden.steps.gate import Policy
from stepwarden.storage import Store
from stepwarden.threads.calls import LOCAL, StepCall, StepReply
from stepwarden.threads.journal import Journal
from stepwarden.threads.submissions import Threads
from tests.support.calls import submission

POLICY = Policy(tool="debug", low=2, likely=4, high=8)
HAND_OVERS = {"ThreadPoolExecutor.submit", "AsyncIOBackend.run_sync_in_worker_thread"}
"""By which the event loop gives work to another thread: a pool of the standard library's, and anyio's."""


async def called_in(action: Callable[[], Awaitable[Any]]) -> Counter[str]:
    """Count the functions of Python that this thread calls while `action` runs, by their names."""
    counts = Counter[str]()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            counts[frame.f_code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        await action()
    finally:
        sys.setprofile(before)
    return counts


class Work:
    """Threads on a store of their own, whose steps are counted."""

    def __init__(self, home: Path) -> None:
        self.store = Store(f"sqlite:///{home / 'threads.db'}")
        self.threads = Threads(Journal(self.store), Manager())
        self.thread_id: str | None = None
        self.last = 0

    async def step(self) -> None:
        self.last += 1
        reply = await self.threads.submit(StepCall(LOCAL, POLICY, submission(self.last), self.thread_id))
        assert isinstance(reply, StepReply)
        self.thread_id = reply.thread.id


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


@pytest.mark.asyncio
async def test_a_step_that_reads_no_file_is_handed_to_another_thread_once_for_its_append(work: Work) -> None:
    for _ in range(3):
        await work.step()
    counts = await called_in(work.step)
    assert {name: count for name, count in counts.items() if name in HAND_OVERS} == {"ThreadPoolExecutor.submit": 1}
    await work.store.close()


@pytest.mark.asyncio
async def test_a_step_calls_no_more_functions_the_longer_its_thread_is(work: Work) -> None:
    async def ten_steps() -> None:
        for _ in range(10):
            await work.step()

    await ten_steps()
    early = (await called_in(ten_steps)).total()
    for _ in range(40):
        await ten_steps()
    late = (await called_in(ten_steps)).total()
    assert late < early * 1.1
    await work.store.close()
