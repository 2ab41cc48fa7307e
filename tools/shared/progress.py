"""Telling a host, every few seconds, that a call still waits for something, and for what."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio

from stepwarden.consultation.background_requests import CALL_SECONDS
from tools.shared.edge import Progress

EVERY_S = 5.0  # hosts that take progress as a sign of life give up after 10 s and more without any


@asynccontextmanager
async def reporting_progress(
    progress: Progress, message: Callable[[], str], *, every_s: float = EVERY_S
) -> AsyncGenerator[None]:
    """Report the seconds gone, of those a call may take, and `message` as it is then, for as long as the body runs."""
    reporting = asyncio.create_task(_report(progress, message, every_s))
    try:
        yield
    finally:
        reporting.cancel()


async def _report(progress: Progress, message: Callable[[], str], every_s: float) -> None:
    now = asyncio.get_running_loop().time
    began = now()
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the host has gone
        while True:
            await asyncio.sleep(every_s)
            await progress(now() - began, CALL_SECONDS, message())
