"""One renewal for all processes of the machine: whoever holds the lock renews, and the others read what came of it."""

import logging
from collections.abc import Callable

from anyio import to_thread

from stepwarden.errors import SecretsUnavailable, SignInFailed, UpstreamDown
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.signing.attempt import LOCK_WAIT_S, held_too_long
from stepwarden.upstream.signing.bundle import Bundle
from stepwarden.upstream.signing.flow import Challenge, fetch, renew
from stepwarden.upstream.signing.judging import Refused
from stepwarden.upstream.signing.locking import HeldTooLong
from stepwarden.upstream.signing.vault import Keeping

logger = logging.getLogger(__name__)

_LOST_CLIENT = frozenset({"invalid_client", "unauthorized_client"})


async def renewed(
    config: UpstreamConfig, vault: Keeping, refused: str | None, challenge: Challenge, clock: Callable[[], float]
) -> Bundle | None:
    """Give a sign-in with a valid token other than `refused`; None where only a person can help.

    What is stored is read again under the lock, so that a token is renewed once, and a new refresh token is on disk
    before anything is done with it. A refusal by the authorization server is stored too: the others need not ask.
    Raises UpstreamDown where the authorization server, or the process that holds the lock, does not answer, and
    SecretsUnavailable where the vault cannot be used: then nothing was sent.
    """
    url = config.url or ""
    try:
        async with vault.lock(config.name, LOCK_WAIT_S):
            stored = await to_thread.run_sync(vault.load, config.name, url, config.auth.issuer)
            if stored is not None and stored.tokens is not None:
                another = refused is None or stored.tokens.access != refused
                if another and not stored.tokens.due(clock()):
                    return stored
            if config.auth.type == "client_credentials":
                return await _fetched(config, vault, challenge, stored)
            if stored is None or stored.tokens is None or stored.tokens.refresh is None:
                return None
            return await _redeemed(config, vault, stored, clock)
    except HeldTooLong as held:
        raise UpstreamDown(held_too_long(config.name, held)) from None


async def _redeemed(
    config: UpstreamConfig, vault: Keeping, stored: Bundle, clock: Callable[[], float]
) -> Bundle | None:
    await to_thread.run_sync(vault.save, stored)  # a token is not spent where its successor could not be kept
    try:
        bundle = await renew(config, stored)
    except Refused as refusal:
        why = f"the authorization server ended it: {refusal}"
        logger.warning("the sign-in of %s is over: %s", config.name, why)
        ended = stored.without_tokens(why, clock(), keep_client=refusal.error not in _LOST_CLIENT)
        await to_thread.run_sync(vault.save, ended)
        return None
    bundle = bundle.model_copy(update={"account": bundle.account or stored.account, "asked": stored.asked})
    await _kept(vault, bundle)
    return bundle


async def _fetched(config: UpstreamConfig, vault: Keeping, challenge: Challenge, stored: Bundle | None) -> Bundle:
    if not challenge.header and stored is not None:
        challenge = Challenge(header=stored.challenge, protocol=stored.protocol)
    try:
        bundle = await fetch(config, challenge, stored)
    except Refused as refusal:
        raise SignInFailed(
            f"The authorization server refuses the client credentials of {config.name} ({refusal}): put valid ones "
            "into its auth entry."
        ) from None
    await _kept(vault, bundle)
    return bundle


async def _kept(vault: Keeping, bundle: Bundle) -> None:
    try:
        await to_thread.run_sync(vault.save, bundle)
    except SecretsUnavailable as error:
        # The disk filled up since we looked. The tokens are good for this process, and lost with it.
        logger.error("the renewed sign-in of %s could not be kept: %s", bundle.upstream, error)
