"""The attempt of a person to sign in that is under way, shared by all requests that need it."""

from dataclasses import dataclass

from stepwarden.errors import SignInNeeded
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.attempt import Attempt, SignIn
from stepwarden.upstream.oauth.challenge import Challenge
from stepwarden.upstream.oauth.refusal_text import login_command, sign_in_reason
from stepwarden.upstream.oauth.token_set import TokenSet
from stepwarden.upstream.oauth.vault import TokenStore


@dataclass
class PersonSignIn:
    """Signs a person in at one upstream; `how` None asks nobody, and names the command."""

    config: UpstreamConfig
    vault: TokenStore
    how: SignIn | None
    attempt: Attempt | None = None

    async def begin(self, challenge: Challenge, stored: TokenSet | None) -> Attempt:
        """Return the attempt to wait for, which answers a challenge.

        Raises SignInNeeded where nobody waits: with the address for the browser, or with the command.
        """
        reason = sign_in_reason(self.config, challenge, stored)
        command = login_command(self.config, challenge)
        if self.how is None:
            raise SignInNeeded(f"{reason}: run `{command}`.", upstream=self.config.name)
        attempt = await self._attempt_for(challenge, self.how)
        if self.how.waits:
            return attempt
        address = await attempt.address()
        raise SignInNeeded(
            f"{reason}: open {address} in a browser on this machine within "
            f"{self.how.timeout_s / 60:.0f} minutes, or run `{command}`; then send the same call again.",
            upstream=self.config.name,
            address=address,
        )

    async def settle(self, stored: TokenSet | None) -> None:
        """Give the attempt up where somebody signed in through another process."""
        attempt = self.attempt
        if attempt is not None and not attempt.over and attempt.challenge.is_answered_by(stored):
            await attempt.give_up()

    async def close(self) -> None:
        """Give up the attempt under way."""
        if self.attempt is not None:
            await self.attempt.give_up()

    async def _attempt_for(self, challenge: Challenge, how: SignIn) -> Attempt:
        attempt = self.attempt
        if attempt is not None and not attempt.over and attempt.challenge.scope == challenge.scope:
            return attempt
        if attempt is not None:
            await attempt.give_up()  # it asks for less than is needed now
        self.attempt = Attempt(self.config, self.vault, how, challenge)
        return self.attempt
