"""Finds out what became of a write that was lost: by what is recorded, by sending it again, or by a look.

What is found is sure at any time. That nothing is found tells only once the write can no longer be carried out: when
the time of the call is over, and the longest time after it that its server may take.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stepwarden.upstream.calls.begun_calls import BegunCall
from stepwarden.upstream.calls.call_doubt import AGAIN_S, DoubtResolution
from stepwarden.upstream.calls.prepared_call import PreparedCall
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.doubts.look import LookFinding, WriteLook
from stepwarden.upstream.look_config import LookConfig


def decided_at(config: UpstreamConfig, begun: Sequence[BegunCall]) -> float:
    """Return when none of these calls can be carried out any more, in unix seconds."""
    return max(call.at for call in begun) + config.timeout_s + config.commit_delay_s


@dataclass(frozen=True)
class DoubtResolver:
    """Finds out by looks for one principal."""

    looks: WriteLook
    clock: Callable[[], float] = time.time

    async def resolve(self, written: PreparedCall, begun: Sequence[BegunCall]) -> DoubtResolution:
        """Return what became of a call that was begun so often; each of them may have been carried out."""
        config = written.server.config
        look = config.look_of(written.tool.name)
        if written.repeatable:
            return DoubtResolution("not_done", "idempotent", "sending it again changes nothing more")
        if not begun or any(call.outcome == "ok" for call in begun):
            return DoubtResolution("open", "record", "")
        if look is None:
            return DoubtResolution("open", "", f"no look is declared for {written.name}")
        if look.mark is not None and not all(call.has_mark and call.key for call in begun):
            return DoubtResolution("open", "", f"{written.name} was sent without a mark")
        decides = decided_at(config, begun)
        is_time = self.clock() >= decides
        if not is_time and look.mark is None:  # what is there may be of an earlier call
            return DoubtResolution("later", "look", "it can still be carried out", decides)
        return await self._looked(written, look, {call.key for call in begun}, decides if not is_time else None)

    async def _looked(
        self, written: PreparedCall, look: LookConfig, keys: set[str], decides: float | None
    ) -> DoubtResolution:
        """Look for each mark; `decides` is when nothing found will tell, None where it tells now."""
        findings: list[LookFinding] = []
        for key in sorted(keys) if look.mark is not None else [""]:
            finding = await self.looks.find(written.server.name, written.arguments, look, key)
            if finding.things:
                return DoubtResolution("done", "look", finding.words)
            findings.append(finding)
        if decides is not None:
            return DoubtResolution("later", "look", "it can still be carried out", decides)
        unclear = next((finding for finding in findings if finding.things is None), None)
        if unclear is None:
            return DoubtResolution("not_done", "look", findings[-1].words)
        if unclear.may_pass:
            return DoubtResolution("failed", "look", unclear.words, self.clock() + AGAIN_S)
        return DoubtResolution("open", "look", unclear.words)
