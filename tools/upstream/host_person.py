"""The user of a host as a person of the core: how they are asked, put together for one call."""

from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context

from stepwarden.upstream.call_request import CallProgress
from stepwarden.upstream.calls.guarded_call import Person
from stepwarden.upstream.client import UpstreamClient
from tools.upstream.consent import HostApprover
from tools.upstream.dialog import HostDialog
from tools.upstream.elicitation_relay import WAITING, HostQuestionRelay
from tools.upstream.sign_in_prompt import HostSignInPrompt, resumed_sign_in


@dataclass(frozen=True)
class HostRequest:
    """One request of a host: its connection (None: it cannot be asked), whose it is, and who hears of progress.

    `word` confirms a call, as an earlier reply gave it; `exposed`: it came by a tool that has no room for a word.
    `thread` is what it is made for; `by_session`: nobody named it, it is the latest open one of the session.
    """

    context: Context[Any, Any] | None
    principal: str
    progress: CallProgress
    word: str | None = None
    exposed: bool = False
    thread: str = ""
    by_session: bool = False


def person_of(request: HostRequest, client: UpstreamClient) -> Person:
    """Return whoever sits before the host of a request."""
    dialog = HostDialog(request.context)
    return Person(
        principal=request.principal,
        approver=HostApprover(dialog, request.principal, client.confirmations, request.word, request.exposed),
        sign_in=HostSignInPrompt(dialog),
        questions=HostQuestionRelay(dialog, request.principal, client.pending, request.progress),
        resumed=resumed_sign_in(dialog),
        word=request.word,
        thread=request.thread,
        by_session=request.by_session,
        continues=dialog.earlier.asked == WAITING,
    )
