"""The store, opened for one command."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from stepwarden.settings import load_settings
from stepwarden.storage import Store
from stepwarden.threads.journal import Journal

_Answer = TypeVar("_Answer")


def with_journal(work: Callable[[Journal], Awaitable[_Answer]]) -> _Answer:
    """Return what `work` gives on the threads of this machine; the store is closed after it."""

    async def opened() -> _Answer:
        store = Store(load_settings().store_url)
        try:
            if (lost := await store.take_loss()) is not None:
                sys.stderr.write(f"{lost}\n")
            return await work(Journal(store))
        finally:
            await store.close()

    return asyncio.run(opened())
