"""The vault: one sealed file for each sign-in."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from stepwarden.errors import SecretsUnavailable
from stepwarden.files.private_directory import make_private_directory
from stepwarden.upstream.oauth.encryption import DamagedSecret, EncryptionKey, NewerFormat, OtherKey, seal, unseal
from stepwarden.upstream.oauth.keys import KeySource
from stepwarden.upstream.oauth.machine_lock import machine_lock
from stepwarden.upstream.oauth.secret_directory import SecretDirectory, VaultStamp
from stepwarden.upstream.oauth.token_set import TokenSet, file_name

_SUFFIX = ".token"


class TokenStore(Protocol):
    """Where sign-ins are kept; see `Vault`."""

    def stamp(self) -> VaultStamp | None:
        """Return a value that differs once anything was changed."""
        ...

    def load(self, upstream: str, server: str, issuer: str | None = None, entry: str = "") -> TokenSet | None:
        """Return the newest sign-in."""
        ...

    def save(self, token_set: TokenSet) -> None:
        """Keep a sign-in."""
        ...

    def ready(self) -> object:
        """Make sure that a sign-in can be kept."""
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
        self._files = SecretDirectory(directory)
        self._key = KeySource(directory, key_file)

    def stamp(self) -> VaultStamp | None:
        """Return a value that differs once anything was saved or deleted, by whichever process; None: no directory."""
        return self._files.stamp()

    def load(self, upstream: str, server: str, issuer: str | None = None, entry: str = "") -> TokenSet | None:
        """Return the newest sign-in of an upstream for a server, at `issuer` where one is named; None if there is none.

        `entry` is that of the token set: what a machine got is not a person's, nor that of another machine.

        A damaged file is set aside first; where nothing else is left, that is raised once and then no more.
        """
        found: list[TokenSet] = []
        aside: list[Path] = []
        for path in self._files.files(f"{upstream}.*{_SUFFIX}"):
            try:
                token_set = self._opened(path)
            except DamagedSecret:
                aside.append(self._files.set_aside(path))
                continue
            if token_set is not None and token_set.is_for(server, issuer, entry):
                found.append(token_set)
        if aside and not found:
            raise SecretsUnavailable(
                f"What was stored of {upstream} was damaged and is kept as {aside[0]}. "
                f"Run `stepwarden login {upstream}`."
            )
        return max(found, key=lambda token_set: token_set.saved_at, default=None)

    def save(self, token_set: TokenSet) -> None:
        """Replace the sign-in of the same upstream, server and issuer; on disk when this returns."""
        key = self.ready()
        name = file_name(token_set.upstream, token_set.server, token_set.issuer)
        target = self.directory / name
        try:
            _set_aside_unreadable(self._files, target, key)
            self._files.write(target, seal(token_set.model_dump_json().encode(), key, name))
        except OSError as error:
            raise SecretsUnavailable(f"{target} cannot be written: {error.strerror}.") from error

    def delete(self, upstream: str) -> int:
        """Delete every sign-in of an upstream, and what was set aside of it; return how many files went."""
        paths = [*self._files.files(f"{upstream}.*{_SUFFIX}"), *self.set_aside(upstream)]
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def set_aside(self, upstream: str) -> list[Path]:
        """Return the files that could not be read and were set aside, the oldest first."""
        return self._files.files(f"{upstream}.*{_SUFFIX}.aside-*")

    def holds(self, upstream: str) -> bool:
        """Return whether there is anything to delete for an upstream."""
        return bool(self._files.files(f"{upstream}.*{_SUFFIX}") or self.set_aside(upstream))

    def ready(self) -> EncryptionKey:
        """Make sure that tokens can be kept: a key is there, or is made in the keyring, and so is the directory."""
        key = self._key.get(make=True)
        assert key is not None
        self._files.ensure()
        return key

    @asynccontextmanager
    async def lock(self, upstream: str, wait_s: float) -> AsyncGenerator[None]:
        """Be the only one on this machine who changes this upstream's sign-in.

        Raises HeldTooLong after `wait_s` seconds.
        """
        make_private_directory(self.directory)
        async with machine_lock(self.directory / f"{upstream}.lock", wait_s):
            yield

    def _opened(self, path: Path) -> TokenSet | None:
        blob = self._files.read(path)
        if blob is None:
            return None  # deleted since it was listed
        key = self._key.get(make=False)
        if key is None:
            raise SecretsUnavailable(f"The key that opens {path} is gone: bring it back, or sign in again.")
        try:
            return TokenSet.model_validate_json(unseal(blob, key, path.name))
        except ValidationError:
            raise DamagedSecret from None
        except NewerFormat as newer:
            raise _newer(path, newer) from None
        except OtherKey:
            raise SecretsUnavailable(
                f"{path} is sealed with another key than that of {key.source}: bring the former key back, "
                "or sign in again."
            ) from None


def _set_aside_unreadable(files: SecretDirectory, target: Path, key: EncryptionKey) -> None:
    """Set aside what is about to be overwritten and cannot be read: it may be all that is left of a sign-in."""
    if not target.exists():
        return
    try:
        unseal(target.read_bytes(), key, target.name)
    except (DamagedSecret, OtherKey):
        files.set_aside(target)
    except NewerFormat as newer:
        raise _newer(target, newer) from None


def _newer(path: Path, newer: NewerFormat) -> SecretsUnavailable:
    return SecretsUnavailable(f"{path} was written by a newer stepwarden (version {newer.version}): upgrade this one.")
