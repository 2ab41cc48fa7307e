"""Who looks at the pages: a one-time code of the command line, or a token, becomes a signed cookie."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from stepwarden.errors import StepwardenError

CODE_S = 60.0
SESSION_S = 12 * 3_600.0
_ALGORITHM = "HS256"
_Use = Literal["code", "session"]


class NoSession(StepwardenError):
    """Whoever asks is not signed in, or no longer."""


@dataclass(frozen=True, slots=True)
class PageSession:
    """One browser that is signed in; `form_token` goes with every form that it sends."""

    principal: str
    id: str
    form_token: str


@dataclass
class PageSessions:
    """Codes and cookies, signed with `key`. A code is good once and for a minute, and not after a restart."""

    key: bytes
    began: float = field(default_factory=time.time)
    _used: dict[str, float] = field(default_factory=dict[str, float])

    def mint_code(self, principal: str) -> str:
        """Return a code that opens one session."""
        return self._signed("code", principal, CODE_S)

    def redeem(self, code: str) -> str:
        """Return the cookie for a code. Raises NoSession for one that is used, over, or none of ours."""
        claims = self._claims("code", code)
        now = time.time()
        self._used = {name: end for name, end in self._used.items() if end > now}
        if claims["jti"] in self._used or claims["iat"] < self.began:
            raise NoSession("This link was used before; each is good once.")
        self._used[claims["jti"]] = claims["exp"]
        return self.open(claims["sub"])

    def open(self, principal: str) -> str:
        """Return the cookie of a new session."""
        return self._signed("session", principal, SESSION_S)

    def read(self, cookie: str) -> PageSession:
        """Return whose session a cookie is. Raises NoSession."""
        claims = self._claims("session", cookie)
        token = hmac.new(self.key, f"form {claims['jti']}".encode(), hashlib.sha256).hexdigest()
        return PageSession(claims["sub"], claims["jti"], token)

    def _signed(self, use: _Use, principal: str, seconds: float) -> str:
        import jwt

        now = time.time()
        claims = {"aud": use, "sub": principal, "jti": secrets.token_urlsafe(16), "iat": now, "exp": now + seconds}
        return jwt.encode(claims, self.key, algorithm=_ALGORITHM)

    def _claims(self, use: _Use, text: str) -> dict[str, Any]:
        import jwt

        needed = ["aud", "sub", "jti", "iat", "exp"]
        try:
            return jwt.decode(text, self.key, [_ALGORITHM], audience=use, options={"require": needed})
        except jwt.InvalidTokenError:
            raise NoSession("You are not signed in, or no longer.") from None


def is_form_token(session: PageSession, given: str) -> bool:
    """Return whether a form was made for this session."""
    return hmac.compare_digest(session.form_token.encode(), given.encode())
