import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stepwarden.dashboard.page_key import KEY_BYTES, page_key
from stepwarden.dashboard.page_sessions import NoSession, PageSessions, is_form_token
from stepwarden.errors import SettingsError

KEY = b"k" * KEY_BYTES


def test_a_code_opens_one_session_once() -> None:
    sessions = PageSessions(KEY)
    code = sessions.mint_code("local")
    session = sessions.read(sessions.redeem(code))
    assert session.principal == "local"
    with pytest.raises(NoSession, match="used before"):
        sessions.redeem(code)


def test_a_code_of_before_a_restart_and_one_that_is_over_open_nothing() -> None:
    code = PageSessions(KEY).mint_code("local")
    with pytest.raises(NoSession):
        PageSessions(KEY, began=time.time() + 1).redeem(code)
    import jwt

    claims = {"aud": "code", "sub": "local", "jti": "x", "iat": time.time() - 100, "exp": time.time() - 40}
    with pytest.raises(NoSession):
        PageSessions(KEY, began=0).redeem(jwt.encode(claims, KEY, algorithm="HS256"))


def test_a_cookie_lasts_over_a_restart_and_no_other_key_or_use_is_taken() -> None:
    sessions = PageSessions(KEY)
    cookie = sessions.open("ana")
    assert PageSessions(KEY).read(cookie) == sessions.read(cookie)
    for other in (PageSessions(b"o" * KEY_BYTES).open("ana"), sessions.mint_code("ana"), "", "a.b.c", cookie[:-2]):
        with pytest.raises(NoSession):
            sessions.read(other)


def test_a_form_belongs_to_one_session() -> None:
    sessions = PageSessions(KEY)
    one, other = sessions.read(sessions.open("ana")), sessions.read(sessions.open("ana"))
    assert is_form_token(one, one.form_token)
    assert not is_form_token(one, other.form_token)
    assert not is_form_token(one, "ü")


def test_the_key_is_made_once_whole_and_for_its_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(page_key, [home] * 16))
    assert len(keys) == 1
    assert [path.name for path in home.iterdir()] == ["dashboard.key"]
    if os.name == "posix":
        assert stat.S_IMODE((home / "dashboard.key").stat().st_mode) == 0o600


def test_a_key_that_is_cut_is_told(tmp_path: Path) -> None:
    (tmp_path / "dashboard.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="delete it"):
        page_key(tmp_path)
