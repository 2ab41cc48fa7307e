"""What a server's refusal means to whoever called: what it wants, and what to do."""

import shlex

from stepwarden.errors import SignInFailed
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth.challenge import Challenge
from stepwarden.upstream.oauth.redirect_answer import plain
from stepwarden.upstream.oauth.token_set import TokenSet


def sign_in_reason(config: UpstreamConfig, challenge: Challenge, stored: TokenSet | None) -> str:
    """Return why a sign-in is needed, in a clause."""
    if challenge.status == 403:
        scope = plain(challenge.scope) or "not named"
        return f"{config.name} wants more rights for this than were granted (scope: {scope})"
    ended = stored.ended if stored is not None and stored.tokens is None else ""
    return f"{config.name} needs you to sign in{f' again ({ended})' if ended else ''}"


def login_command(config: UpstreamConfig, challenge: Challenge) -> str:
    """Return the command that signs in for what a challenge wants."""
    scope = plain(challenge.scope) if challenge.status == 403 else ""
    more = f" --scope {shlex.quote(scope)}" if scope else ""  # people copy it into their shell
    return f"stepwarden login {config.name}{more}"


def second_refusal(config: UpstreamConfig, challenge: Challenge) -> SignInFailed:
    """Return the error of a request that was refused again with a token that was got for it."""
    name = config.name
    if challenge.status == 403:
        wanted = plain(challenge.scope) or "it does not say which"
        return SignInFailed(
            f"{name} still wants more rights ({wanted}) after it was signed in for them: the account may not have them."
        )
    if config.auth.is_machine:
        return SignInFailed(
            f"{name} refuses a token that {config.auth.issuer} just gave for it (HTTP 401): it may be for another "
            "address; look at url and issuer of its entry."
        )
    return SignInFailed(
        f"{name} refuses a token that was just given for it (HTTP 401): it may be for another account or address; "
        f"look at `stepwarden login --status`, and sign in again with `stepwarden login {name}`."
    )
