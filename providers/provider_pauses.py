"""The providers that are not chosen for a while: their key, account or connection is not in order."""

import time
from collections.abc import Sequence

from stepwarden.models import ErrorKind, ModelError, UnusableProvider

PAUSE_S = 600.0

_REASONS = frozenset({ErrorKind.WRONG_KEY, ErrorKind.NO_MONEY, ErrorKind.MISCONFIGURED})


class PausedProviders:
    """Who is paused, until when and why.

    A model that is named is still asked for there, and one answer ends the pause.
    """

    def __init__(self) -> None:
        self._paused: dict[str, tuple[float, str]] = {}

    @property
    def names(self) -> Sequence[str]:
        """The providers that are paused now."""
        return [name for name, (until, _) in self._paused.items() if time.monotonic() < until]

    @property
    def reasons(self) -> Sequence[UnusableProvider]:
        """The same, each with what it answered."""
        return [UnusableProvider(name, self._paused[name][1]) for name in self.names]

    def note_failure(self, provider: str, error: ModelError) -> None:
        """Pause a provider where its failure would be the same for every request."""
        if error.kind in _REASONS:
            self._paused[provider] = (time.monotonic() + PAUSE_S, str(error))

    def note_answer(self, provider: str) -> None:
        """End the pause of a provider that answered."""
        self._paused.pop(provider, None)
