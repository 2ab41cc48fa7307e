"""Sealed bytes: AES-256-GCM under a key of its own for every write, in a small JSON envelope that names the key."""

import base64
import binascii
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any, cast

VERSION = 1
_KIND = "stepwarden sealed"
_SALT_BYTES, _NONCE_BYTES = 16, 12


class DamagedSecret(Exception):
    """What is sealed was changed or cut off, or never was ours."""


@dataclass(frozen=True, slots=True)
class NewerFormat(Exception):
    """It was sealed by a version after this one."""

    version: int


class OtherKey(Exception):
    """It was sealed with another key."""


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A secret of at least 32 bytes, and where it comes from, for people."""

    secret: bytes = field(repr=False)
    source: str

    @property
    def id(self) -> str:
        """A name of the key that tells nothing about it: 16 hex digits."""
        return hashlib.sha256(b"stepwarden key id\n" + self.secret).hexdigest()[:16]


def seal(data: bytes, key: EncryptionKey, place: str) -> bytes:
    """Seal `data` so that only `key` opens it, and only at this `place` (a file's name)."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    box = _cipher(key, salt).encrypt(nonce, data, _bound(key, place))
    parts = {"salt": salt, "nonce": nonce, "box": box}
    envelope = {"kind": _KIND, "version": VERSION, "key": key.id} | {
        name: base64.b64encode(part).decode() for name, part in parts.items()
    }
    return json.dumps(envelope, indent=1).encode() + b"\n"


def unseal(blob: bytes, key: EncryptionKey, place: str) -> bytes:
    """Return what was sealed.

    Raises Newer for a later version's, OtherKey where `key` is not the one, Damaged for everything else.
    """
    envelope = _envelope(blob)
    if envelope.get("key") != key.id:
        raise OtherKey
    from cryptography.exceptions import InvalidTag

    salt, nonce, box = (_part(envelope, name) for name in ("salt", "nonce", "box"))
    if len(salt) != _SALT_BYTES or len(nonce) != _NONCE_BYTES:
        raise DamagedSecret
    try:
        return _cipher(key, salt).decrypt(nonce, box, _bound(key, place))
    except InvalidTag:
        raise DamagedSecret from None


def _envelope(blob: bytes) -> dict[str, Any]:
    try:
        found: object = json.loads(blob)
    except (ValueError, RecursionError):
        raise DamagedSecret from None
    if not isinstance(found, dict):
        raise DamagedSecret
    envelope = cast("dict[str, Any]", found)
    version = envelope.get("version")
    if envelope.get("kind") != _KIND or not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise DamagedSecret
    if version > VERSION:
        raise NewerFormat(version)
    if not isinstance(envelope.get("key"), str):
        raise DamagedSecret
    return envelope


def _part(envelope: dict[str, Any], name: str) -> bytes:
    text = envelope.get(name)
    if not isinstance(text, str):
        raise DamagedSecret
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DamagedSecret from None


def _bound(key: EncryptionKey, place: str) -> bytes:
    return f"{_KIND} {VERSION} {key.id} {place}".encode()


def _cipher(key: EncryptionKey, salt: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=b"stepwarden vault").derive(key.secret)
    return AESGCM(derived)
