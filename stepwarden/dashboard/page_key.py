"""The key that signs cookies of pages: made at first use, read by its user alone; a new one ends all sessions."""

import contextlib
import os
import secrets
from pathlib import Path

from stepwarden.errors import SettingsError
from stepwarden.files.private_directory import make_private_directory

KEY_BYTES = 32


def page_key(home: Path) -> bytes:
    """Return the key in a home directory. Raises SettingsError where it cannot be kept there."""
    path = home / "dashboard.key"
    try:
        make_private_directory(home)
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}, which signs the sessions of the dashboard: {error.strerror}.") from error
    if len(key) != KEY_BYTES:
        raise SettingsError(f"{path} is not a key of {KEY_BYTES} bytes: delete it, and sign in again.")
    return key


def _make(path: Path) -> None:
    """Put a whole key in place, unless another process was quicker."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
