"""OAuth for one upstream: a token on every request, renewed by one process of the machine for all of them.

Between two requests nothing is locked: a request looks whether the vault changed (one `stat`), takes the token and
goes. Only what has no valid token waits, all of it for the same renewal.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

import httpx2

from stepwarden.errors import SignInFailed
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.attempt import LOCK_WAIT_S, Attempt, SignIn
from stepwarden.upstream.oauth.challenge import Challenge, drain, refused
from stepwarden.upstream.oauth.current_tokens import CurrentTokens
from stepwarden.upstream.oauth.origin import same_origin
from stepwarden.upstream.oauth.person_sign_in import PersonSignIn
from stepwarden.upstream.oauth.refresh import TokenRefresh
from stepwarden.upstream.oauth.refusal_text import second_refusal, sign_in_reason
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.oauth.vault import TokenStore


class OAuthAuth(httpx2.Auth):
    """Signs the requests to one upstream. `close` it with what uses it; it belongs to one event loop."""

    def __init__(
        self,
        config: UpstreamConfig,
        vault: TokenStore,
        how: SignIn | None,
        *,
        clock: Callable[[], float] = time.time,
        lock_wait_s: float = LOCK_WAIT_S,
    ) -> None:
        self._config = config
        self._person = PersonSignIn(config, vault, how)
        self._tokens = CurrentTokens(TokenRefresh(config, vault, clock, lock_wait_s), on_read=self._person.settle)

    def __repr__(self) -> str:
        return f"OAuthAuth({self._config.name!r})"

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Authenticate one request, which is sent twice at the most.

        Raises SignInNeeded, SignInFailed, UpstreamDown, SecretsUnavailable.
        """
        if not same_origin(request.url, self._config):
            yield request
            return
        sent = _attach(request, await self._tokens.current())
        response = yield request
        if not refused(response):
            return
        await drain(response)
        _attach(request, await self._after_refusal(Challenge.of(response), sent))
        response = yield request
        if refused(response):
            raise second_refusal(self._config, Challenge.of(response))

    async def ready(self) -> None:
        """Renew the token where it is due, so that the next request need not.

        Raises UpstreamDown or SecretsUnavailable where that is not possible. Whether a sign-in is needed at all only a
        request can tell.
        """
        await self._tokens.current()

    async def signed_in(self, timeout_s: float) -> bool:
        """Wait until the attempt under way is over; return whether there are tokens then.

        Raises what ended the attempt.
        """
        if self._person.attempt is not None:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._outcome(self._person.attempt)
            except TimeoutError:
                return False
        return await self._tokens.reread() is not None

    async def close(self) -> None:
        """End what goes on in the background; a renewal is waited for."""
        await self._person.close()
        await self._tokens.close()

    async def _after_refusal(self, challenge: Challenge, sent: str | None) -> TokenSet:
        """Return the sign-in to repeat a request with that was refused with the token `sent`."""
        stored = await self._tokens.reread()
        if stored is not None and challenge.is_answered_by(stored) and stored.tokens and stored.tokens.access != sent:
            return stored  # somebody renewed it meanwhile, or signed in for more
        machine = self._config.auth.is_machine
        if challenge.status == 401 and (machine or stored is not None):
            renewed = await self._tokens.renew(sent or "", challenge)
            if renewed is not None:
                return renewed
        former = self._tokens.stored.token_set
        if machine:
            reason = sign_in_reason(self._config, challenge, former)
            raise SignInFailed(f"{self._config.name} refuses what its auth entry gives: {reason}.")
        return await self._outcome(await self._person.begin(challenge, former))

    async def _outcome(self, attempt: Attempt) -> TokenSet:
        """Wait for the end of an attempt; where it was given up, somebody may have signed in meanwhile."""
        token_set = await attempt.finished()
        if token_set is not None:
            return self._tokens.stored.adopt(token_set)
        stored = await self._tokens.reread()
        if stored is None:
            raise SignInFailed(f"The sign-in for {self._config.name} was given up.")
        return stored


def _attach(request: httpx2.Request, token_set: TokenSet | None) -> str | None:
    """Put the token on a request; return it."""
    if token_set is None or token_set.tokens is None:
        return None
    request.headers["Authorization"] = f"Bearer {token_set.tokens.access}"
    return token_set.tokens.access
