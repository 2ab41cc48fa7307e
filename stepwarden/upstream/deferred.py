"""The upstream servers of a process, built at their first use: hosts start a process with every window."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepwarden.upstream.client import UpstreamClient


@dataclass
class DeferredUpstreams:
    """The names that are configured, and the client behind them from its first use on.

    `exposes` says whether any of their tools are to be shown as tools of ours.
    """

    names: tuple[str, ...]
    exposes: bool
    build: "Callable[[], UpstreamClient]"
    _client: "UpstreamClient | None" = None

    def open(self) -> "UpstreamClient":
        """Return the client. Raises SettingsError where an entry cannot be used."""
        if self._client is None:
            self._client = self.build()
        return self._client

    async def close(self) -> None:
        """End every connection, if there is any."""
        if self._client is not None:
            await self._client.close()

    def abandon(self) -> None:
        """Leave what `close` could not end in time to be ended after this process."""
        if self._client is not None:
            self._client.upstreams.abandon()
