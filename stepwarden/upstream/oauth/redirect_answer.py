"""The answer of an authorization server that a browser brings back: parsed and checked without I/O."""

import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from stepwarden.errors import SignInFailed

_MOST_CHARS = 16_384
_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class RedirectAnswer:
    """An authorization response (RFC 6749 4.1.2, RFC 9207): a code and its issuer, or an error."""

    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    issuer: str | None = None
    error: str = ""
    description: str = ""


def read_answer(text: str) -> RedirectAnswer | None:
    """Return the answer in the address that a browser came back to, or in its query alone; None where it has none.

    A repeated parameter makes it invalid: we could read another one than the server meant.
    """
    text = text.strip()
    if not text or len(text) > _MOST_CHARS:
        return None
    try:
        query = urlsplit(text).query if "?" in text else text
        found = parse_qs(query, strict_parsing=True, max_num_fields=50)
    except ValueError:
        return None
    if any(len(values) > 1 for values in found.values()):
        return None
    value = {name: values[0] for name, values in found.items()}
    if "code" not in value and "error" not in value:
        return None
    return RedirectAnswer(
        state=value.get("state", ""),
        code=value.get("code", ""),
        issuer=value.get("iss"),
        error=value.get("error", ""),
        description=value.get("error_description", ""),
    )


def same_state(answer: RedirectAnswer, state: str) -> bool:
    """Return whether an answer belongs to the attempt that was begun with this state."""
    return secrets.compare_digest(answer.state.encode(), state.encode())


def refuse_error(answer: RedirectAnswer, upstream: str) -> None:
    """Raise SignInFailed where the answer is an error."""
    if not answer.error:
        return
    reason = plain(answer.description) or plain(answer.error)
    if answer.error == "access_denied":
        raise SignInFailed(f"The sign-in for {upstream} was declined ({reason}); nothing was stored.")
    raise SignInFailed(
        f"The authorization server refused the sign-in for {upstream}: {plain(answer.error)} ({reason}); "
        "nothing was stored."
    )


def plain(text: str) -> str:
    """Return what a server said as one short line that can be shown: no control characters, no line breaks."""
    words = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return words if len(words) <= _SHOWN_CHARS else words[: _SHOWN_CHARS - 1] + "…"
