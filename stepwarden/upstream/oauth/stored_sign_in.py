"""One upstream's sign-in as this process knows it: read from the vault whenever any process changed something there."""

from dataclasses import dataclass

from anyio import to_thread

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.oauth.vault import TokenStore, VaultStamp


@dataclass
class StoredSignIn:
    """What is stored of the sign-in at one upstream; `token_set` None where nothing is."""

    config: UpstreamConfig
    vault: TokenStore
    token_set: TokenSet | None = None
    _stamp: VaultStamp | None = None

    @property
    def usable(self) -> bool:
        """Whether there are tokens, whatever they are worth."""
        return self.token_set is not None and self.token_set.tokens is not None

    async def read(self, *, force: bool = False) -> bool:
        """Read it where the vault changed (one `stat`), or anyway; return whether it was read."""
        stamp = self.vault.stamp()
        if stamp == self._stamp and not force:
            return False
        token_set = await to_thread.run_sync(self._load)
        self._stamp, self.token_set = stamp, token_set
        return True

    def adopt(self, token_set: TokenSet) -> TokenSet:
        """Take over a sign-in that was stored just now."""
        self.token_set, self._stamp = token_set, self.vault.stamp()
        return token_set

    def _load(self) -> TokenSet | None:
        return self.vault.load(self.config.name, self.config.url or "", self.config.auth.issuer)
