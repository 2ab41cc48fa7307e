"""What a step reads: no more than it needs."""

from pathlib import Path

import pytest

from stepwarden.inspections.runner import InspectionRunner
from stepwarden.manager.manager import Manager
from stepwarden.steps.gate import Policy
from stepwarden.storage import Store
from stepwarden.threads.calls import LOCAL, StepCall, StepReply
from stepwarden.threads.journal import Journal
from stepwarden.threads.submissions import Threads
from tests.support.calls import submission

POLICY = Policy(tool="debug", low=2, likely=4, high=8)


class CountingJournal(Journal):
    """A journal that counts how often what tools keep is read back."""

    reads = 0

    async def kept(self, thread_id: str) -> dict[str, bytes]:
        self.reads += 1
        return await super().kept(thread_id)


@pytest.mark.asyncio
async def test_a_step_of_a_tool_that_keeps_nothing_reads_nothing_back(tmp_path: Path) -> None:
    journal = CountingJournal(Store(f"sqlite:///{tmp_path / 'threads.db'}"))
    threads = Threads(journal, Manager(), inspections=InspectionRunner(None))

    async def take(number: int, thread_id: str | None = None, *, keeps: bool = False) -> StepReply:
        said = submission(number, directory=str(tmp_path))
        call = StepCall(LOCAL, POLICY, said, thread_id, inspector=lambda _: None, keeps=keeps)
        reply = await threads.submit(call)
        assert isinstance(reply, StepReply), reply
        return reply

    opened = await take(1, keeps=True)
    await take(2, opened.thread.id)
    assert journal.reads == 0
    await take(3, opened.thread.id, keeps=True)
    assert journal.reads == 1
    await journal.store.close()
