"""What can go wrong between us and an upstream, sorted by what can be done about it."""

import re
from dataclasses import dataclass
from enum import StrEnum

from stepwarden.errors import StepwardenError

WORDS_CHARS = 200  # of an upstream's own words in ours


class FailureKind(StrEnum):
    """Why there is no answer."""

    UNREACHABLE = "unreachable"  # no connection: name, port, TLS, a command that does not start
    SIGN_IN = "sign_in"  # a person has to sign in
    FORBIDDEN = "forbidden"  # signed in, and not allowed: scopes
    LIMITED = "limited"  # 429
    UNAVAILABLE = "unavailable"  # 502, 503, 504
    SESSION_LOST = "session_lost"  # the upstream no longer knows our session
    NOT_MCP = "not_mcp"  # something else answers there
    REJECTED = "rejected"  # another 4xx, or a protocol error that says that nothing was done
    BROKEN = "broken"  # the connection broke, or the server ended, after the call was sent
    SILENT = "silent"  # sent, and no answer within the time
    TOO_LARGE = "too_large"  # an answer over our limit, dropped
    GARBAGE = "garbage"  # something came back that is not an answer
    FAILED = "failed"  # 500, or any other protocol error


UNSENT = frozenset(
    {
        FailureKind.UNREACHABLE,
        FailureKind.SIGN_IN,
        FailureKind.FORBIDDEN,
        FailureKind.LIMITED,
        FailureKind.SESSION_LOST,
        FailureKind.NOT_MCP,
        FailureKind.REJECTED,
    }
)
"""After these the upstream certainly did nothing: any call may be repeated, once the reason is gone."""

ANSWERED = frozenset({FailureKind.UNAVAILABLE, FailureKind.FAILED})
"""These are answers of the upstream, and leave open what it did."""

PASSING = frozenset(
    {
        FailureKind.UNREACHABLE,
        FailureKind.LIMITED,
        FailureKind.UNAVAILABLE,
        FailureKind.SESSION_LOST,
        FailureKind.BROKEN,
        FailureKind.SILENT,
        FailureKind.FAILED,
    }
)
"""After these the same call may succeed a little later."""

COUNTED = frozenset(
    {FailureKind.UNAVAILABLE, FailureKind.BROKEN, FailureKind.SILENT, FailureKind.FAILED, FailureKind.GARBAGE}
)
"""These count for the breaker: the upstream was reached and did not do its work."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure. `words` begin in lower case, end without a full stop and hold no secret of ours.

    `error` is set where signing in failed: its text, whole sentences, is shown instead of `words`.
    """

    kind: FailureKind
    words: str
    retry_after_s: float | None = None
    error: StepwardenError | None = None

    @property
    def sent(self) -> bool:
        """Whether the upstream could have acted on the call."""
        return self.kind not in UNSENT


class CallFailed(Exception):
    """Carries a failure to the code that decides what follows from it; it never leaves this package."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.words)
        self.failure = failure


_SECRET = re.compile(
    r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}|\b(sk|pk|xox[bap]|ghp|gho|ATATT)[-_][\w-]{8,}|\beyJ[\w-]{8,}\.[\w.-]+"
    r"|(?<=://)[^/@\s]+(?=@)|(?<=[?&])(access_token|token|key|api_key|code|client_secret)=[^&\s]+"
)


def quoted(text: str, chars: int = WORDS_CHARS) -> str:
    """Return foreign words on one printable line of at most `chars` characters, without what looks like a secret."""
    line = " ".join(text[: 8 * chars].split())
    line = _SECRET.sub("[secret]", "".join(char if char.isprintable() else "?" for char in line))
    return line if len(line) <= chars else f"{line[: chars - 3]}..."


def cited(text: str, chars: int = WORDS_CHARS) -> str:
    """Return foreign words as `quoted` does, inside quotation marks that they cannot close."""
    return '"' + quoted(text, chars).replace('"', "'") + '"'
