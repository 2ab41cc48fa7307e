"""The private key of a client: reads it, checks that it fits its algorithm, and signs assertions (RFC 7523, 2.2)."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwarden.upstream.auth_config import ClientConfig
from stepwarden.upstream.secret_files import OpenToOthers, read_secret

ASSERTION_LIFE_S = 120
"""The life of an assertion: enough for one request, and for clocks that differ a little."""

_MOST_BYTES = 65_536
_LEAST_RSA_BITS = 2_048  # NIST SP 800-131A: shorter ones are no longer allowed to sign
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Mapping[str, str] = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class UnfitKey(Exception):
    """A key cannot be used; the text says why and what to do, and holds nothing of the key."""


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A private key of `cryptography`, the algorithm it signs with, and the name under which the server knows it."""

    key: Any = field(repr=False)
    algorithm: str
    key_id: str | None

    def assertion(self, client_id: str, audience: str) -> str:
        """Return a signed statement that we are the client, for the authorization server `audience`; for one use."""
        import jwt

        now = int(time.time())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": now,
            "exp": now + ASSERTION_LIFE_S,
            "jti": str(uuid.uuid4()),
        }
        headers = {"kid": self.key_id} if self.key_id else None
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers=headers)


def read_client_key(client: ClientConfig) -> ClientKey:
    """Return the key of a client that has one; reads a file. Raises UnfitKey."""
    named = "private_key_file" if client.private_key_file else "private_key"
    key = _loaded(named, _pem(client))
    fitting = _algorithms(key)
    if not fitting:
        raise UnfitKey(f"{named}: {_kind(key)} cannot be used; make an RSA key of 2048 bits, or one on P-256 (ES256)")
    algorithm = client.algorithm or fitting[0]
    if algorithm not in fitting:
        raise UnfitKey(
            f"algorithm: {algorithm} does not go with {_kind(key)}; send {' or '.join(fitting)}, or leave it out"
        )
    return ClientKey(key, algorithm, client.key_id)


def _pem(client: ClientConfig) -> bytes:
    if client.private_key_file is None:
        text = client.private_key.get_secret_value() if client.private_key else ""
        return (text if "\n" in text else text.replace("\\n", "\n")).encode()  # variables often have it in one line
    path = Path(client.private_key_file).expanduser()
    try:
        return read_secret(path, _MOST_BYTES)
    except OSError as error:
        raise UnfitKey(f"private_key_file: {path} cannot be read: {error.strerror}") from None
    except OpenToOthers:
        raise UnfitKey(f"private_key_file: {path} can be read by others; chmod 600 it") from None


def _loaded(named: str, pem: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(pem, None)
    except TypeError:
        raise UnfitKey(f"{named}: the key has a passphrase; send one without: openssl pkey -in KEY -out FILE") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnfitKey(f"{named}: this is not a private key in PEM (-----BEGIN PRIVATE KEY-----)") from None


def _algorithms(key: Any) -> tuple[str, ...]:
    """Return the algorithms a key can sign with, the usual one first; none for a weak key or one of another kind."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, rsa.RSAPrivateKey):
        return _RSA if key.key_size >= _LEAST_RSA_BITS else ()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return tuple(_CURVES[name] for name in (key.curve.name,) if name in _CURVES)
    return ("EdDSA",) if isinstance(key, ed25519.Ed25519PrivateKey) else ()


def _kind(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPrivateKey):
        return f"an RSA key of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return f"a key on {key.curve.name}"
    return f"a {type(key).__name__.removesuffix('PrivateKey').lstrip('_')} key"
