"""One renewal for all processes of the machine: whoever holds the lock renews, and the others read the result."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from anyio import to_thread

from stepwarden.errors import SecretsUnavailable, SignInFailed, UpstreamDown
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.attempt import held_too_long
from stepwarden.upstream.oauth.challenge import Challenge
from stepwarden.upstream.oauth.flow import fetch, renew
from stepwarden.upstream.oauth.machine_lock import HeldTooLong
from stepwarden.upstream.oauth.response_checks import RequestRefused
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.oauth.vault import TokenStore

logger = logging.getLogger(__name__)

_LOST_CLIENT = frozenset({"invalid_client", "unauthorized_client"})


@dataclass(frozen=True, slots=True)
class TokenRefresh:
    """Renews the sign-in of one upstream; `lock_wait_s` is how long another process may hold the lock."""

    config: UpstreamConfig
    vault: TokenStore
    clock: Callable[[], float]
    lock_wait_s: float

    async def run(self, refused: str | None, challenge: Challenge) -> TokenSet | None:
        """Return a sign-in with a valid token other than `refused`; None where only a person can help.

        What is stored is read again under the lock, so that a token is renewed once, and a new refresh token is on disk
        before anything is done with it. A refusal by the authorization server is stored too: the others need not ask.
        Raises UpstreamDown where the authorization server, or the process that holds the lock, does not answer, and
        SecretsUnavailable where the vault cannot be used: then nothing was sent.
        """
        config, url = self.config, self.config.url or ""
        try:
            if config.auth.is_machine:
                await to_thread.run_sync(self.vault.ready)
            async with self.vault.lock(config.name, self.lock_wait_s):
                stored = await to_thread.run_sync(self.vault.load, config.name, url, config.auth.issuer)
                if stored is not None and stored.tokens is not None:
                    another = refused is None or stored.tokens.access != refused
                    if another and not stored.tokens.due(self.clock()):
                        return stored
                if config.auth.is_machine:
                    return await self._fetched(challenge, stored)
                if stored is None or stored.tokens is None or stored.tokens.refresh is None:
                    return None
                return await self._redeemed(stored)
        except HeldTooLong as held:
            raise UpstreamDown(held_too_long(config.name, held, self.lock_wait_s)) from None

    async def _redeemed(self, stored: TokenSet) -> TokenSet | None:
        await to_thread.run_sync(self.vault.save, stored)  # none is spent where its successor could not be kept
        try:
            token_set = await renew(self.config, stored)
        except RequestRefused as refusal:
            why = f"the authorization server ended it: {refusal}"
            logger.warning("the sign-in of %s is over: %s", self.config.name, why)
            ended = stored.without_tokens(why, self.clock(), keep_client=refusal.error not in _LOST_CLIENT)
            await to_thread.run_sync(self.vault.save, ended)
            return None
        token_set = token_set.model_copy(update={"account": token_set.account or stored.account, "asked": stored.asked})
        await self._keep(token_set)
        return token_set

    async def _fetched(self, challenge: Challenge, stored: TokenSet | None) -> TokenSet:
        if not challenge.header and stored is not None:
            challenge = Challenge(header=stored.challenge, protocol=stored.protocol)
        try:
            token_set = await fetch(self.config, challenge, stored)
        except RequestRefused as refusal:
            raise SignInFailed(_refusal_text(self.config, refusal)) from None
        await self._keep(token_set)
        return token_set

    async def _keep(self, token_set: TokenSet) -> None:
        try:
            await to_thread.run_sync(self.vault.save, token_set)
        except SecretsUnavailable as error:
            # The disk filled up since we looked. The tokens are good for this process, and lost with it.
            logger.error("the renewed sign-in of %s could not be kept: %s", token_set.upstream, error)


def _refusal_text(config: UpstreamConfig, refusal: RequestRefused) -> str:
    """Return what to do where an authorization server refuses what a machine's entry has for it."""
    auth = config.auth
    if auth.idp is not None and refusal.error not in _LOST_CLIENT:
        return (
            f"{auth.issuer} refuses what the identity provider {auth.idp.place} gave for {config.name} ({refusal}): it "
            f"has to trust that provider, and both have to know us, as {auth.client_id} and {auth.idp.client_id}."
        )
    if auth.has_key:
        key = f" (key id {auth.key_id})" if auth.key_id else ""
        return (
            f"{auth.issuer} refuses what the private key of {config.name} signs ({refusal}): register its public "
            f"key{key} there for the client {auth.client_id}, or put the right key into its auth entry."
        )
    return (
        f"The authorization server refuses the client credentials of {config.name} ({refusal}): put valid ones into "
        "its auth entry."
    )
