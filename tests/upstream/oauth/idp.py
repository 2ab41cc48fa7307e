"""A small identity provider of an enterprise on loopback, whose behaviour a test can bend."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import jwt  # noqa: TID253 - the tests' own servers
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: TID253 - the tests' own servers
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class Idp:
    """An enterprise's identity provider, which exchanges its ID tokens for assertions."""

    issuer: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    fault: Response | None = None  # instead of what its token endpoint would say
    names: str = ""  # the issuer that its metadata name; none: its own
    issues: str = "urn:ietf:params:oauth:token-type:id-jag"
    seen: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata, methods=["GET"]),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    def id_token(self, *, life_s: float = 600.0, **more: Any) -> str:
        now = time.time()
        claims = {"iss": self.issuer, "aud": "at-idp", "sub": "ana", "iat": now, "exp": now + life_s, **more}
        return jwt.encode(claims, self.key, algorithm="ES256")

    async def _metadata(self, _: Request) -> Response:
        issuer = self.names or self.issuer
        endpoints = {"authorization_endpoint": self.issuer + "/authorize", "token_endpoint": self.issuer + "/token"}
        return JSONResponse({"issuer": issuer, **endpoints})

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.seen.append(form | {"authorization": request.headers.get("authorization", "")})
        if self.fault is not None:
            return self.fault
        try:
            subject = decoded(form["subject_token"], self.key.public_key(), "at-idp")["sub"]
        except jwt.PyJWTError:
            said = f"no good: {form['subject_token']}"
            return JSONResponse({"error": "invalid_grant", "error_description": said}, 400)
        now = time.time()
        claims = {"iss": self.issuer, "sub": subject, "aud": form["audience"], "resource": form["resource"]}
        claims |= {"client_id": "m", "jti": secrets.token_hex(8), "iat": now, "exp": now + 300}
        id_jag = jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": "oauth-id-jag+jwt"})
        return JSONResponse({"access_token": id_jag, "issued_token_type": self.issues, "token_type": "N_A"})


def decoded(token: str, key: Any, audience: str) -> dict[str, Any]:
    """Verify what somebody signed; raises a `jwt.PyJWTError`."""
    return jwt.decode(token, key, algorithms=["ES256", "RS256", "EdDSA"], audience=audience)
