"""Asking endpoints which models they have."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from providers.provider_pauses import PausedProviders
from providers.stack import Stacks
from stepwarden.models import ModelError, ModelInfo

FRESH_S = 10.0  # endpoints are not asked again for so long


class ModelDiscovery:
    """What the endpoints of a process listed last."""

    def __init__(self, stacks: Stacks, paused: PausedProviders) -> None:
        self._stacks = stacks
        self._paused = paused
        self._lock = asyncio.Lock()
        self._fresh_until = 0.0
        self._found: Mapping[str, Sequence[ModelInfo]] = {}

    async def look(self) -> Mapping[str, Sequence[ModelInfo]]:
        """Ask every endpoint for its models, all at once, and return those of each that has some.

        Whoever calls meanwhile, or shortly after, shares the answer.
        """
        async with self._lock:
            if time.monotonic() < self._fresh_until:
                return self._found
            if self._stacks.endpoints:
                await self._stacks.warm()
            names = list(self._stacks.endpoints)
            listed = await asyncio.gather(*(self._listed(name) for name in names))
            self._found = {name: models for name, models in zip(names, listed, strict=True) if models}
            self._fresh_until = time.monotonic() + FRESH_S
            return self._found

    async def _listed(self, name: str) -> Sequence[ModelInfo]:
        try:
            return await self._stacks.provider(name).list_models()
        except ModelError as error:
            self._paused.note_failure(name, error)
            return ()
