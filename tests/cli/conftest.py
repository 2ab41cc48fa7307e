"""A home directory of our own, and threads in it."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwarden.manager.manager import Manager
from stepwarden.steps.submission import Submission
from stepwarden.storage import Store
from stepwarden.threads.calls import Caller, StepCall, StepReply
from stepwarden.threads.journal import Journal
from stepwarden.threads.submissions import Threads
from tests.support.processes import environment
from tools.debug import WORKFLOW


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of a user who never ran us."""
    return tmp_path


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, for commands that run in this process."""
    wanted = environment(home / "state")
    for name in os.environ.keys() - wanted.keys():
        monkeypatch.delenv(name)
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def store_file(home: Path) -> Path:
    return home / "state" / "stepwarden.db"


@pytest.fixture
def thread(store_file: Path) -> Callable[..., str]:
    """Makes a thread of one step and gives its id."""

    async def made(principal: str, task: str) -> str:
        store = Store(f"sqlite:///{store_file}")
        try:
            said = Submission(number=1, step=task, digest="one", findings="seen")
            reply = await Threads(Journal(store), Manager(), ()).submit(
                StepCall(Caller(principal), WORKFLOW.policy, said)
            )
            assert isinstance(reply, StepReply)
            return reply.thread.id
        finally:
            await store.close()

    return lambda principal="local", task="why does it fail": asyncio.run(made(principal, task))
