"""Directories of state are closed to other users, whichever of them is made first."""

import os
from pathlib import Path

import pytest

from stepwarden.files.private_directory import make_private_directory
from stepwarden.source.scan.cache import CacheFile


def modes(*paths: Path) -> list[int]:
    return [path.stat().st_mode & 0o777 for path in paths]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_what_is_made_on_the_way_is_closed_too_and_what_is_there_stays(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    home = tmp_path / "home"
    for _ in range(2):
        make_private_directory(home / "vault" / "keys")
        assert modes(tmp_path, home, home / "vault", home / "vault" / "keys") == [0o755, 0o700, 0o700, 0o700]

    CacheFile(tmp_path / "other" / "cache", "/work/shop", "").save({})
    assert modes(tmp_path / "other", tmp_path / "other" / "cache") == [0o700, 0o700]


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(FileExistsError):
        make_private_directory(tmp_path / "home")
