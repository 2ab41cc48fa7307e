"""One renewal at a time for all requests of a process, in a task of its own.

A request that is given up halfway must not lose the refresh token that just replaced the former one.
"""

import asyncio
import time
from dataclasses import dataclass

from stepwarden.errors import UpstreamDown
from stepwarden.upstream.oauth.challenge import Challenge
from stepwarden.upstream.oauth.refresh import TokenRefresh
from stepwarden.upstream.oauth.token_set import TokenSet

_PAUSE_S = 5.0  # after a renewal that failed for a passing reason, before the next is tried
_CLOSE_S = 25.0  # a renewal under way is worth waiting for: its answer cannot be had twice


@dataclass
class SharedRefresh:
    """The renewal of one upstream's sign-in; all who need it wait for the same one."""

    refresh: TokenRefresh
    _task: "asyncio.Task[TokenSet | None] | None" = None
    _failure: UpstreamDown | None = None
    _failed_at: float = 0.0

    async def run(self, refused: str | None, challenge: Challenge) -> TokenSet | None:
        """Return the renewed sign-in, None where only a person can help; see `TokenRefresh.run`."""
        if self._failure is not None and time.monotonic() < self._failed_at + _PAUSE_S:
            raise UpstreamDown(str(self._failure))
        if self._task is None or self._task.done():
            self._failure = None
            self._task = asyncio.create_task(self.refresh.run(refused, challenge))
            self._task.add_done_callback(_mark_seen)
        try:
            return await asyncio.shield(self._task)
        except UpstreamDown as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise

    async def close(self) -> None:
        """Wait for the renewal under way, and cancel it where it does not end."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=_CLOSE_S)
            self._task.cancel()


def _mark_seen(task: "asyncio.Task[TokenSet | None]") -> None:
    if not task.cancelled():
        task.exception()  # whoever waited for it may have been cancelled
