"""Trusts a changed tool as it is now, once a person agreed: its words may be there to mislead a model."""

from stepwarden.upstream.approval import Approver, TrustApproval, ensure_approved
from stepwarden.upstream.digest import digest_of
from stepwarden.upstream.servers import UpstreamServer


async def accept_tool(server: UpstreamServer, name: str, approver: Approver) -> bool:
    """Trust a tool (by its own name) as it is listed now; return False where it is trusted already.

    Raises UnknownUpstream, UpstreamRefused where they do not agree or it changed meanwhile, and Suspended.
    """
    registry, full_name = server.registry, f"{server.name}/{name}"
    tool = registry.listed(name)
    changes = registry.drift(name)
    if not changes:
        return False
    digest = digest_of({"accept": full_name, "is": tool.fingerprint})
    await ensure_approved(approver, TrustApproval(digest, full_name, tuple(changes)))
    registry.accept(name, tool.fingerprint)
    return True
