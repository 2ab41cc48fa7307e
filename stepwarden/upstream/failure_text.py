"""What a failure means to a caller: the error that says what happened, whether anything was done, and what to do."""

from stepwarden.errors import (
    SignInNeeded,
    StepwardenError,
    UpstreamDown,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamSilent,
)
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.failures import ANSWERED, Failure, FailureKind, cited

_NO_CONNECTION = frozenset(
    {FailureKind.UNREACHABLE, FailureKind.SESSION_LOST, FailureKind.SIGN_IN, FailureKind.NOT_MCP}
)
LINE_CHARS = 160  # of a command's last line
_LOOK_FIRST = "The call was sent and may have been carried out: look"


def reason_of(config: UpstreamConfig, failure: Failure) -> str:
    """Return in a few words why an upstream is down."""
    return config.without_secrets(failure.words.removeprefix(f"{config.name} ").rstrip("."))


def starting_words(config: UpstreamConfig, for_s: float, last_line: str) -> str:
    """Return how far the start of a command is."""
    said = f"; its last line: {cited(config.without_secrets(last_line), LINE_CHARS)}" if last_line else ""
    return f"starting for {for_s:.0f} s{said}"


def still_starting(config: UpstreamConfig, for_s: float, last_line: str, why: str) -> UpstreamDown:
    """Return the error of a call that waits no longer, and `why`, for a connection that is still being made."""
    why = f"; {why}" if why else ""
    if config.transport != "stdio":
        return UpstreamDown(
            f"{config.name} is still being connected to{why}. Nothing was sent. Send the same call again in a moment."
        )
    limit_s, setting = config.opening_limit
    return UpstreamDown(
        f"{config.name} is still {starting_words(config, for_s, last_line)}. Nothing was sent. It goes on starting, "
        f"for {limit_s:g} s in all ({setting} in its entry){why}. Send the same call again in a moment."
    )


def connection_error(config: UpstreamConfig, failure: Failure) -> StepwardenError:
    """Return the error of a connection that cannot be had: nothing was sent."""
    name = config.name
    if failure.error is not None:
        if isinstance(failure.error, SignInNeeded) or name in str(failure.error):
            return failure.error
        return UpstreamDown(f"{name} cannot be signed in at. Nothing was sent. {failure.error}")
    words = config.without_secrets(failure.words)
    if failure.kind is FailureKind.SIGN_IN:
        return SignInNeeded(f"{name}: {words}. {_sign_in_advice(config)}", upstream=name)
    return UpstreamDown(f"{name} is down: {words}. Nothing was sent. {_advice(config, failure)}")


def call_error(config: UpstreamConfig, failure: Failure, *, repeatable: bool) -> StepwardenError:
    """Return the error of a call that was tried as often as it may be; `repeatable`: once more changes nothing more."""
    if failure.kind in _NO_CONNECTION:
        return connection_error(config, failure)
    begins = f"{config.name}: {config.without_secrets(failure.words)}."
    when = f" in {failure.retry_after_s:.0f} s" if failure.retry_after_s else ""
    if failure.kind is FailureKind.LIMITED:
        return UpstreamDown(f"{begins} Nothing was done. Send the same call again{when or ' a little later'}.")
    if failure.kind is FailureKind.FORBIDDEN:
        return UpstreamRefused(
            f"{begins} Nothing was done. If it should be allowed, sign in again and consent: "
            f"stepwarden login {config.name}"
        )
    if failure.kind is FailureKind.REJECTED:
        return UpstreamRefused(f"{begins} Nothing was done. Correct the call.")
    if failure.kind is FailureKind.TOO_LARGE:
        done = "" if repeatable else f" {_LOOK_FIRST} before you send another."
        return UpstreamSilent(f"{begins}{done} Ask for less: a filter, a limit, a page.")
    error = UpstreamFailed if failure.kind in ANSWERED else UpstreamSilent
    if repeatable:
        return error(f"{begins} Repeating it is safe: send it again{when}.")
    return error(f"{begins} {_LOOK_FIRST} whether it was before you send it again.")


def _sign_in_advice(config: UpstreamConfig) -> str:
    if config.auth.type == "oauth":
        return f"Run: stepwarden login {config.name}"
    if config.auth.type == "none":
        return f'Its entry has no sign-in ({config.place}): give it "auth": {{"type": "oauth"}}, or a valid token.'
    return f"Put valid credentials into auth of {config.name}, in the file of upstreams."


def _advice(config: UpstreamConfig, failure: Failure) -> str:
    if failure.kind is FailureKind.NOT_MCP:
        return (
            f"Correct url of {config.name} in the file of upstreams (it is {config.place} now), "
            'or its type ("sse" for the older transport).'
        )
    if failure.kind is FailureKind.FORBIDDEN:
        return f"Sign in again and consent to what it asks for: stepwarden login {config.name}"
    if failure.kind in {FailureKind.LIMITED, FailureKind.UNAVAILABLE} and failure.retry_after_s:
        return f"Send the same call again in {failure.retry_after_s:.0f} s."
    if config.transport == "stdio":
        return f"See that its command works ({config.place}); the next call starts it again."
    other = ', and speaks the older transport (else leave out "type": "sse")' if config.transport == "sse" else ""
    return f"See that it runs at {config.place}{other}; the next call tries again."
