"""One call of an upstream's tool for a host: looked over, allowed, signed in for, made, and asked through."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.shared.dispatcher import ProgressFnT
from mcp.types import InputRequiredResult, InputResponses

from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.records import Recorder
from stepwarden.upstream.servers import PreparedCall, Upstreams
from tools.upstream.consent import Consent, ConsentRequest
from tools.upstream.elicitation_relay import asked_through
from tools.upstream.upstream_text import asked_for_approval, shown_arguments


@dataclass(frozen=True)
class MadeCall:
    """A call that came to its end."""

    prepared: PreparedCall
    ended: CallOutcome


@dataclass(frozen=True)
class HostCall:
    """Makes calls for `person`. `exposed` says that the tool's own schema has no room for a word of ours."""

    upstreams: Upstreams
    recorder: Recorder
    person: Consent
    progress: ProgressFnT
    exposed: bool = False

    async def call(
        self, name: str, arguments: Mapping[str, Any], word: str | None = None
    ) -> MadeCall | InputRequiredResult:
        """Call `upstream/tool`; a result instead is what our own call has to return.

        Raises what `Upstreams.prepare` and `Upstreams.call` raise, and UpstreamRefused where it is not allowed.
        """
        return await self.person.signed_in_for(self.upstreams, lambda: self._made(name, arguments, word))

    async def _made(self, name: str, arguments: Mapping[str, Any], word: str | None) -> MadeCall | InputRequiredResult:
        prepared = await self.upstreams.prepare(name, arguments)
        if not prepared.needs_approval:
            self.person.by = "" if prepared.tool.reads_only else "setting"
        elif asked := await self.person.allows(self._ask(prepared), word):
            return asked

        async def call(answers: InputResponses | None, state: str | None, progress: ProgressFnT) -> CallOutcome:
            return await self.upstreams.call(
                prepared,
                by=self.person.principal,
                recorder=self.recorder,
                approved=self.person.by,
                on_progress=progress,
                answers=answers,
                state=state,
            )

        ended = await asked_through(call, self.person, self.upstreams.waiting, prepared.name, self.progress)
        return ended if isinstance(ended, InputRequiredResult) else MadeCall(prepared, ended)

    def _ask(self, prepared: PreparedCall) -> ConsentRequest:
        name, shown = prepared.name, shown_arguments(prepared.arguments)
        again = 'the same call again with confirm="{confirm}"'
        if self.exposed:
            again = f'upstream(action="call", tool="{name}", confirm="{{confirm}}") with the same arguments'
        return ConsentRequest(
            about=prepared.about,
            message=asked_for_approval(name, prepared.tool, prepared.arguments),
            yes="Allow this call",
            how=(
                f"{name} {_changes(prepared)}: tell your user what you are about to do, with {shown}, and send {again} "
                "if they agree (within 10 minutes; for just these arguments)."
            ),
            declined=f"The user did not allow {name}. Nothing was sent. Ask them what to do instead.",
        )


def _changes(prepared: PreparedCall) -> str:
    return "may destroy something" if prepared.tool.destroys else "reads" if prepared.tool.reads_only else "writes"
