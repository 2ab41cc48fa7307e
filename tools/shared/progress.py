"""Telling a host, every few seconds, that a call still waits for something, and for what."""

import asyncio
import contextlib
from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio

from stepwarden.consultation.background_requests import CALL_SECONDS
from tools.shared.edge import Progress

EVERY_S = 5.0  # hosts that take progress as a sign of life give up after 10 s and more without any


@contextmanager
def reporting_progress(progress: Progress, message: Callable[[], str], *, every_s: float = EVERY_S) -> Generator[None]:
    """Report the seconds gone, of those a call may take, and `message` as it is then, for as long as the body runs."""
    loop = asyncio.get_running_loop()
    began, reports = loop.time(), list[asyncio.Task[None]]()
    # Most calls are over before the first report: they get no task for it.
    first = loop.call_later(
        every_s, lambda: reports.append(loop.create_task(_report(progress, message, began, every_s)))
    )
    try:
        yield
    finally:
        first.cancel()
        for report in reports:
            report.cancel()


async def _report(progress: Progress, message: Callable[[], str], began: float, every_s: float) -> None:
    now = asyncio.get_running_loop().time
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the host has gone
        while True:
            await progress(now() - began, CALL_SECONDS, message())
            await asyncio.sleep(every_s)
