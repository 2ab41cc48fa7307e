"""What is told before a call is sent that may have been carried out already: look first."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.calls.begun_calls import BegunCall, settling_word

AGAIN_S = 20.0  # until a look that failed is made again

Verdict = Literal["done", "not_done", "later", "failed", "open"]


@dataclass(frozen=True, slots=True)
class DoubtResolution:
    """What became of a write: carried out, or not; `later` says that a look at `at` (unix seconds) can tell.

    `failed`: the look could not be made, and may be made again then; `open`: nothing but a person can tell. `by` is
    what told it: record, idempotent, look or read; `words` say how.
    """

    verdict: Verdict
    by: str
    words: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class CallDoubt:
    """Calls of `tool` (`upstream/tool`) that were begun with the same arguments; `looks` are tools to look with.

    `found` is what a look said of them, "" where none was made.
    """

    begun: Sequence[BegunCall]
    tool: str
    looks: Sequence[str] = ()
    found: str = ""

    @property
    def word(self) -> str:
        """The word by which somebody says that they looked, and wants it sent again."""
        return settling_word(self.begun)

    @property
    def line(self) -> str:
        """When it was begun, and how its outcome is unknown; one sentence."""
        last = max(self.begun, key=lambda call: call.at)
        at = begun_at(last)
        when = f"{len(self.begun)} times, last at {at}," if len(self.begun) > 1 else f"at {at}"
        if self.found:
            return f"{self.tool} was begun {when} with the same arguments, and was not carried out: {self.found}."
        return f"{self.tool} was begun {when} with the same arguments, and its outcome is unknown: {last.line}."

    def refusal_after(self, found: DoubtResolution) -> UpstreamRefused:
        """Return the error that says what was found out, and how to go on."""
        if found.verdict == "done":
            return UpstreamRefused(
                f"{self.tool} was carried out when it was sent at {begun_at(self.begun[-1])}: {found.words}. It was "
                "not sent again. Go on as after a call that went well."
            )
        if found.verdict == "later":
            left_s = max(1, ceil(found.at - time.time()))
            return UpstreamRefused(
                f"{self.line} Nothing was sent now: {found.words}. Send the same call again in {left_s} s: a look will "
                "tell then whether it has to be sent."
            )
        return self.refusal if found.verdict == "open" else UpstreamRefused(f"{found.words}. {self.refusal}")

    @property
    def refusal(self) -> UpstreamRefused:
        """The error that says to look first, and how to go on."""
        again = f'upstream(action="call", tool="{self.tool}", confirm="{self.word}", arguments=the same)'
        return UpstreamRefused(
            f"{self._look_first} If it was, do not send it again. If it was not, and your user still wants it: {again}."
        )

    @property
    def refusal_in_run(self) -> UpstreamRefused:
        """The error for the model of a run, which has no way to say that it looked."""
        return UpstreamRefused(
            f"{self._look_first} Do not send it again in this run; say in your answer what you found, so that your "
            "user can have it sent if it was not carried out."
        )

    @property
    def _look_first(self) -> str:
        how = f", for example with {' or '.join(self.looks)}" if self.looks else ""
        return f"{self.line} Nothing was sent now. Look first whether it was carried out{how}."


def begun_at(call: BegunCall) -> str:
    """Return when a call was begun, as UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(call.at))
