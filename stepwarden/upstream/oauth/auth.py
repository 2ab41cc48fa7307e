"""OAuth for one upstream: a token on every request, renewed by one process of the machine, held up by none.

Between two requests nothing is locked: a request looks whether the vault changed (one `stat`), takes the token and
goes. Only what has no valid token waits, all of it for the same renewal, which runs in a task of its own: a request
that is given up halfway must not lose the refresh token that just replaced the former one.
"""

import asyncio
import logging
import shlex
import time
from collections.abc import AsyncGenerator, Callable

import httpx2
from anyio import to_thread

from stepwarden.errors import SignInFailed, SignInNeeded, UpstreamDown
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.attempt import LOCK_WAIT_S, Attempt, SignIn
from stepwarden.upstream.oauth.challenge import drain, refused
from stepwarden.upstream.oauth.flow import Challenge
from stepwarden.upstream.oauth.origin import same_origin
from stepwarden.upstream.oauth.redirect_answer import plain
from stepwarden.upstream.oauth.refresh import TokenRefresh
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.oauth.vault import TokenStore, VaultStamp

logger = logging.getLogger(__name__)

_PAUSE_S = 5.0  # after a renewal that failed for a passing reason, before the next is tried
_CLOSE_S = 25.0  # a renewal under way is worth waiting for: its answer cannot be had twice


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
        self._vault = vault
        self._how = how
        self._clock = clock
        self._lock_wait_s = lock_wait_s
        self._bundle: TokenSet | None = None
        self._stamp: VaultStamp | None = None
        self._renewal: asyncio.Task[TokenSet | None] | None = None
        self._attempt: Attempt | None = None
        self._failure: UpstreamDown | None = None
        self._failed_at = 0.0

    def __repr__(self) -> str:
        return f"OAuthAuth({self._config.name!r})"

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Authenticate one request, which is sent twice at the most.

        Raises SignInNeeded, SignInFailed, UpstreamDown, SecretsUnavailable.
        """
        if not same_origin(request.url, self._config):
            yield request
            return
        sent = _attach(request, await self._current())
        response = yield request
        if not refused(response):
            return
        await drain(response)
        _attach(request, await self._after_refusal(response, sent))
        response = yield request
        if refused(response):
            raise self._twice_refused(response)

    async def ready(self) -> None:
        """Renew the token where it is due, so that the next request need not.

        Raises UpstreamDown or SecretsUnavailable where that is not possible. Whether a sign-in is needed at all only a
        request can tell.
        """
        await self._current()

    async def signed_in(self, timeout_s: float) -> bool:
        """Wait until the attempt under way is over; tell whether there are tokens then.

        Raises what ended the attempt.
        """
        attempt = self._attempt
        if attempt is not None:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._outcome(attempt)
            except TimeoutError:
                return False
        await self._reread(force=True)
        return self._bundle is not None and self._bundle.tokens is not None

    async def close(self) -> None:
        """End what goes on in the background; a renewal is waited for."""
        if self._attempt is not None:
            await self._attempt.give_up()
        if self._renewal is not None and not self._renewal.done():
            await asyncio.wait({self._renewal}, timeout=_CLOSE_S)
            self._renewal.cancel()

    async def _current(self) -> TokenSet | None:
        """Return the sign-in to use now, renewed where it is due; None where there is none."""
        await self._reread()
        bundle = self._bundle
        if bundle is None or bundle.tokens is None:
            return None
        if not bundle.tokens.due(self._clock()):
            return bundle
        try:
            return await self._renewed(refused=None)
        except (UpstreamDown, SignInFailed):
            if bundle.tokens.over(self._clock()):
                raise
            return bundle  # it is due, and yet good for a while

    async def _reread(self, *, force: bool = False) -> None:
        stamp = self._vault.stamp()
        if stamp == self._stamp and not force:
            return
        bundle = await to_thread.run_sync(self._load)
        self._stamp = stamp
        self._bundle = bundle
        attempt = self._attempt
        if attempt is not None and not attempt.over and _answers(bundle, attempt.challenge):
            await attempt.give_up()  # somebody signed in through another process

    def _load(self) -> TokenSet | None:
        return self._vault.load(self._config.name, self._config.url or "", self._config.auth.issuer)

    def _adopt(self, bundle: TokenSet) -> TokenSet:
        self._bundle, self._stamp = bundle, self._vault.stamp()
        return bundle

    async def _after_refusal(self, response: httpx2.Response, sent: str | None) -> TokenSet:
        """Return the sign-in to repeat a refused request with."""
        challenge = Challenge.of(response)
        await self._reread(force=True)
        bundle = self._bundle
        if bundle is not None and _answers(bundle, challenge) and bundle.tokens and bundle.tokens.access != sent:
            return bundle  # somebody renewed it meanwhile, or signed in for more
        machine = self._config.auth.is_machine
        if challenge.status == 401 and (machine or (bundle is not None and bundle.tokens is not None)):
            again = await self._renewed(refused=sent or "", challenge=challenge)
            if again is not None:
                return again
        return await self._signed_in_anew(challenge)

    async def _renewed(self, refused: str | None, challenge: Challenge | None = None) -> TokenSet | None:
        """Return the renewed sign-in, None where only a person can help; at most one renewal is under way."""
        if self._failure is not None and time.monotonic() < self._failed_at + _PAUSE_S:
            raise UpstreamDown(str(self._failure))
        if self._renewal is None or self._renewal.done():
            self._failure = None
            task = TokenRefresh(self._config, self._vault, self._clock, self._lock_wait_s)
            self._renewal = asyncio.create_task(task.run(refused, challenge or Challenge()))
            self._renewal.add_done_callback(_seen)
        try:
            bundle = await asyncio.shield(self._renewal)
        except UpstreamDown as error:
            self._failure, self._failed_at = error, time.monotonic()
            raise
        if bundle is not None:
            self._adopt(bundle)
        return bundle

    async def _signed_in_anew(self, challenge: Challenge) -> TokenSet:
        name = self._config.name
        if self._config.auth.is_machine:
            raise SignInFailed(f"{name} refuses what its auth entry gives: {self._wants(challenge)}.")
        command = f"stepwarden login {name}{self._more_scopes(challenge)}"
        if self._how is None:
            raise SignInNeeded(f"{self._wants(challenge)}: run `{command}`.", upstream=name)
        attempt = await self._attempted(challenge, self._how)
        if self._how.waits:
            return await self._outcome(attempt)
        address = await attempt.address()
        raise SignInNeeded(
            f"{self._wants(challenge)}: open {address} in a browser on this machine within "
            f"{self._how.timeout_s / 60:.0f} minutes, or run `{command}`; then send the same call again.",
            upstream=name,
            address=address,
        )

    async def _outcome(self, attempt: Attempt) -> TokenSet:
        bundle = await attempt.finished()
        if bundle is not None:
            return self._adopt(bundle)
        await self._reread(force=True)
        if self._bundle is None or self._bundle.tokens is None:
            raise SignInFailed(f"The sign-in for {self._config.name} was given up.")
        return self._bundle

    async def _attempted(self, challenge: Challenge, how: SignIn) -> Attempt:
        attempt = self._attempt
        if attempt is not None and not attempt.over and attempt.challenge.scope == challenge.scope:
            return attempt
        if attempt is not None:
            await attempt.give_up()  # it asks for less than is needed now
        self._attempt = Attempt(self._config, self._vault, how, challenge)
        return self._attempt

    def _wants(self, challenge: Challenge) -> str:
        name = self._config.name
        if challenge.status == 403:
            scope = plain(challenge.scope) or "not named"
            return f"{name} wants more rights for this than were granted (scope: {scope})"
        ended = self._bundle.ended if self._bundle is not None and self._bundle.tokens is None else ""
        return f"{name} needs you to sign in{f' again ({ended})' if ended else ''}"

    def _more_scopes(self, challenge: Challenge) -> str:
        wanted = plain(challenge.scope) if challenge.status == 403 else ""
        return f" --scope {shlex.quote(wanted)}" if wanted else ""  # people copy it into their shell

    def _twice_refused(self, response: httpx2.Response) -> SignInFailed:
        name = self._config.name
        if response.status_code == 403:
            wanted = plain(Challenge.of(response).scope)
            return SignInFailed(
                f"{name} still wants more rights ({wanted or 'it does not say which'}) after it was signed in for "
                "them: the account may not have them."
            )
        if self._config.auth.is_machine:
            return SignInFailed(
                f"{name} refuses a token that {self._config.auth.issuer} just gave for it (HTTP 401): it may be for "
                "another address; look at url and issuer of its entry."
            )
        return SignInFailed(
            f"{name} refuses a token that was just given for it (HTTP 401): it may be for another account or address; "
            f"look at `stepwarden login --status`, and sign in again with `stepwarden login {name}`."
        )


def _attach(request: httpx2.Request, bundle: TokenSet | None) -> str | None:
    if bundle is None or bundle.tokens is None:
        return None
    request.headers["Authorization"] = f"Bearer {bundle.tokens.access}"
    return bundle.tokens.access


def _answers(bundle: TokenSet | None, challenge: Challenge) -> bool:
    """Return whether what is stored could be what a server asked for: tokens, and the scopes it misses."""
    if bundle is None or bundle.tokens is None:
        return False
    return challenge.status == 401 or set(challenge.scope.split()) <= set(bundle.scopes)


def _seen(task: "asyncio.Task[TokenSet | None]") -> None:
    if not task.cancelled():
        task.exception()  # whoever waited for it may have been cancelled
