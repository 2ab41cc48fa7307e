"""The vault: one sealed file for each sign-in, written whole or not at all, and never thrown away unread."""

import contextlib
import logging
import os
import secrets
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from stepwarden.errors import SecretsUnavailable
from stepwarden.upstream.oauth.encryption import DamagedSecret, EncryptionKey, NewerFormat, OtherKey, seal, unseal
from stepwarden.upstream.oauth.keys import KeySource
from stepwarden.upstream.oauth.machine_lock import machine_lock
from stepwarden.upstream.oauth.token_set import TokenSet, file_name

logger = logging.getLogger(__name__)

_SUFFIX = ".token"
_LEFT_OVER_S = 3_600.0  # a temporary file as old as this belongs to nobody any more


@dataclass(frozen=True, slots=True)
class VaultStamp:
    """What changes whenever a file of the vault is put in place or taken away."""

    inode: int
    changed_ns: int


class TokenStore(Protocol):
    """Where sign-ins are kept; see `Vault`."""

    def stamp(self) -> VaultStamp | None:
        """Return a value that differs once anything was changed."""
        ...

    def load(self, upstream: str, server: str, issuer: str | None = None, entry: str = "") -> TokenSet | None:
        """Return the newest sign-in."""
        ...

    def save(self, bundle: TokenSet) -> None:
        """Keep a sign-in."""
        ...

    def ready(self) -> object:
        """Make sure that one can be kept."""
        ...

    def lock(self, upstream: str, wait_s: float) -> AbstractAsyncContextManager[None]:
        """Be the only one who changes an upstream's sign-in."""
        ...


class Vault:
    """Sign-ins in files of a directory that only its user can look into.

    All methods but `lock` block for a few milliseconds; the first that needs the key may wait for the keyring. They
    raise SecretsUnavailable where there is no key, or what is there cannot be opened or written, and say what to do.
    """

    def __init__(self, directory: Path, key_file: Path | None = None) -> None:
        self.directory = directory
        self.key_file = key_file
        self._source = KeySource(directory, key_file)
        self._key: EncryptionKey | None = None

    def stamp(self) -> VaultStamp | None:
        """Return a value that differs once anything was saved or deleted, by whichever process; None: no directory."""
        try:
            found = self.directory.stat()
        except OSError:
            return None
        return VaultStamp(found.st_ino, found.st_mtime_ns)

    def load(self, upstream: str, server: str, issuer: str | None = None, entry: str = "") -> TokenSet | None:
        """Return the newest sign-in of an upstream for a server, at `issuer` where one is named; None if there is none.

        `entry` is the one of the bundle: what a machine got is not a person's, nor that of another machine.

        A damaged file is set aside first; where nothing else is left, that is raised once and then no more.
        """
        found: list[TokenSet] = []
        aside: list[Path] = []
        for path in self._files(upstream):
            try:
                bundle = self._opened(path)
            except DamagedSecret:
                aside.append(self._set_aside(path))
                continue
            if bundle is not None and bundle.is_for(server, issuer, entry):
                found.append(bundle)
        if aside and not found:
            raise SecretsUnavailable(
                f"What was stored of {upstream} was damaged and is kept as {aside[0]}. "
                f"Run `stepwarden login {upstream}`."
            )
        return max(found, key=lambda bundle: bundle.saved_at, default=None)

    def save(self, bundle: TokenSet) -> None:
        """Put a bundle in place of the one of the same upstream, server and issuer; on disk when this returns."""
        key = self.ready()
        name = file_name(bundle.upstream, bundle.server, bundle.issuer)
        target = self.directory / name
        try:
            self._make_room(target)
            self._write(target, seal(bundle.model_dump_json().encode(), key, name))
        except OSError as error:
            raise SecretsUnavailable(f"{target} cannot be written: {error.strerror}.") from error

    def delete(self, upstream: str) -> int:
        """Delete every sign-in of an upstream, and what was set aside of it; give how many files went."""
        count = 0
        for path in [*self._files(upstream), *self.set_aside(upstream)]:
            path.unlink(missing_ok=True)
            count += 1
        return count

    def holds(self, upstream: str) -> bool:
        """Return whether there is anything to delete for an upstream."""
        return bool(self._files(upstream) or self.set_aside(upstream))

    def set_aside(self, upstream: str) -> list[Path]:
        """Return the files that were set aside, the oldest first."""
        return sorted(self.directory.glob(f"{upstream}.*{_SUFFIX}.aside-*"))

    def ready(self) -> EncryptionKey:
        """Make sure that tokens can be kept: a key is there, or is made in the keyring, and so is the directory."""
        key = self._found_key(make=True)
        assert key is not None
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name == "posix" and self.directory.stat().st_mode & 0o077:
                self.directory.chmod(0o700)
        except OSError as error:
            raise SecretsUnavailable(f"{self.directory} cannot be used: {error.strerror}.") from error
        return key

    @asynccontextmanager
    async def lock(self, upstream: str, wait_s: float) -> AsyncGenerator[None]:
        """Be the only one on this machine who changes this upstream's sign-in.

        Raises HeldTooLong after `wait_s` seconds.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with machine_lock(self.directory / f"{upstream}.lock", wait_s):
            yield

    def _files(self, upstream: str) -> list[Path]:
        return sorted(self.directory.glob(f"{upstream}.*{_SUFFIX}"))

    def _found_key(self, *, make: bool) -> EncryptionKey | None:
        if self._key is None:
            self._key = self._source.find(make=make)
        return self._key

    def _opened(self, path: Path) -> TokenSet | None:
        try:
            blob = path.read_bytes()
        except FileNotFoundError:
            return None  # deleted since it was listed
        except OSError as error:
            raise SecretsUnavailable(f"{path} cannot be read: {error.strerror}.") from error
        key = self._found_key(make=False)
        if key is None:
            raise SecretsUnavailable(f"The key that opens {path} is gone: bring it back, or sign in anew.")
        try:
            return TokenSet.model_validate_json(unseal(blob, key, path.name))
        except ValidationError:
            raise DamagedSecret from None
        except NewerFormat as newer:
            raise SecretsUnavailable(
                f"{path} was written by a newer stepwarden (version {newer.version}): upgrade this one."
            ) from None
        except OtherKey:
            raise SecretsUnavailable(
                f"{path} is sealed with another key than that of {key.source}: bring the former key back, "
                "or sign in anew."
            ) from None

    def _make_room(self, target: Path) -> None:
        """Let nothing be overwritten that could not be read: it may be all that is left of a sign-in."""
        if not target.exists():
            return
        try:
            unseal(target.read_bytes(), self.ready(), target.name)
        except (DamagedSecret, OtherKey):
            self._set_aside(target)
        except NewerFormat as newer:
            raise SecretsUnavailable(
                f"{target} was written by a newer stepwarden (version {newer.version}): upgrade this one."
            ) from None

    def _set_aside(self, path: Path) -> Path:
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = path.with_name(f"{path.name}.aside-{stamp}-{secrets.token_hex(3)}")
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            path.rename(aside)
        logger.warning("a file of tokens could not be read and is kept as %s", aside)
        return aside

    def _write(self, target: Path, blob: bytes) -> None:
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(blob)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(self.directory)
        for left in self._left_over():
            left.unlink(missing_ok=True)

    def _left_over(self) -> Iterator[Path]:
        before = time.time() - _LEFT_OVER_S
        for path in self.directory.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    yield path


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return  # a directory cannot be opened there
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
