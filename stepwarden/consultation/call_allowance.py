"""What the models asked within one call of a run may cost, so that the run's limits hold for experts and panels too.

A run sets something aside for a call before it is made. Whatever the call asks, in whichever task, is held against that
as it is sent, and given back as it is answered.
"""

from contextvars import ContextVar
from dataclasses import dataclass, replace
from decimal import Decimal

from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Models
from stepwarden.runs.limits import NOTHING, Amount, TokenPrice, cost_of

ANSWER_TOKENS = 8_000
"""No answer within a run's call is longer, thoughts included: what it may cost has to be known before."""


@dataclass
class CallAllowance:
    """What one call may spend on models. Where `needs_price`, a model without a known price is not asked."""

    granted: Amount
    needs_price: bool = False
    spent: Amount = NOTHING
    held: Amount = NOTHING
    is_priced: bool = True

    @property
    def charge(self) -> Amount:
        """What was spent, and what is still set aside: what is under way may have to be paid."""
        return self.spent + self.held

    def hold(self, model: str, price: TokenPrice | None, most: Amount) -> None:
        """Set aside what a request may cost at most. Raises ModelError where the call may not spend that."""
        if price is None and self.needs_price:
            text = f"{model} was not asked: its price is not known, and the run is limited in dollars."
            raise ModelError(ErrorKind.OVER_BUDGET, text, model=model)
        wanted = self.charge + most
        if wanted.above(self.granted) != NOTHING:
            raise ModelError(ErrorKind.OVER_BUDGET, self._too_much(model, most), model=model)
        self.held += most

    def _too_much(self, model: str, most: Amount) -> str:
        if self.granted == NOTHING:
            return f"{model} was not asked: what is left of the run's limits is not enough for it."
        need = f"{most.tokens} tokens" if most.dollars == 0 else f"${most.dollars:.4f}"
        whole = f"{self.granted.tokens} tokens" if most.dollars == 0 else f"${self.granted.dollars:.4f}"
        return f"{model} was not asked: it may cost {need}, and a call of the run may spend {whole} on models in all."

    def settle(self, most: Amount, spent: Amount, *, is_priced: bool) -> None:
        """Give back what was set aside for a request, and count what it really cost."""
        self.held = Amount(self.held.tokens - most.tokens, self.held.dollars - most.dollars)
        self.spent += spent
        self.is_priced = self.is_priced and is_priced


_allowance: ContextVar[CallAllowance | None] = ContextVar("allowance", default=None)


def allow(allowance: CallAllowance) -> None:
    """Let whatever this task asks from now on, also in tasks that it starts, be held against an allowance."""
    _allowance.set(allowance)


class AllowedAnswers:
    """Answers of `models`, within the allowance of whoever asks; without one they are as they are."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer. Raises ModelError, OVER_BUDGET where the allowance is not enough."""
        allowance = _allowance.get()
        if allowance is None:
            return await self._models.complete(request)
        most_tokens = min(request.max_output_tokens or ANSWER_TOKENS, ANSWER_TOKENS)
        request = replace(request, max_output_tokens=most_tokens)
        price = await self._price_of(request.model)
        most = cost_of(price, request.prompt_tokens, most_tokens)
        allowance.hold(request.model, price, most)
        try:
            reply = await self._models.complete(request)
        except ModelError:
            allowance.settle(most, NOTHING, is_priced=True)
            raise
        usage = reply.usage
        spent = Amount(usage.input_tokens + usage.output_tokens, usage.cost or Decimal())
        allowance.settle(most, spent, is_priced=usage.cost is not None)
        return reply

    async def _price_of(self, model: str) -> TokenPrice | None:
        found = next((one.price for one in await self._models.priced() if one.name == model), None)
        return None if found is None else TokenPrice(found.input, found.output)
