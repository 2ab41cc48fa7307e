"""Asks for permission on the terminal: the command line's approver."""

from dataclasses import dataclass

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.output import plain
from stepwarden.upstream.approval import ApprovalAnswer, ApprovalRequest, TrustApproval


@dataclass(frozen=True)
class TerminalApprover:
    """The approver of one command; without `ask` what is shown counts as allowed."""

    ask: bool = True

    async def approve(self, request: ApprovalRequest) -> ApprovalAnswer:
        """Show what is asked, and ask; a no ends the command."""
        if isinstance(request, TrustApproval):
            for change in request.changes:
                typer.echo(plain(change.line))
            question = "Trust it as it is now?"
        else:
            question = plain(f"Allow {request.tool} ({request.kind})?")
        if self.ask and not typer.confirm(question):
            raise typer.Exit(1)
        return ApprovalAnswer(request.digest, allowed=True, by="user")
