"""What is told before a call is sent that may have been carried out already: look first."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.calls.begun_calls import BegunCall, settling_word


@dataclass(frozen=True, slots=True)
class CallDoubt:
    """Calls of `tool` (`upstream/tool`) that were begun with the same arguments; `looks` are tools to look with."""

    begun: Sequence[BegunCall]
    tool: str
    looks: Sequence[str] = ()

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
        return f"{self.tool} was begun {when} with the same arguments, and its outcome is unknown: {last.line}."

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
