"""What a person does to a thread, whoever it belongs to: the owner of the machine asks."""

from stepwarden.errors import StoreBusy, UnknownStream, VersionConflict
from stepwarden.steps.events import Abandoned
from stepwarden.steps.machine import Decision
from stepwarden.steps.thread import Outcome
from stepwarden.threads.calls import Caller
from stepwarden.threads.journal import Journal

ATTEMPTS = 8  # how often a command decides anew after a host was first


async def owner(journal: Journal, thread_id: str) -> Caller:
    """Return the caller whose thread this is; UnknownStream where there is none of that id."""
    head = await journal.store.head(thread_id)
    if head is None:
        raise UnknownStream(f"No thread has the id {thread_id}.")
    return Caller(head.principal, local=True)


async def abandon(journal: Journal, thread_id: str) -> Outcome:
    """Return an open thread up, and say how it stood before: one that was not open stays as it is.

    Raises UnknownStream where there is no such thread, StoreBusy where its host kept changing it.
    """
    caller = await owner(journal, thread_id)
    for _ in range(ATTEMPTS):
        thread = await journal.load(thread_id, caller)
        if thread.outcome is not Outcome.OPEN:
            return thread.outcome
        decision = Decision(thread).then(Abandoned())
        try:
            await journal.append(thread.version, decision.thread, decision.events, caller)
        except VersionConflict:
            continue
        return Outcome.OPEN
    raise StoreBusy("Other calls kept changing this thread; nothing was recorded. Try again.")
