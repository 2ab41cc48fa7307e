"""The vault: what is in its files, what is refused, and what nothing may do to them."""

import asyncio
import contextlib
import json
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keyring  # noqa: TID253 - the extra itself is tested here
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from keyring.backend import KeyringBackend  # noqa: TID253
from keyring.backends import fail  # noqa: TID253
from keyring.errors import KeyringLocked  # noqa: TID253

from stepwarden.errors import SecretsUnavailable
from stepwarden.upstream.oauth import Vault
from stepwarden.upstream.oauth.encryption import DamagedSecret, EncryptionKey, NewerFormat, OtherKey, seal, unseal
from stepwarden.upstream.oauth.machine_lock import HeldTooLong, machine_lock
from stepwarden.upstream.oauth.token_set import Tokens, TokenSet, expiry, file_name
from tests.support.processes import ROOT, Process, ending, environment, start

KEY = EncryptionKey(b"k" * 32, "a test")
SERVER, ISSUER = "https://mcp.example.org/mcp", "https://auth.example.org"


def bundle(upstream: str = "jira", **more: Any) -> TokenSet:
    tokens = Tokens(access="access-1", refresh="refresh-1", scope="use", obtained_at=0.0, expires_at=9e9)
    values: dict[str, Any] = {"server": SERVER, "issuer": ISSUER, "tokens": tokens, "saved_at": 1.0} | more
    return TokenSet(upstream=upstream, **values)


def only_file(vault: Vault) -> Path:
    (path,) = vault.directory.glob("*.token")
    return path


@given(data=some.binary(max_size=300), place=some.text(max_size=20))
def test_what_was_sealed_comes_back(data: bytes, place: str) -> None:
    assert unseal(seal(data, KEY, place), KEY, place) == data


@given(data=some.binary(max_size=60), at=some.integers(min_value=0), flip=some.integers(min_value=1, max_value=255))
def test_no_changed_byte_gives_other_data(data: bytes, at: int, flip: int) -> None:
    sealed = bytearray(seal(data, KEY, "here"))
    sealed[at % len(sealed)] ^= flip
    with contextlib.suppress(DamagedSecret, OtherKey, NewerFormat):
        assert unseal(bytes(sealed), KEY, "here") == data  # white space of the envelope


@given(some.binary(max_size=200))
def test_what_is_no_envelope_is_damaged(blob: bytes) -> None:
    with pytest.raises(DamagedSecret):
        unseal(blob, KEY, "here")


def test_a_sealed_file_opens_at_its_place_and_with_its_key_only() -> None:
    sealed = seal(b"secret", KEY, "jira.token")
    with pytest.raises(DamagedSecret):
        unseal(sealed, KEY, "wiki.token")
    with pytest.raises(OtherKey):
        unseal(sealed, EncryptionKey(b"l" * 32, "another"), "jira.token")


def test_no_two_writes_look_the_same() -> None:
    assert seal(b"secret", KEY, "here") != seal(b"secret", KEY, "here")


names = some.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    upstream=names, access=some.text(min_size=1), refresh=some.none() | some.text(min_size=1), at=some.floats(0, 1e10)
)
def test_a_bundle_comes_back_as_it_was_saved(
    vault: Vault, upstream: str, access: str, refresh: str | None, at: float
) -> None:
    tokens = Tokens(access=access, refresh=refresh, obtained_at=at, expires_at=at + 60)
    saved = bundle(upstream, tokens=tokens)
    try:
        saved.model_dump_json()
    except ValueError:
        return  # half of a surrogate pair is in no token
    vault.save(saved)
    assert vault.load(upstream, SERVER) == saved


@given(names, some.text(), some.text())
def test_no_address_leads_out_of_the_directory(upstream: str, server: str, issuer: str) -> None:
    try:
        name = file_name(upstream, server, issuer)
    except UnicodeEncodeError:
        return
    assert Path(name).name == name
    assert name.startswith(f"{upstream}.")


def test_files_and_directory_are_for_their_user_alone(vault: Vault) -> None:
    vault.directory.mkdir(parents=True, mode=0o755)
    vault.save(bundle())
    assert stat.S_IMODE(vault.directory.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in vault.directory.iterdir()] == [0o600]


def test_no_file_and_no_repr_holds_a_token(vault: Vault) -> None:
    saved = bundle(client={"client_id": "c", "client_secret": "hidden-1"})
    vault.save(saved)
    shown = only_file(vault).read_bytes().decode() + repr(saved) + str(saved) + repr(vault) + repr(KEY)
    for secret in ("access-1", "refresh-1", "hidden-1", "kkkk"):
        assert secret not in shown


def test_sign_ins_are_kept_apart_by_server_and_issuer(vault: Vault) -> None:
    vault.save(bundle())
    vault.save(bundle(issuer="https://other.example.org", saved_at=2.0))
    vault.save(bundle(server="https://other.example.org/mcp", saved_at=3.0))
    newest = vault.load("jira", SERVER)
    assert newest is not None
    assert newest.issuer == "https://other.example.org"
    first = vault.load("jira", SERVER, ISSUER)
    assert first is not None
    assert first.issuer == ISSUER
    assert vault.load("jira", "https://mcp.example.org/") is None
    assert vault.load("jir", SERVER) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 100, b'{"kind": "stepwarden sealed", "version": 1}'])
def test_a_damaged_file_is_kept_aside_and_told_once(
    vault: Vault, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    vault.save(bundle())
    path = only_file(vault)
    path.write_bytes(content)
    with pytest.raises(SecretsUnavailable, match=r"damaged and is kept as .*stepwarden login jira"):
        vault.load("jira", SERVER)
    assert vault.load("jira", SERVER) is None
    (aside,) = vault.set_aside("jira")
    assert aside.read_bytes() == content
    assert str(aside) in caplog.text


def test_what_cannot_be_read_is_not_overwritten(vault: Vault, tmp_path: Path) -> None:
    vault.save(bundle())
    before = only_file(vault).read_bytes()
    other = tmp_path / "other"
    other.write_bytes(b"0" * 44)
    other.chmod(0o600)
    newcomer = Vault(vault.directory, other)
    with pytest.raises(SecretsUnavailable, match="another key"):
        newcomer.load("jira", SERVER)
    newcomer.save(bundle())
    (aside,) = newcomer.set_aside("jira")
    assert aside.read_bytes() == before
    assert newcomer.load("jira", SERVER) == bundle()


def test_what_a_newer_version_wrote_is_left_alone(vault: Vault) -> None:
    vault.save(bundle())
    path = only_file(vault)
    newer = json.dumps(json.loads(path.read_bytes()) | {"version": 2}).encode()
    path.write_bytes(newer)
    for touch in (lambda: vault.load("jira", SERVER), lambda: vault.save(bundle())):
        with pytest.raises(SecretsUnavailable, match=r"newer stepwarden \(version 2\)"):
            touch()
    assert path.read_bytes() == newer


def test_without_a_key_nothing_is_kept_and_the_way_is_told(
    tmp_path: Path, keyring_of: Callable[[KeyringBackend], None]
) -> None:
    keyring_of(fail.Keyring())
    with pytest.raises(SecretsUnavailable, match=r"stepwarden\[keyring\].*STEPWARDEN_VAULT_KEY_FILE"):
        Vault(tmp_path / "vault").save(bundle())
    assert not (tmp_path / "vault").exists()


def test_the_keyring_makes_one_key_and_keeps_it(tmp_path: Path, keyring_of: Callable[[KeyringBackend], None]) -> None:
    ring = Ring()
    keyring_of(ring)
    Vault(tmp_path / "vault").save(bundle())
    assert Vault(tmp_path / "vault").load("jira", SERVER) == bundle()
    assert list(ring.kept) == [("stepwarden", "vault")]
    ring.kept.clear()
    with pytest.raises(SecretsUnavailable, match="is gone"):
        Vault(tmp_path / "vault").load("jira", SERVER)


def test_a_locked_keyring_is_told(tmp_path: Path, keyring_of: Callable[[KeyringBackend], None]) -> None:
    keyring_of(Ring(locked=True))
    with pytest.raises(SecretsUnavailable, match="unlock it"):
        Vault(tmp_path / "vault").save(bundle())


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 5  # pyright: ignore[reportAssignmentType] - a number, as the library's own backends have it

    def __init__(self, *, locked: bool = False) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self._locked = locked

    def get_password(self, service: str, username: str) -> str | None:
        if self._locked:
            raise KeyringLocked
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[(service, username)] = password


@pytest.fixture
def keyring_of() -> Iterator[Callable[[KeyringBackend], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [(b"k" * 44, 0o644, "chmod 600"), (b"short", 0o600, "does not hold 32"), (b"k" * 5_000, 0o600, "does not hold 32")],
)
def test_a_key_file_that_protects_nothing_is_refused(tmp_path: Path, content: bytes, mode: int, words: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(SecretsUnavailable, match=words) as caught:
        Vault(tmp_path / "vault", path).save(bundle())
    assert "kkkk" not in str(caught.value)


def test_a_key_beside_what_it_seals_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    path = tmp_path / "vault" / "key"
    path.write_bytes(b"k" * 44)
    with pytest.raises(SecretsUnavailable, match="beside what it seals"):
        Vault(tmp_path / "vault", path).save(bundle())


def test_a_missing_key_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SecretsUnavailable, match="cannot be read: No such file"):
        Vault(tmp_path / "vault", tmp_path / "none").save(bundle())


def test_a_write_that_fails_leaves_what_was_there(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.save(bundle())

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SecretsUnavailable, match="No space left on device"):
            vault.save(bundle(account="new"))
    assert vault.load("jira", SERVER) == bundle()
    assert len(list(vault.directory.iterdir())) == 1


@contextmanager
def vault_user(home: Path, *arguments: str | Path) -> Iterator[Process]:
    """Start a process of `vault_user.py`, wait until it says that it is there, and kill it in the end."""
    program = Path(__file__).with_name("vault_user.py")
    process = start([str(program), *map(str, arguments)], environment(home), ROOT)
    with ending(process):
        assert process.stdout
        assert process.stdout.readline() in {b"saved\n", b"held\n"}
        yield process


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path, vault: Vault, key_file: Path) -> None:
    for _ in range(4):
        with vault_user(tmp_path, "write", vault.directory, key_file):
            pass
        found = vault.load("jira", "s")
        assert found is not None
        assert found.tokens is not None
        assert found.tokens.access == "a" * 3000
        assert vault.set_aside("jira") == []


def test_a_stopped_process_holds_nobody_up_for_ever_and_a_killed_one_not_at_all(tmp_path: Path) -> None:
    lock = tmp_path / "jira.lock"

    async def taken() -> bool:
        async with machine_lock(lock, 0.1):
            return True

    with vault_user(tmp_path, "hold", lock) as holder:
        holder.send_signal(signal.SIGSTOP)
        with pytest.raises(HeldTooLong) as caught:
            asyncio.run(taken())
        assert caught.value.holder == holder.pid
    assert asyncio.run(taken())


@given(some.none() | some.integers(), some.floats(0, 1e10))
def test_an_expiry_is_never_before_its_issue_nor_for_ever(expires_in: int | None, now: float) -> None:
    found = expiry(expires_in, now)
    assert found is None if expires_in is None else found is not None and now <= found <= now + 4e8


@given(some.floats(1, 1e6), some.floats(0, 2))
def test_a_token_is_due_before_it_is_over(life: float, share: float) -> None:
    tokens = Tokens(access="a", obtained_at=1_000.0, expires_at=1_000.0 + life)
    now = 1_000.0 + life * share
    assert tokens.due(now) or not tokens.over(now)
    assert not tokens.due(1_000.0 + life * 0.8 - 60)


def test_a_clock_that_was_set_back_makes_a_token_due() -> None:
    assert Tokens(access="a", obtained_at=10_000.0, expires_at=13_600.0).due(5_000.0)
    assert not Tokens(access="a", obtained_at=10_000.0, expires_at=13_600.0).due(9_900.0)
