"""Runs that are claimed from the queue by whoever drives them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import anyio

from stepwarden.engine.held_runs import HeldRuns
from stepwarden.engine.run_offers import RunOffers
from stepwarden.errors import StoreError
from stepwarden.storage import RunClaim

logger = logging.getLogger(__name__)

POLL_FAILED_S = 2.0
"""The pause after a look at a store that failed."""


async def drive_claims(
    held: HeldRuns,
    offers: RunOffers,
    claim: Callable[[], Awaitable[Sequence[RunClaim]]],
    most_at_once: int,
    poll_s: float,
) -> None:
    """Drive what `claim` gives, looking again with every news and every `poll_s` seconds, until `offers` are closed.

    Then, or when it is cancelled, all is let go.
    """
    drives = set[asyncio.Task[None]]()
    try:
        while not offers.is_closed:
            pause = poll_s
            try:
                if len(drives) < most_at_once:
                    for each in await claim():
                        drives.add(task := asyncio.create_task(held.drive(each)))
                        task.add_done_callback(drives.discard)
                        task.add_done_callback(lambda _: offers.tell())  # there is room again
            except StoreError as error:
                logger.warning("no run can be claimed now: %s", error)
                pause = POLL_FAILED_S
            await offers.wait_for_news(pause)
    finally:
        with anyio.CancelScope(shield=True):
            await held.let_go()
            await asyncio.gather(*drives)
