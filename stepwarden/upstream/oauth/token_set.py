"""What is kept of a sign-in: tokens, and what is needed to renew them without another discovery."""

import hashlib
from typing import Any

from mcp.client.auth.utils import issuers_match
from pydantic import BaseModel, ConfigDict, Field

MARGIN_S = 60.0
"""An access token is renewed so long before its end, or in the last tenth of its life where that is shorter."""

CLOCK_SLACK_S = 300.0
"""A token from further in the future than this was stored under another clock."""

LONGEST_LIFE_S = 10 * 365 * 86_400.0


class Tokens(BaseModel):
    """The tokens of one grant. Times are unix seconds of this machine; `expires_at` None: the server did not say."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    access: str = Field(repr=False, min_length=1)
    refresh: str | None = Field(default=None, repr=False)
    scope: str | None = None
    obtained_at: float
    expires_at: float | None = None

    def due(self, now: float) -> bool:
        """Return whether it is time to renew them: near their end, or the clock was set back since they came."""
        if self.expires_at is None:
            return False
        margin = min(MARGIN_S, max(0.0, self.expires_at - self.obtained_at) / 10)
        return now >= self.expires_at - margin or now < self.obtained_at - CLOCK_SLACK_S

    def over(self, now: float) -> bool:
        """Return whether the access token has ended by our clock."""
        return self.expires_at is not None and now >= self.expires_at


class TokenSet(BaseModel):
    """One sign-in: of an upstream (its name), for a server (its address), at an issuer.

    `client` is the registration, `issuer_metadata` and `resource_metadata` are the documents of RFC 8414 and RFC 9728;
    `protocol` is the MCP protocol version under which tokens were asked for (it decides on `resource`), `challenge`
    the server's WWW-Authenticate. `account` and `asked` (scopes) are for showing. `ended` says why there are no tokens
    any more. `entry` is a digest of the entry by which a machine signed in, empty for a person. No repr shows a secret.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    upstream: str
    server: str
    issuer: str
    tokens: Tokens | None
    client: dict[str, Any] | None = Field(default=None, repr=False)
    issuer_metadata: dict[str, Any] | None = Field(default=None, repr=False)
    resource_metadata: dict[str, Any] | None = Field(default=None, repr=False)
    protocol: str = ""
    challenge: str = ""
    account: str = ""
    asked: tuple[str, ...] = ()
    ended: str = ""
    entry: str = ""
    saved_at: float

    @property
    def scopes(self) -> tuple[str, ...]:
        """What was granted; what was asked for where the server did not say otherwise."""
        if self.tokens is None:
            return ()
        return tuple(self.tokens.scope.split()) if self.tokens.scope is not None else self.asked

    def is_for(self, server: str, issuer: str | None, entry: str) -> bool:
        """Return whether it is a sign-in for a server, at `issuer` (None: any), by the entry with this digest."""
        return self.server == server and (issuer is None or issuers_match(self.issuer, issuer)) and self.entry == entry

    def without_tokens(self, why: str, now: float, *, keep_client: bool = True) -> "TokenSet":
        """Return the same without tokens, and without the registration where that is lost too."""
        client = self.client if keep_client else None
        return self.model_copy(update={"tokens": None, "client": client, "ended": why, "saved_at": now})


def expiry(expires_in: int | None, now: float) -> float | None:
    """Return when a token ends that was issued `now` for `expires_in` seconds."""
    return None if expires_in is None else now + min(max(0.0, float(expires_in)), LONGEST_LIFE_S)


def file_name(upstream: str, server: str, issuer: str) -> str:
    """Return the name of the file of a token set; no part of an address gets into it, which could lead elsewhere."""
    digest = hashlib.sha256(f"{server}\n{issuer}".encode()).hexdigest()[:24]
    return f"{upstream}.{digest}.token"
