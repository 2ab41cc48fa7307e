"""A provider that counts what is spent and stops before it is too much: per call, per thread and per day."""

import asyncio
import datetime
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from providers.model_names import shown_name
from providers.prices import Prices
from providers.wrapper import Wrapper
from stepwarden.errors import StepwardenError
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Provider, Usage, estimated_tokens
from stepwarden.settings.allowance import UNLIMITED, Allowance
from stepwarden.storage.records import Tally

logger = logging.getLogger(__name__)

THREADS_KEPT = 2_000  # the least recently used are forgotten first
LEAST_ANSWER_TOKENS = 64  # with room for less, nothing is asked
ASSUMED_ANSWER_TOKENS = 4_000  # set aside for a call in flight whose limit nobody gave
BOUND_BELOW_TOKENS = 32_000  # a larger limit on the answer some endpoint would refuse, and few answers reach it
LEARNING = 0.2  # the weight of the newest observation in the ratio of real to guessed tokens
IMAGE_TOKENS = 1_500  # set aside for an image, about the most that vendors count for one


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent."""

    call: Allowance = UNLIMITED
    thread: Allowance = UNLIMITED
    day: Allowance = UNLIMITED

    @property
    def any_dollars(self) -> bool:
        """Whether any limit is one of money."""
        return any(allowance.dollars is not None for allowance in (self.call, self.thread, self.day))


NOTHING = Tally()


class Ledger(Protocol):
    """Where what is spent outlives a process, for all processes of a store; see `stepwarden.storage.spending`."""

    async def spend(self, day: str, thread: str, tally: Tally) -> None:
        """Add what a call cost on `day` for `thread`."""
        ...

    async def spent(self, day: str, thread: str) -> tuple[Tally, Tally]:
        """Return what was spent on `day`, and on `thread`."""
        ...


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


@dataclass(slots=True)
class _Account:
    """What was spent on one thing, and what calls in flight of this process may yet spend on it."""

    spent: Tally = NOTHING
    held: Tally = NOTHING

    @property
    def total(self) -> Tally:
        return _sum(self.spent, self.held)


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(
        max(0, one.tokens + other.tokens),
        max(Decimal(), one.dollars + other.dollars),
        one.unpriced_calls + other.unpriced_calls,
    )


class SpendTracker:
    """What was spent today and on each thread; all providers share one.

    Where a `ledger` is given, what other processes spend on the same store counts too, and nothing is forgotten with
    this process. A ledger that fails is logged; this process then goes by what it saw itself.
    """

    def __init__(
        self, limits: Limits, today: Callable[[], datetime.date] = _today, ledger: Ledger | None = None
    ) -> None:
        self.limits = limits
        self._today = today
        self._ledger = ledger if limits.day != UNLIMITED or limits.thread != UNLIMITED else None
        self._day = today()
        self._of_day = _Account()
        self._of_threads: OrderedDict[str, _Account] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def spent_today(self) -> Tally:
        """What was spent since midnight, UTC, and may yet be spent by calls in flight."""
        return self._account_of_day().total

    def spent_on(self, thread: str) -> Tally:
        """The same, for a thread."""
        return self._account_of(thread).total

    def limited(self, thread: str | None) -> Iterator[tuple[str, Allowance, Tally]]:
        """Return each limit that holds for a call: its variable, what it allows, what of it is gone."""
        yield "STEPWARDEN_BUDGET_CALL", self.limits.call, Tally()
        if thread is not None:
            yield "STEPWARDEN_BUDGET_THREAD", self.limits.thread, self.spent_on(thread)
        yield "STEPWARDEN_BUDGET_DAY", self.limits.day, self.spent_today

    async def look_up(self, thread: str | None) -> None:
        """Read what was spent elsewhere, before a call on `thread` is made."""
        if self._ledger is None:
            return
        if self._writing:
            await asyncio.wait(self._writing)
        try:
            today, on_thread = await self._ledger.spent(self._today().isoformat(), thread or "")
        except StepwardenError as error:
            logger.warning("budgets go by this process alone: %s", error)
            return
        self._account_of_day().spent = today
        if thread is not None:
            self._account_of(thread).spent = on_thread

    def hold(self, thread: str | None, tokens: int, dollars: Decimal) -> None:
        """Set aside what a call may spend; negative gives it back."""
        for account in self._accounts(thread):
            account.held = _sum(account.held, Tally(tokens, dollars))

    def spend(self, thread: str | None, tokens: int, dollars: Decimal | None) -> None:
        """Count what a call spent; None is a price that nobody knows."""
        tally = Tally(tokens, dollars or Decimal(), 1 if dollars is None else 0)
        for account in self._accounts(thread):
            account.spent = _sum(account.spent, tally)
        if self._ledger is not None:
            writing = asyncio.get_running_loop().create_task(self._write(self._ledger, thread or "", tally))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        """Wait until everything is in the ledger."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _write(self, ledger: Ledger, thread: str, tally: Tally) -> None:
        try:
            await ledger.spend(self._today().isoformat(), thread, tally)
        except StepwardenError as error:
            logger.warning("what a call cost is not recorded: %s", error)

    def _accounts(self, thread: str | None) -> tuple[_Account, ...]:
        return (self._account_of_day(), *((self._account_of(thread),) if thread is not None else ()))

    def _account_of_day(self) -> _Account:
        if self._today() != self._day:
            self._day, self._of_day = self._today(), _Account(held=self._of_day.held)
        return self._of_day

    def _account_of(self, thread: str) -> _Account:
        account = self._of_threads.setdefault(thread, _Account())
        self._of_threads.move_to_end(thread)
        while len(self._of_threads) > THREADS_KEPT:
            self._of_threads.popitem(last=False)
        return account


class BudgetedProvider(Wrapper):
    """Prices every answer, and holds the limits: a call whose prompt alone is too much is not made, and an answer is
    bounded to what is left. Calls in flight are counted by an estimate; a price that is unknown is not 0, it is said.
    """

    def __init__(self, inner: Provider, purse: SpendTracker, prices: Prices) -> None:
        super().__init__(inner)
        self._purse = purse
        self._prices = prices
        self._ratio: dict[str, float] = {}

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer with its price. Raises ModelError (OVER_BUDGET)."""
        await self._prices.load()
        await self._purse.look_up(request.thread)
        bounded, prompt = self._bounded(request), self._prompt_tokens(request)
        held = self._set_aside(bounded, prompt)
        try:
            reply = await self._inner.complete(bounded)
        finally:
            self._purse.hold(request.thread, -held[0], -held[1])
        return self._counted(request, reply)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the pieces, then the whole with its price; a stream that is left early is counted by an estimate."""
        await self._prices.load()
        await self._purse.look_up(request.thread)
        bounded, prompt = self._bounded(request), self._prompt_tokens(request)
        held = self._set_aside(bounded, prompt)
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
            self._purse.hold(request.thread, -held[0], -held[1])
            if got and not whole:
                self._spend(request, Usage(prompt, got, estimated=True))

    def _prompt_tokens(self, request: ModelRequest) -> int:
        guessed = sum(estimated_tokens(m.text) + IMAGE_TOKENS * len(m.images) for m in request.messages)
        return int(guessed * self._ratio.get(request.model, 1.0))

    def _bounded(self, request: ModelRequest) -> ModelRequest:
        """Return the request with its answer bounded to what every limit leaves. Raises ModelError (OVER_BUDGET)."""
        prompt = self._prompt_tokens(request)
        most = request.max_output_tokens
        for variable, allowance, spent in self._purse.limited(request.thread):
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

    def _set_aside(self, request: ModelRequest, prompt: int) -> tuple[int, Decimal]:
        answer = min(request.max_output_tokens or ASSUMED_ANSWER_TOKENS, ASSUMED_ANSWER_TOKENS)
        money = self._purse.limits.any_dollars
        cost = (money and self._prices.cost(prompt, answer, self.name, request.model)) or Decimal()
        self._purse.hold(request.thread, prompt + answer, cost)
        return prompt + answer, cost

    def _counted(self, request: ModelRequest, reply: ModelReply) -> ModelReply:
        usage = self._spend(request, reply.usage)
        if not usage.estimated:
            guessed = sum(estimated_tokens(message.text) for message in request.messages)
            seen = min(4.0, max(0.25, usage.input_tokens / guessed))
            self._ratio[request.model] = (1 - LEARNING) * self._ratio.get(request.model, 1.0) + LEARNING * seen
        notes = reply.notes
        if usage.cost is None and self._purse.limits.any_dollars:
            notes = (*notes, f"{shown_name(request.model)} is unpriced: no limit in dollars holds for it")
        return replace(reply, usage=usage, notes=notes)

    def _spend(self, request: ModelRequest, usage: Usage) -> Usage:
        priced = self._prices.priced(usage, self.name, request.model)
        self._purse.spend(request.thread, usage.input_tokens + usage.output_tokens, priced.cost)
        return priced


def _over_budget(variable: str, request: ModelRequest, prompt: int) -> ModelError:
    text = (
        f"{variable} leaves too little for this prompt of about {prompt:,} tokens to {shown_name(request.model)}: "
        "send less, name a cheaper model, or raise it."
    )
    return ModelError(ErrorKind.OVER_BUDGET, text, model=request.model)
