"""Where the key of the vault comes from: a file that the user names, else the keyring of the operating system.

A key is never made beside what it seals. A variable cannot hold it either: every process that we start would inherit
it, and hosts keep variables in plain files.
"""

import base64
import binascii
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwarden.errors import SecretsUnavailable
from stepwarden.files.private_directory import make_private_directory
from stepwarden.upstream.oauth.encryption import EncryptionKey
from stepwarden.upstream.secret_files import OpenToOthers, read_secret

KEY_BYTES = 32
_MOST_BYTES = 4_096
_SERVICE, _ACCOUNT = "stepwarden", "vault"
_LOCK_WAIT_S = 30.0
_SUITABLE = 1  # keyring's own word: backends below are for special cases, such as plain text or none at all

HOW_TO_GET_A_KEY = (
    "Install the keyring's support (pip install 'stepwarden[keyring]') where this session has a keyring; or make a key "
    "file outside of STEPWARDEN_HOME, (umask 077; head -c 32 /dev/urandom | base64 > FILE), and set "
    "STEPWARDEN_VAULT_KEY_FILE=FILE."
)


@dataclass
class KeySource:
    """Finds the key: in `key_file` where one is named, else in the keyring; `vault` is the directory it seals."""

    vault: Path
    key_file: Path | None = None
    _found: EncryptionKey | None = None

    def get(self, *, make: bool) -> EncryptionKey | None:
        """Return the key, looked for once; see `find`."""
        if self._found is None:
            self._found = self.find(make=make)
        return self._found

    def find(self, *, make: bool) -> EncryptionKey | None:
        """Return the key; None where there is none yet. With `make` one is made in the keyring, where there is one.

        Raises SecretsUnavailable where the key file, or the keyring, cannot be used, or with `make` no key can be had.
        """
        if self.key_file is not None:
            return _from_file(self.key_file.expanduser().absolute(), self.vault)
        keyring = _suitable_keyring()
        if keyring is not None:
            found = _from_keyring(keyring)
            return found if found is not None or not make else self._made(keyring)
        if make:
            raise SecretsUnavailable(f"Tokens are kept encrypted or not at all; there is no key. {HOW_TO_GET_A_KEY}")
        return None

    def _made(self, keyring: Any) -> EncryptionKey:
        from filelock import FileLock, Timeout

        make_private_directory(self.vault)
        try:
            with FileLock(self.vault / "key.lock", timeout=_LOCK_WAIT_S, mode=0o600):
                found = _from_keyring(keyring)
                if found is None:
                    made = base64.b64encode(os.urandom(KEY_BYTES)).decode()
                    _asked(keyring, "set_password", _SERVICE, _ACCOUNT, made)
                    found = _from_keyring(keyring)
        except Timeout:
            raise SecretsUnavailable("Another process has been making the vault's key for 30 s; end it.") from None
        if found is None:
            raise SecretsUnavailable(f"The keyring did not keep the key it was given. {HOW_TO_GET_A_KEY}")
        return found


def _from_file(path: Path, vault: Path) -> EncryptionKey:
    named = f"The key file {path} (STEPWARDEN_VAULT_KEY_FILE)"
    if path.resolve().is_relative_to(vault.resolve()):
        raise SecretsUnavailable(f"{named} lies beside what it seals; move it elsewhere.")
    try:
        content = read_secret(path, _MOST_BYTES)
    except OSError as error:
        raise SecretsUnavailable(f"{named} cannot be read: {error.strerror}. {HOW_TO_GET_A_KEY}") from error
    except OpenToOthers:
        raise SecretsUnavailable(f"{named} can be read by others; chmod 600 it.") from None
    secret = content.strip()
    if not KEY_BYTES <= len(secret) <= _MOST_BYTES:
        raise SecretsUnavailable(f"{named} does not hold {KEY_BYTES} to {_MOST_BYTES} bytes. {HOW_TO_GET_A_KEY}")
    return EncryptionKey(secret, f"the key file {path}")


def _suitable_keyring() -> Any:
    try:
        import keyring
    except ImportError:
        return None
    backend: Any = _asked(keyring, "get_keyring")
    return keyring if backend.priority >= _SUITABLE else None


def _from_keyring(keyring: Any) -> EncryptionKey | None:
    text = _asked(keyring, "get_password", _SERVICE, _ACCOUNT)
    if text is None:
        return None
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < KEY_BYTES:
        raise SecretsUnavailable(
            f"The keyring's entry {_SERVICE}/{_ACCOUNT} is not a key of ours; delete it, then sign in again."
        )
    return EncryptionKey(secret, "the keyring")


def _asked(keyring: Any, what: str, *arguments: str) -> Any:
    from keyring.errors import KeyringError

    try:
        return getattr(keyring, what)(*arguments)
    except (KeyringError, OSError, RuntimeError) as error:  # locked, refused by the user, or its service is gone
        raise SecretsUnavailable(
            f"The keyring does not answer ({type(error).__name__}): unlock it, or set STEPWARDEN_VAULT_KEY_FILE."
        ) from error
