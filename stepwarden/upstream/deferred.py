"""The upstream servers of a process, put together at their first use: hosts start a server with every window."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepwarden.upstream.calls.records import Recorder
    from stepwarden.upstream.servers import Upstreams


@dataclass
class DeferredUpstreams:
    """The names that are configured, and what stands behind them from the first use on.

    `exposes` says whether any of their tools are to be shown as tools of ours.
    """

    names: tuple[str, ...]
    exposes: bool
    build: Callable[[], "tuple[Upstreams, Recorder]"]
    _built: "tuple[Upstreams, Recorder] | None" = None

    def open(self) -> "tuple[Upstreams, Recorder]":
        """Return them, and where calls are recorded. Raises SettingsError where an entry cannot be used."""
        if self._built is None:
            self._built = self.build()
        return self._built

    async def close(self) -> None:
        """End every connection, if there is any."""
        if self._built is not None:
            await self._built[0].close()

    def abandon(self) -> None:
        """Leave what `close` could not end in time to be ended after this process."""
        if self._built is not None:
            self._built[0].abandon()
