"""Where the sign-ins of machines are kept: they can be had again, so that nothing about keeping one ends a call."""

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
        self._bundle: TokenSet | None = None
        self._changes = 0

    def stamp(self) -> VaultStamp:
        """See `TokenStore`."""
        return VaultStamp(0, self._changes)

    def load(self, upstream: str, server: str, issuer: str | None = None, entry: str = "") -> TokenSet | None:
        """See `TokenStore`."""
        return self._bundle

    def save(self, bundle: TokenSet) -> None:
        """See `TokenStore`."""
        self._bundle = bundle
        self._changes += 1

    def ready(self) -> None:
        """See `TokenStore`."""

    def lock(self, upstream: str, wait_s: float) -> AbstractAsyncContextManager[None]:
        """See `TokenStore`; there is nobody else."""
        return nullcontext()


class MachineTokenCache:
    """Keeps the sign-in of one upstream in the vault, under a digest of its entry; in memory where there is no key.

    What cannot be opened counts as none, and is replaced.
    """

    def __init__(self, vault: TokenStore, config: UpstreamConfig) -> None:
        self._kept = vault
        self._upstream = config.name
        self._entry = digest(config.auth)

    def stamp(self) -> VaultStamp | None:
        """See `TokenStore`."""
        return self._kept.stamp()

    def load(self, upstream: str, server: str, issuer: str | None = None, entry: str = "") -> TokenSet | None:
        """Return what was got by the very same entry; see `TokenStore`."""
        try:
            return self._kept.load(upstream, server, issuer, self._entry)
        except SecretsUnavailable as error:
            logger.warning("what is stored of %s is not used: %s", upstream, error)
            return None

    def save(self, bundle: TokenSet) -> None:
        """See `TokenStore`."""
        bundle = bundle.model_copy(update={"entry": self._entry})
        try:
            self._kept.save(bundle)
        except SecretsUnavailable as error:
            self._do_without(error)
            self._kept.save(bundle)

    def ready(self) -> None:
        """Decide where to keep it, before anything is asked for."""
        try:
            self._kept.ready()
        except SecretsUnavailable as error:
            self._do_without(error)

    def lock(self, upstream: str, wait_s: float) -> AbstractAsyncContextManager[None]:
        """See `TokenStore`."""
        return self._kept.lock(upstream, wait_s)

    def _do_without(self, error: SecretsUnavailable) -> None:
        logger.warning("each process signs in at %s for itself: %s", self._upstream, error)
        self._kept = MemoryVault()


def digest(auth: AuthConfig) -> str:
    """Return what tells the entries of machines apart, without any secret: 24 hex digits."""
    idp = None if auth.idp is None else [auth.idp.place, auth.idp.client_id]
    parts = [auth.type, auth.client_id, sorted(auth.scopes), idp]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
