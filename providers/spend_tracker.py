"""What was spent on models: today and on each thread, by this process and by every other of the same store."""

import asyncio
import datetime
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from stepwarden.errors import StepwardenError
from stepwarden.settings.allowance import UNLIMITED, Allowance
from stepwarden.storage.records import Tally

logger = logging.getLogger(__name__)

THREADS_KEPT = 2_000  # the least recently used are forgotten first

NOTHING = Tally()


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


class Ledger(Protocol):
    """Where spending outlives a process, for all processes of a store; see `stepwarden.storage.spending`."""

    async def spend(self, day: str, thread: str, tally: Tally) -> None:
        """Add what a call cost on `day` for `thread`."""
        ...

    async def spent(self, day: str, thread: str) -> tuple[Tally, Tally]:
        """Return what was spent on `day`, and on `thread`."""
        ...


@dataclass(slots=True)
class Account:
    """What was spent on a day or a thread, and what calls of this process in flight may still spend on it."""

    spent: Tally = NOTHING
    reserved: Tally = NOTHING

    @property
    def total(self) -> Tally:
        """Both together."""
        return _sum(self.spent, self.reserved)


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(
        max(0, one.tokens + other.tokens),
        max(Decimal(), one.dollars + other.dollars),
        one.unpriced_calls + other.unpriced_calls,
    )


class Accounts:
    """The account of today and those of the threads used last."""

    def __init__(self, today: Callable[[], datetime.date]) -> None:
        self._today = today
        self._day = today()
        self._of_day = Account()
        self._of_threads: OrderedDict[str, Account] = OrderedDict()

    @property
    def today(self) -> str:
        """The date of today, UTC, as it is written down."""
        return self._today().isoformat()

    def of_day(self) -> Account:
        """Return the account of today; calls in flight at midnight count on the new day."""
        if self._today() != self._day:
            self._day, self._of_day = self._today(), Account(reserved=self._of_day.reserved)
        return self._of_day

    def of_thread(self, thread: str) -> Account:
        """Return the account of a thread."""
        account = self._of_threads.setdefault(thread, Account())
        self._of_threads.move_to_end(thread)
        while len(self._of_threads) > THREADS_KEPT:
            self._of_threads.popitem(last=False)
        return account

    def of_call(self, thread: str | None) -> Iterator[Account]:
        """Return the accounts that a call on `thread` is charged to."""
        yield self.of_day()
        if thread is not None:
            yield self.of_thread(thread)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


class SpendTracker:
    """Counts what is spent; all providers of a process share one.

    Where a `ledger` is given, what other processes spend on the same store counts too, and nothing is forgotten with
    this process. A ledger that fails is logged; this process then goes by what it saw itself.
    """

    def __init__(
        self, limits: Limits, today: Callable[[], datetime.date] = _today, ledger: Ledger | None = None
    ) -> None:
        self.limits = limits
        self._accounts = Accounts(today)
        self._ledger = ledger if limits.day != UNLIMITED or limits.thread != UNLIMITED else None
        self._writes: set[asyncio.Task[None]] = set()

    @property
    def spent_today(self) -> Tally:
        """What was spent since midnight, UTC, and may still be spent by calls in flight."""
        return self._accounts.of_day().total

    def spent_on(self, thread: str) -> Tally:
        """Return the same for a thread."""
        return self._accounts.of_thread(thread).total

    def limits_of(self, thread: str | None) -> Iterator[tuple[str, Allowance, Tally]]:
        """Return each limit of a call: its variable, what it allows, and what of that is spent."""
        yield "STEPWARDEN_BUDGET_CALL", self.limits.call, Tally()
        if thread is not None:
            yield "STEPWARDEN_BUDGET_THREAD", self.limits.thread, self.spent_on(thread)
        yield "STEPWARDEN_BUDGET_DAY", self.limits.day, self.spent_today

    async def refresh(self, thread: str | None) -> None:
        """Read what other processes spent, before a call on `thread` is made."""
        if self._ledger is None:
            return
        if self._writes:
            await asyncio.wait(self._writes)
        try:
            today, on_thread = await self._ledger.spent(self._accounts.today, thread or "")
        except StepwardenError as error:
            logger.warning("budgets go by this process alone: %s", error)
            return
        self._accounts.of_day().spent = today
        if thread is not None:
            self._accounts.of_thread(thread).spent = on_thread

    def reserve(self, thread: str | None, tokens: int, dollars: Decimal) -> None:
        """Set aside what a call may spend; negative amounts give it back."""
        for account in self._accounts.of_call(thread):
            account.reserved = _sum(account.reserved, Tally(tokens, dollars))

    def spend(self, thread: str | None, tokens: int, dollars: Decimal | None) -> None:
        """Count what a call spent; None is an unknown price."""
        tally = Tally(tokens, dollars or Decimal(), 1 if dollars is None else 0)
        for account in self._accounts.of_call(thread):
            account.spent = _sum(account.spent, tally)
        if self._ledger is not None:
            task = asyncio.get_running_loop().create_task(self._write(self._ledger, thread or "", tally))
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Wait until everything is in the ledger."""
        if self._writes:
            await asyncio.wait(self._writes)

    async def _write(self, ledger: Ledger, thread: str, tally: Tally) -> None:
        try:
            await ledger.spend(self._accounts.today, thread, tally)
        except StepwardenError as error:
            logger.warning("what a call cost is not recorded: %s", error)
