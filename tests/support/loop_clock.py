"""The clock of the running event loop, put forward by a test instead of waited for."""

import asyncio


class LoopClock:
    """What the running loop's timers go by. It goes on by itself, and `forward` lets time pass at once."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._usual = loop.time
        self._ahead_s = 0.0
        vars(loop)["time"] = self.now

    def now(self) -> float:
        """Return what the loop takes for the time, in seconds."""
        return self._usual() + self._ahead_s

    def forward(self, seconds: float) -> None:
        """Let `seconds` pass: every timer that is due then fires in the next round of the loop."""
        self._ahead_s += seconds

    async def settled(self) -> None:
        """Let everything run that waits for no time and nobody else."""
        for _ in range(100):
            await asyncio.sleep(0)

    def stop(self) -> None:
        """Let no time pass any more but by `forward`."""
        stands = self._usual()
        self._usual = lambda: stands
