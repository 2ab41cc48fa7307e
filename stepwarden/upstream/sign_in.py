"""The port through which a person is asked to sign in at an upstream; the rim decides how they are asked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from stepwarden.upstream.digest import digest_of

SignInDecision = Literal["opened", "declined", "unanswered"]


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """What a person is asked: to open `address` in a browser, so that we may call `upstream` for them."""

    upstream: str
    address: str

    @property
    def digest(self) -> str:
        """The SHA-256 of exactly this question, in hex."""
        return digest_of({"sign_in": self.upstream, "address": self.address})

    def answer(self, decision: SignInDecision) -> "SignInAnswer":
        """Return the answer to this question."""
        return SignInAnswer(self.digest, self.upstream, decision)


@dataclass(frozen=True, slots=True)
class SignInAnswer:
    """What they did with the address of the question with this `digest`."""

    digest: str
    upstream: str
    decision: SignInDecision


OpenAddress = Callable[[SignInRequest], Awaitable[SignInAnswer]]
"""Sends a person to an address, and says whether they opened it."""


class SignInPrompt(Protocol):
    """Asks the person behind a call to sign in."""

    @property
    def can_open(self) -> bool:
        """Whether the person can be sent to an address now."""
        ...

    async def open_address(self, request: SignInRequest) -> SignInAnswer:
        """Send them to the address. Raises Suspended where their answer comes with a later call."""
        ...

    async def finish(self, request: SignInRequest) -> None:
        """Hear that they signed in, so that a host can stop waiting for them."""
        ...
