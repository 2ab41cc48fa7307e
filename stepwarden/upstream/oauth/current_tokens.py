"""The sign-in to use now: what is stored, renewed where it is due."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from stepwarden.errors import SignInFailed, UpstreamDown
from stepwarden.upstream.oauth.challenge import Challenge
from stepwarden.upstream.oauth.refresh import TokenRefresh
from stepwarden.upstream.oauth.shared_refresh import SharedRefresh
from stepwarden.upstream.oauth.stored_sign_in import StoredSignIn
from stepwarden.upstream.oauth.token_set import TokenSet


@dataclass
class CurrentTokens:
    """The tokens of one upstream; `on_read` hears of what is stored each time it was read again."""

    refresh: TokenRefresh
    on_read: Callable[[TokenSet | None], Awaitable[None]]
    stored: StoredSignIn = field(init=False)
    _shared: SharedRefresh = field(init=False)

    def __post_init__(self) -> None:
        self.stored = StoredSignIn(self.refresh.config, self.refresh.vault)
        self._shared = SharedRefresh(self.refresh)

    async def current(self) -> TokenSet | None:
        """Return the sign-in to use now; None where there is none.

        Raises UpstreamDown, SignInFailed and SecretsUnavailable where it cannot be renewed and is over.
        """
        if await self.stored.read():
            await self.on_read(self.stored.token_set)
        token_set = self.stored.token_set
        if token_set is None or token_set.tokens is None:
            return None
        if not token_set.tokens.due(self.refresh.clock()):
            return token_set
        try:
            return await self.renew(None, Challenge())
        except (UpstreamDown, SignInFailed):
            if token_set.tokens.over(self.refresh.clock()):
                raise
            return token_set  # it is due, and yet good for a while

    async def reread(self) -> TokenSet | None:
        """Return what is stored now, whatever was read before; None where that has no tokens."""
        await self.stored.read(force=True)
        await self.on_read(self.stored.token_set)
        return self.stored.token_set if self.stored.usable else None

    async def renew(self, refused: str | None, challenge: Challenge) -> TokenSet | None:
        """Return a sign-in with another token than `refused`; None where only a person can help."""
        token_set = await self._shared.run(refused, challenge)
        return None if token_set is None else self.stored.adopt(token_set)

    async def close(self) -> None:
        """Wait for the renewal under way."""
        await self._shared.close()
