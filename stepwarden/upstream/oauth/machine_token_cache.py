"""Machine-token cache; its failures never fail a call, because a machine can always sign in again."""

import hashlib
import json
import logging
from contextlib import AbstractAsyncContextManager, nullcontext

from stepwarden.errors import SecretsUnavailable
from stepwarden.upstream.auth_config import AuthConfig
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.oauth.vault import TokenStore, VaultStamp

logger = logging.getLogger(__name__)


class MemoryVault:
    """Keeps the sign-in of one upstream in memory: for machines, whose credentials are in the configuration anyway."""

    def __init__(self) -> None:
        self._token_set: TokenSet | None = None
        self._changes = 0

    def stamp(self) -> VaultStamp:
        """See `TokenStore`."""
        return VaultStamp(0, self._changes)

    def load(self, upstream: str, server: str, issuer: str | None = None, entry: str = "") -> TokenSet | None:
        """See `TokenStore`."""
        return self._token_set

    def save(self, token_set: TokenSet) -> None:
        """See `TokenStore`."""
        self._token_set = token_set
        self._changes += 1

    def ready(self) -> None:
        """See `TokenStore`."""

    def lock(self, upstream: str, wait_s: float) -> AbstractAsyncContextManager[None]:
        """See `TokenStore`; there is nobody else."""
        return nullcontext()


class MachineTokenCache:
    """Keeps the sign-in of one upstream in the vault, under a digest of its entry; in memory where there is no key.

    What cannot be opened counts as nothing, and is replaced.
    """

    def __init__(self, vault: TokenStore, config: UpstreamConfig) -> None:
        self._store = vault
        self._upstream = config.name
        self._entry = entry_digest(config.auth)

    def stamp(self) -> VaultStamp | None:
        """See `TokenStore`."""
        return self._store.stamp()

    def load(self, upstream: str, server: str, issuer: str | None = None, entry: str = "") -> TokenSet | None:
        """Return what the very same entry got; see `TokenStore`."""
        try:
            return self._store.load(upstream, server, issuer, self._entry)
        except SecretsUnavailable as error:
            logger.warning("what is stored of %s is not used: %s", upstream, error)
            return None

    def save(self, token_set: TokenSet) -> None:
        """See `TokenStore`."""
        token_set = token_set.model_copy(update={"entry": self._entry})
        try:
            self._store.save(token_set)
        except SecretsUnavailable as error:
            self._do_without(error)
            self._store.save(token_set)

    def ready(self) -> None:
        """Decide where to keep it, before anything is asked for."""
        try:
            self._store.ready()
        except SecretsUnavailable as error:
            self._do_without(error)

    def lock(self, upstream: str, wait_s: float) -> AbstractAsyncContextManager[None]:
        """See `TokenStore`."""
        return self._store.lock(upstream, wait_s)

    def _do_without(self, error: SecretsUnavailable) -> None:
        logger.warning("each process signs in at %s for itself: %s", self._upstream, error)
        self._store = MemoryVault()


def entry_digest(auth: AuthConfig) -> str:
    """Return what tells the entries of machines apart, without any secret: 24 hex digits."""
    idp = None if auth.idp is None else [auth.idp.place, auth.idp.client_id]
    parts = [auth.type, auth.client_id, sorted(auth.scopes), idp]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
