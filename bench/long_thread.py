"""Writes the history of a long debug thread into a store, as a server would have, without asking one for every step."""

import asyncio
from pathlib import Path

from bench.servers import step
from stepwarden.manager.facts import ReviewInput, TaskFacts
from stepwarden.manager.manager import Manager
from stepwarden.steps.admission import Accept, admit
from stepwarden.steps.gate import assess
from stepwarden.steps.machine import Decision, StepFacts, advance, advise, open_thread
from stepwarden.storage import Store
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.journal import Journal
from stepwarden.threads.submissions import new_thread_id
from tools.debug import WORKFLOW, DebugRequest

POLICY = WORKFLOW.policy


def write_thread(home: str, steps: int) -> str:
    """Write a thread of so many steps into the store of `home`, and return its id."""
    return asyncio.run(_write(home, steps))


async def _write(home: str, steps: int) -> str:
    manager, decision, events = Manager(), None, []
    for number in range(1, steps + 1):
        decision = await _take(manager, decision, number)
        events += decision.events
    assert decision is not None
    store = Store(f"sqlite:///{Path(home) / 'stepwarden.db'}")
    await Journal(store).append(0, decision.thread, events, LOCAL)
    await store.close()
    return decision.thread.id


async def _take(manager: Manager, before: Decision | None, number: int) -> Decision:
    submission = DebugRequest.model_validate(step(number, None)).submission()
    facts = StepFacts()
    if before is None:
        opened = open_thread(new_thread_id(POLICY.tool), POLICY, submission, facts, None)
        return advise(opened, await manager.size(TaskFacts(submission.step), POLICY, opened.thread), POLICY)
    accepted = admit(before.thread, submission, POLICY)
    assert isinstance(accepted, Accept)
    decision = advance(before.thread, accepted, submission, facts, POLICY)
    review = ReviewInput(decision.thread, POLICY, assess(decision.thread, POLICY))
    return advise(decision, await manager.review(review), POLICY)
