"""Confirmations by a second call, where a host cannot ask its user: bound to one call, once, for a short time."""

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
    about: str
    until: float


@dataclass
class Confirmations:
    """What waits to be confirmed. In memory: after a restart one asks again."""

    clock: Callable[[], float] = time.monotonic
    _pending: OrderedDict[str, _Pending] = field(default_factory=OrderedDict[str, _Pending])

    def ask(self, principal: str, about: str) -> str:
        """Return the word by which `principal` confirms `about`, the digest of exactly one call."""
        word = secrets.token_hex(8)
        self._pending[word] = _Pending(principal, about, self.clock() + VALID_S)
        while len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
        return word

    def redeem(self, word: str, principal: str, about: str) -> bool:
        """Return whether the word confirms just this; it is used up by a call that it fits, and by no other."""
        pending = self._pending.get(word)
        if pending is None or pending.until < self.clock() or pending.principal != principal:
            return False
        if not hmac.compare_digest(pending.about, about):
            return False
        del self._pending[word]
        return True
