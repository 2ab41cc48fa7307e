"""One attempt of a person to sign in: it goes on in the background until there are tokens, or its time is over."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread
from mcp.client.auth import AuthorizationCodeResult, OAuthFlowError
from mcp.client.auth.utils import validate_authorization_response_iss
from mcp.shared.auth import OAuthMetadata

from stepwarden.errors import SignInFailed, StepwardenError, UpstreamDown
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.challenge import Challenge
from stepwarden.upstream.oauth.flow import authorize
from stepwarden.upstream.oauth.http_client import check_address
from stepwarden.upstream.oauth.listener import Listener
from stepwarden.upstream.oauth.machine_lock import HeldTooLong
from stepwarden.upstream.oauth.provider import BrowserRedirect
from stepwarden.upstream.oauth.redirect_answer import plain, read_answer, refuse_error
from stepwarden.upstream.oauth.response_checks import RequestRefused
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.oauth.vault import TokenStore
from stepwarden.upstream.sign_in import OpenAddress, SignInRequest

LOCK_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a person is asked to sign in.

    With `waits` the request that needs it waits for them; without, it ends with SignInNeeded and the address, and the
    next request after they signed in goes on. `timeout_s` is how long an attempt waits for them. `open_address` sends
    them to the address; without it the attempt itself sends nobody. `pasted` returns the next line of text in which
    they may bring the answer themselves, from a browser on another machine; `say` is told what was wrong with one.
    """

    waits: bool
    timeout_s: float = 600.0
    open_address: OpenAddress | None = None
    pasted: Callable[[], Awaitable[str]] | None = None
    say: Callable[[str], None] = lambda _text: None


class Attempt:
    """An attempt under way, in a task of its own."""

    def __init__(self, config: UpstreamConfig, vault: TokenStore, how: SignIn, challenge: Challenge) -> None:
        self.challenge = challenge
        self._config = config
        self._vault = vault
        self._how = how
        self._address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    @property
    def over(self) -> bool:
        """Whether it ended, one way or the other."""
        return self._task.done()

    async def address(self) -> str:
        """Return the address for the browser. Raises what ended the attempt before there was one."""
        await asyncio.wait({self._task, self._address}, return_when=asyncio.FIRST_COMPLETED)
        if self._address.done() and not self._address.cancelled():
            return self._address.result()
        if not self._task.cancelled():
            self._task.result()
        raise SignInFailed(f"The sign-in for {self._config.name} was given up.")

    async def finished(self) -> TokenSet | None:
        """Wait for the tokens, which are in the vault then; None where the attempt was given up.

        Raises SignInFailed, UpstreamDown, SecretsUnavailable.
        """
        await asyncio.wait({self._task})
        return None if self._task.cancelled() else self._task.result()

    async def give_up(self) -> None:
        """End it now."""
        self._task.cancel()
        await asyncio.wait({self._task})

    def _ended(self, task: "asyncio.Task[TokenSet]") -> None:
        if not self._address.done():
            self._address.cancel()
        if not task.cancelled():
            task.exception()  # seen: nobody may be left who waits for it

    async def _run(self) -> TokenSet:
        config = self._config
        await to_thread.run_sync(self._vault.ready)  # before anybody is sent anywhere
        listener = Listener(config.auth.redirect_path)
        await listener.start(config.auth.redirect_port)
        verdict = f"The sign-in for {config.name} was given up; nothing was stored."
        pasting = asyncio.create_task(self._take_pasted(listener)) if self._how.pasted else None
        try:
            token_set = await self._signed_in(listener)
            verdict = f"You are signed in at {config.name}. You can close this page."
        except StepwardenError as error:
            verdict = str(error)
            raise
        finally:
            if pasting is not None:
                pasting.cancel()
            await listener.close(verdict)
        return token_set

    async def _signed_in(self, listener: Listener) -> TokenSet:
        config, vault = self._config, self._vault
        before = await to_thread.run_sync(_former, vault, config)

        async def show(address: str) -> None:
            check_address(address, config.name)
            state = parse_qs(urlsplit(address).query).get("state", [""])[0]
            listener.expect(state)
            if not self._address.done():
                self._address.set_result(address)
            if self._how.open_address is not None:
                answer = await self._how.open_address(SignInRequest(config.name, address))
                if answer.decision == "declined":
                    raise SignInFailed(f"The sign-in for {config.name} was declined; nothing was stored.")

        async def answer(metadata: OAuthMetadata | None) -> AuthorizationCodeResult:
            return await self._answer(listener, metadata)

        try:
            browser = BrowserRedirect(listener.redirect_uri, show, answer)
            token_set = await authorize(config, browser, self.challenge, before)
        except RequestRefused as refused:
            raise SignInFailed(
                f"The authorization server of {config.name} did not redeem the code ({refused}); nothing was stored. "
                f"A code works once and for a short time: begin again with `stepwarden login {config.name}`."
            ) from None
        try:
            async with vault.lock(config.name, LOCK_WAIT_S):
                await to_thread.run_sync(vault.save, token_set)
        except HeldTooLong as held:
            raise UpstreamDown(held_too_long(config.name, held, LOCK_WAIT_S)) from None
        return token_set

    async def _answer(self, listener: Listener, metadata: OAuthMetadata | None) -> AuthorizationCodeResult:
        name = self._config.name
        try:
            async with asyncio.timeout(self._how.timeout_s):
                answer = await listener.answer()
        except TimeoutError:
            strangers = f" {listener.strangers} answers with another state were turned away." * bool(listener.strangers)
            raise SignInFailed(
                f"Nobody signed in at {name} within {self._how.timeout_s:.0f} s; nothing was stored.{strangers}"
            ) from None
        try:
            validate_authorization_response_iss(answer.issuer, metadata)
        except OAuthFlowError:
            asked = str(metadata.issuer) if metadata is not None else "a server that does not name itself"
            came = plain(answer.issuer or "") or "a server that does not say who it is"
            raise SignInFailed(
                f"The answer to the sign-in for {name} came from {came}, and {asked} was asked; nothing was stored. "
                "Begin again, and look where the browser is sent."
            ) from None
        refuse_error(answer, name)
        return AuthorizationCodeResult(code=answer.code, state=answer.state, iss=answer.issuer)

    async def _take_pasted(self, listener: Listener) -> None:
        assert self._how.pasted is not None
        with contextlib.suppress(EOFError):
            while text := await self._how.pasted():
                answer = read_answer(text)
                if answer is None:
                    self._how.say("That is not an address with an answer in it; paste the whole address.")
                elif not listener.offer(answer):
                    self._how.say("That answer belongs to another sign-in (its state is another); paste the newest.")


def _former(vault: TokenStore, config: UpstreamConfig) -> TokenSet | None:
    """Return the sign-in that this one follows; None also where it cannot be read: a new one replaces it."""
    with contextlib.suppress(StepwardenError):
        return vault.load(config.name, config.url or "", config.auth.issuer)
    return None


def held_too_long(upstream: str, held: HeldTooLong, waited_s: float) -> str:
    """Return the words for another process that keeps the lock of an upstream's sign-in."""
    who = f"Process {held.holder}" if held.holder else "Another process"
    return (
        f"{who} has been signing in at {upstream} for {waited_s:.0f} s and did not finish; end it, or "
        "send the same call again later."
    )
