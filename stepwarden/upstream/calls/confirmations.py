"""Words that confirm one call by a second one, where a host cannot ask its user: used once, for a short time."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

VALID_S = 600.0
MOST_PENDING = 500


@dataclass(frozen=True, slots=True)
class _Pending:
    principal: str
    digest: str
    until: float


@dataclass
class Confirmations:
    """The words that were given and not used yet. In memory: after a restart one asks again."""

    clock: Callable[[], float] = time.monotonic
    _pending: OrderedDict[str, _Pending] = field(default_factory=OrderedDict[str, _Pending])
    _redeemed: OrderedDict[str, _Pending] = field(default_factory=OrderedDict[str, _Pending])

    def ask(self, principal: str, digest: str) -> str:
        """Return the word by which `principal` confirms what has this digest."""
        word = secrets.token_hex(8)
        self._pending[word] = _Pending(principal, digest, self.clock() + VALID_S)
        while len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
        return word

    def redeem(self, word: str, principal: str, digest: str) -> bool:
        """Return whether the word confirms exactly this; a call that it fits uses it up, no other does."""
        pending = self._pending.get(word)
        if pending is None or pending.until < self.clock() or pending.principal != principal:
            return False
        if not hmac.compare_digest(pending.digest, digest):
            return False
        self._redeemed[word] = self._pending.pop(word)
        while len(self._redeemed) > MOST_PENDING:
            self._redeemed.popitem(last=False)
        return True

    def give_back(self, word: str) -> None:
        """Let a word that was redeemed confirm the same again, as long as it is valid: nothing was sent for it."""
        pending = self._redeemed.pop(word, None)
        if pending is not None:
            self._pending[word] = pending
