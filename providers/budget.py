"""A provider that counts what is spent and stops before it is too much: per call, per thread and per day."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

from providers.model_names import shown_name
from providers.prices import Prices
from providers.spend_tracker import SpendTracker
from providers.wrapper import Wrapper
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Provider, Usage, estimated_tokens
from stepwarden.settings.allowance import Allowance
from stepwarden.storage.records import Tally

LEAST_ANSWER_TOKENS = 64  # with room for less, nothing is asked
ASSUMED_ANSWER_TOKENS = 4_000  # reserved for a call in flight that gives no limit
BOUND_BELOW_TOKENS = 32_000  # some endpoints refuse a larger limit on the answer, and few answers reach it
LEARNING = 0.2  # the weight of the newest observation in the ratio of real to estimated tokens
IMAGE_TOKENS = 1_500  # reserved for an image, about the most that vendors count for one


class BudgetedProvider(Wrapper):
    """Prices every answer, and keeps the limits: a call whose prompt alone is too much is not made, and an answer is
    bounded to what is left. Calls in flight count by an estimate; an unknown price is not 0, and the reply says so.
    """

    def __init__(self, inner: Provider, spending: SpendTracker, prices: Prices) -> None:
        super().__init__(inner)
        self._spending = spending
        self._prices = prices
        self._ratio: dict[str, float] = {}

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer with its price. Raises ModelError (OVER_BUDGET)."""
        await self._prices.load()
        await self._spending.refresh(request.thread)
        prompt = self._prompt_tokens(request)
        bounded = self._bounded(request, prompt)
        reserved = self._reserve(bounded, prompt)
        try:
            reply = await self._inner.complete(bounded)
        finally:
            self._spending.reserve(request.thread, -reserved[0], -reserved[1])
        return self._counted(request, reply)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the pieces, then the whole with its price; a stream that is left early is counted by an estimate."""
        await self._prices.load()
        await self._spending.refresh(request.thread)
        prompt = self._prompt_tokens(request)
        bounded = self._bounded(request, prompt)
        reserved = self._reserve(bounded, prompt)
        got, whole = 0, False
        try:
            async with aclosing(self._inner.stream(bounded)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, ModelReply):
                        whole = True
                        yield self._counted(request, piece)
                    else:
                        got += estimated_tokens(piece)
                        yield piece
        finally:
            self._spending.reserve(request.thread, -reserved[0], -reserved[1])
            if got and not whole:
                self._spend(request, Usage(prompt, got, estimated=True))

    async def warm(self) -> None:
        """Read the prices, and make the provider inside ready."""
        await self._prices.load()
        await self._inner.warm()

    def _prompt_tokens(self, request: ModelRequest) -> int:
        estimated = request.prompt_tokens + IMAGE_TOKENS * sum(len(message.images) for message in request.messages)
        return int(estimated * self._ratio.get(request.model, 1.0))

    def _bounded(self, request: ModelRequest, prompt: int) -> ModelRequest:
        """Return the request with its answer bounded to what every limit leaves. Raises ModelError (OVER_BUDGET)."""
        most = request.max_output_tokens
        for variable, allowance, spent in self._spending.limits_of(request.thread):
            left = self._left_tokens(request, prompt, allowance, spent)
            if left is None:
                continue
            if left < min(LEAST_ANSWER_TOKENS, most or LEAST_ANSWER_TOKENS):
                raise _over_budget(variable, request, prompt)
            if left < BOUND_BELOW_TOKENS:
                most = left if most is None else min(most, left)
        return replace(request, max_output_tokens=most)

    def _left_tokens(self, request: ModelRequest, prompt: int, allowance: Allowance, spent: Tally) -> int | None:
        left: list[int] = []
        if allowance.tokens is not None:
            left.append(allowance.tokens - spent.tokens - prompt)
        if allowance.dollars is not None:
            cost = self._prices.cost(prompt, 0, self.name, request.model)
            with_answer = self._prices.cost(prompt, 1_000_000, self.name, request.model)
            if cost is not None and with_answer is not None:
                money = allowance.dollars - spent.dollars - cost
                if money <= 0:
                    left.append(0)
                elif with_answer > cost:
                    left.append(int(money * 1_000_000 / (with_answer - cost)))
        return min(left) if left else None

    def _reserve(self, request: ModelRequest, prompt: int) -> tuple[int, Decimal]:
        answer = min(request.max_output_tokens or ASSUMED_ANSWER_TOKENS, ASSUMED_ANSWER_TOKENS)
        money = self._spending.limits.any_dollars
        cost = (money and self._prices.cost(prompt, answer, self.name, request.model)) or Decimal()
        self._spending.reserve(request.thread, prompt + answer, cost)
        return prompt + answer, cost

    def _counted(self, request: ModelRequest, reply: ModelReply) -> ModelReply:
        usage = self._spend(request, reply.usage)
        if not usage.estimated:
            seen = min(4.0, max(0.25, usage.input_tokens / max(1, request.prompt_tokens)))
            self._ratio[request.model] = (1 - LEARNING) * self._ratio.get(request.model, 1.0) + LEARNING * seen
        notes = reply.notes
        if usage.cost is None and self._spending.limits.any_dollars:
            notes = (*notes, f"{shown_name(request.model)} is unpriced: no limit in dollars holds for it")
        return replace(reply, usage=usage, notes=notes)

    def _spend(self, request: ModelRequest, usage: Usage) -> Usage:
        priced = self._prices.priced(usage, self.name, request.model)
        self._spending.spend(request.thread, usage.input_tokens + usage.output_tokens, priced.cost)
        return priced


def _over_budget(variable: str, request: ModelRequest, prompt: int) -> ModelError:
    text = (
        f"{variable} leaves too little for this prompt of about {prompt:,} tokens to {shown_name(request.model)}: "
        "send less, name a cheaper model, or raise it."
    )
    return ModelError(ErrorKind.OVER_BUDGET, text, model=request.model)
