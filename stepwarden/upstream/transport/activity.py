"""Which calls are in flight through one connection, and when it may end."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(eq=False)
class SessionActivity:
    """The calls in flight, and whether new ones go elsewhere (`retired`). It belongs to one event loop."""

    calls: int = 0
    retired: bool = False
    _used_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def call(self) -> Generator[None]:
        """Count one call as in flight."""
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1
            self._used_at = asyncio.get_running_loop().time()
            self._changed.set()

    def retire(self) -> None:
        """Let no new call through."""
        self.retired = True
        self._changed.set()

    async def until_over(self, idle_s: float) -> None:
        """Wait until the connection is retired and its last call is done, or nobody used it for `idle_s` seconds."""
        while not (self.retired and self.calls == 0):
            self._changed.clear()
            left_s = idle_s - (asyncio.get_running_loop().time() - self._used_at)
            if self.calls == 0 and left_s <= 0:
                self.retire()
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s if self.calls == 0 else None):
                    await self._changed.wait()
