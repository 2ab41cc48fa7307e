"""How an error of signing in reaches the caller of a tool: a transport would die of one that is raised inside it."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from stepwarden.errors import StepwardenError

_collecting: ContextVar[list[StepwardenError] | None] = ContextVar("signing_troubles", default=None)


@contextmanager
def collected_troubles() -> Generator[list[StepwardenError]]:
    """While this is open, what goes wrong with signing in for a request of this context is put into the list.

    The server's own refusal (401 or 403) then goes back to whoever sent the request; without this, the error is raised
    there. The SDK's transports send each message in the context of its sender.
    """
    found: list[StepwardenError] = []
    token = _collecting.set(found)
    try:
        yield found
    finally:
        _collecting.reset(token)


def collect(error: StepwardenError) -> bool:
    """Put an error where it is collected; tell whether it is."""
    found = _collecting.get()
    if found is None:
        return False
    found.append(error)
    return True
