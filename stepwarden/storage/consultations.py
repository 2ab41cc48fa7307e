"""Consultations of models: claimed before a model is asked, so that several processes never ask the same at once."""

from collections.abc import Callable

from stepwarden.storage.records import Claim, ClaimHandle, Consultation, ConsultationState, Spending
from stepwarden.storage.transactions import Transactions

_UNKNOWN = Spending()


class Consultations:
    """The consultations of all streams, each under a key, with the leases of those who ask."""

    def __init__(self, transactions: Transactions, clock: Callable[[], float]) -> None:
        self._transactions = transactions
        self._clock = clock

    async def claim(self, wanted: Claim) -> Consultation:
        """Give a consultation to the owner of `wanted`: a new one, or one whose lease is over (attempt + 1).

        Returns it as it stands then: it is the caller's exactly when `owner` is and it is not settled. The lease
        begins when the write lock is ours, however long that took.
        """
        return await self._transactions.write(
            lambda transaction: transaction.consultations.claim(wanted, at=float(self._clock()))
        )

    async def renew(self, held: ClaimHandle, lease_s: float) -> bool:
        """Let the lease end `lease_s` seconds from now, 0 to release it; False when the claim is no longer held.

        A lease that is over may still be renewed, as long as nobody else claimed the consultation.
        """
        return await self._transactions.write(
            lambda transaction: transaction.consultations.change_held(
                held, {"lease_until": float(self._clock()) + lease_s}
            )
        )

    async def settle(
        self, held: ClaimHandle, state: ConsultationState, payload: str, spending: Spending = _UNKNOWN
    ) -> bool:
        """Record what came of a consultation: `payload` is JSON text.

        False when the claim is no longer held, and then nothing is recorded: it was settled or given up, or belongs
        to a later attempt. That the lease is over is no hindrance by itself.
        """
        values = {
            "state": state,
            "payload": payload,
            "finished_at": float(self._clock()),
            "input_tokens": spending.input_tokens,
            "output_tokens": spending.output_tokens,
            "cost": None if spending.cost is None else str(spending.cost),
        }
        return await self._transactions.write(lambda transaction: transaction.consultations.change_held(held, values))

    async def give_up(self, stream: str, key: str) -> bool:
        """End a consultation that is under way, whoever holds it: its answer will not be recorded.

        False when there is none, or it is settled; a recorded answer stays.
        """
        at = float(self._clock())
        return await self._transactions.write(lambda transaction: transaction.consultations.give_up(stream, key, at=at))

    async def find(self, stream: str, key: str) -> Consultation | None:
        """Return one consultation, or None."""
        at = float(self._clock())
        return await self._transactions.read(lambda transaction: transaction.consultations.find(stream, key, at=at))

    async def of_stream(self, stream: str) -> list[Consultation]:
        """Return all consultations of `stream`, the first asked first."""
        at = float(self._clock())
        return await self._transactions.read(lambda transaction: transaction.consultations.of_stream(stream, at=at))
