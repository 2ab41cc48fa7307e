"""What a person does to a thread, whoever it belongs to: the owner of the machine asks."""

from stepwarden.errors import StoreBusy, UnknownStream, VersionConflict
from stepwarden.steps.commands import Command, CommandAdmission, CommandRefused, admit_command
from stepwarden.steps.machine import Decision
from stepwarden.threads.calls import Caller
from stepwarden.threads.journal import Journal

ATTEMPTS = 8  # how often a command is admitted anew after a host was first


async def owner(journal: Journal, thread_id: str) -> Caller:
    """Return the caller whose thread this is; UnknownStream where there is none of that id."""
    head = await journal.store.head(thread_id)
    if head is None:
        raise UnknownStream(f"No thread has the id {thread_id}.")
    return Caller(head.principal, local=True)


async def give_command(journal: Journal, thread_id: str, command: Command) -> CommandAdmission:
    """Give a command to a thread, and return whether it was accepted; what it changes is on disk by then.

    It counts whether or not the thread's host is alive. Raises UnknownStream where there is no such thread, OtherKind
    for a stream that is none, StoreBusy where its host kept changing it.
    """
    caller = await owner(journal, thread_id)
    for _ in range(ATTEMPTS):
        thread = await journal.load(thread_id, caller)
        admission = admit_command(thread, command)
        if isinstance(admission, CommandRefused):
            return admission
        decision = Decision(thread).then(*admission.events)
        try:
            await journal.append(thread.version, decision.thread, decision.events, caller)
        except VersionConflict:
            continue
        return admission
    raise StoreBusy("Other calls kept changing this thread; nothing was recorded. Try again.")
