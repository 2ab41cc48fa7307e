"""A consultation while this process holds it: its claim is renewed, its outcome recorded, or it is let go."""

import asyncio
import logging
from dataclasses import dataclass

from stepwarden.consultation.outcomes import RecordedOutcome
from stepwarden.errors import StoreError
from stepwarden.storage import Consultation, Store

logger = logging.getLogger(__name__)

_SETTLE_TRIES = 5
_SETTLE_PAUSE = 1 / 32  # of a lease, doubled with every try: all pauses together are under half a lease


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed consultation, `row` as the store gave it. No method raises: a store that fails is told in the log."""

    store: Store
    row: Consultation
    seconds: float

    @property
    def name(self) -> str:
        """The consultation as the log names it."""
        return f"{self.row.key} of {self.row.stream}"

    async def renew(self) -> bool:
        """Renew the claim; False where somebody gave it up or took it over."""
        try:
            return await self.store.consultations.renew(self.row.handle, self.seconds)
        except StoreError as error:
            logger.warning("the lease of %s was not renewed: %s", self.name, error)
            return True  # nobody has said that it is not ours

    async def settle(self, came: RecordedOutcome) -> None:
        """Record what came of it, in a few tries; one that is not ours any more is dropped."""
        pause = self.seconds * _SETTLE_PAUSE
        for attempt in range(1, _SETTLE_TRIES + 1):
            try:
                ours = await self.store.consultations.settle(self.row.handle, came.state, came.payload, came.spending)
            except StoreError as error:
                logger.warning("%s is not recorded yet: %s", self.name, error)
            else:
                if not ours:
                    logger.warning("%s was given up or taken over: answer dropped", self.name)
                return
            if attempt < _SETTLE_TRIES:
                await asyncio.sleep(pause)
                pause *= 2
        logger.error("the answer to %s is lost: it could not be recorded", self.name)

    async def release(self) -> None:
        """Let the next process claim it at once."""
        try:
            await self.store.consultations.renew(self.row.handle, 0.0)
        except StoreError as error:
            logger.warning("%s stays claimed until its lease is over: %s", self.name, error)
