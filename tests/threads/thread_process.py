"""One server process as far as threads go, in this process: tests let several of them work on one store."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.manager.manager import Manager
from stepwarden.steps.gate import Policy
from stepwarden.steps.submission import Submission
from stepwarden.storage import Store
from stepwarden.threads.calls import LOCAL, StepCall, StepRefused, StepReply
from stepwarden.threads.journal import Journal
from stepwarden.threads.queries import ThreadQueries
from stepwarden.threads.submissions import Consultant, Threads
from tests.support.models import ScriptedModels

Consulting = Callable[[Store, ScriptedModels, BackgroundRequests], Mapping[str, Consultant]]


class ThreadProcess:
    """A store, a journal and threads of one policy; `consulting` gives who is asked about them."""

    def __init__(
        self,
        home: Path,
        policy: Policy,
        models: ScriptedModels | None = None,
        consulting: Consulting | None = None,
        *,
        kept_bytes: int = 1 << 20,
        call_seconds: float = 250.0,
    ) -> None:
        self.policy = policy
        self.models = models or ScriptedModels(())
        self.store = Store(f"sqlite:///{home / 'threads.db'}")
        self.requests = BackgroundRequests(self.store, self.models, lease_s=5.0)
        consultants = consulting(self.store, self.models, self.requests) if consulting else {}
        self.journal = Journal(self.store, kept_bytes=kept_bytes)
        self.threads = Threads(self.journal, Manager(), consultants=consultants, call_seconds=call_seconds)
        self.queries = ThreadQueries(self.journal)

    async def send(
        self, said: Submission, thread_id: str | None = None, *, policy: Policy | None = None
    ) -> StepReply | StepRefused:
        return await self.threads.submit(StepCall(LOCAL, policy or self.policy, said, thread_id))

    async def take(self, said: Submission, thread_id: str | None = None, *, policy: Policy | None = None) -> StepReply:
        """Send a step that has to be accepted."""
        reply = await self.send(said, thread_id, policy=policy)
        assert isinstance(reply, StepReply), reply
        return reply

    async def close(self) -> None:
        await self.requests.close()
        await self.store.close()


@asynccontextmanager
async def running(process: ThreadProcess) -> AsyncIterator[ThreadProcess]:
    try:
        yield process
    finally:
        await process.close()
