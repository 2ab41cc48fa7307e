"""The port through which a person allows a call or a changed tool; the rim decides how they are asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.calls.call_doubt import CallDoubt
from stepwarden.upstream.catalogue.drift import ToolChange

ApprovedBy = Literal["user", "confirmed", "setting"]
"""The person themselves, a second call with a word of ours, or the file of upstreams. Recorded with the call."""


@dataclass(frozen=True)
class CallApproval:
    """A call that a person has to allow. `digest` is that of exactly this: tool, fingerprint and arguments.

    `tool` is `upstream/tool`, `kind` what it claims to do: read, write or destructive. `doubt` says that the same call
    was begun before, None where it was not; its word has been given by then. `leaves_mark`: what it makes gets a mark.
    """

    digest: str
    tool: str
    kind: str
    arguments: Mapping[str, Any]
    doubt: CallDoubt | None = None
    leaves_mark: bool = False

    @property
    def refusal(self) -> str:
        """The error where they do not allow it."""
        return f"The user did not allow {self.tool}. Nothing was sent. Ask them what to do instead."


@dataclass(frozen=True)
class TrustApproval:
    """A tool that changed, and that a person has to accept as it is now. `digest` is that of tool and fingerprint."""

    digest: str
    tool: str
    changes: tuple[ToolChange, ...]

    @property
    def refusal(self) -> str:
        """The error where they do not accept it."""
        return f"The user did not accept {self.tool} as it is now; it stays barred. Do without it."


ApprovalRequest = CallApproval | TrustApproval


@dataclass(frozen=True, slots=True)
class ApprovalAnswer:
    """What was decided on the request with this `digest`, and by whom."""

    digest: str
    allowed: bool
    by: ApprovedBy


class Approver(Protocol):
    """Asks the person behind a call for their permission."""

    async def approve(self, request: ApprovalRequest) -> ApprovalAnswer:
        """Return what they decided on exactly this.

        Raises Suspended where their answer comes with a later call, UpstreamRefused with what to do where they cannot
        be asked or did not answer.
        """
        ...


class Suspended(Exception):
    """A call ends before it is done, because a person has to answer first; a later call goes on with the answer.

    A rim raises a subclass of its own with what it needs to come back; everything between lets it through.
    """


async def ensure_approved(approver: Approver, request: ApprovalRequest) -> ApprovedBy:
    """Return who allowed exactly this. Raises UpstreamRefused where it is not allowed, and what `approve` raises."""
    answer = await approver.approve(request)
    if not answer.allowed or answer.digest != request.digest:
        raise UpstreamRefused(request.refusal)
    return answer.by
