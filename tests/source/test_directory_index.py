"""What lies in the directories of a tree: the same as `lstat` of each path says, and each directory is listed once."""

import os
from pathlib import Path

import pytest

from stepwarden.source.scan import directory_index
from stepwarden.source.scan.directory_index import DirectoryIndex, EntryKind


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "work"
    (top / "a" / "deep").mkdir(parents=True)
    (top / "a" / "x.py").write_text("")
    (top / "a" / "deep" / "y.py").write_text("")
    (top / "linked").symlink_to(top / "a")
    (top / "link.py").symlink_to(top / "a" / "x.py")
    os.mkfifo(top / "pipe")
    return top


KINDS = {
    "a": EntryKind.DIRECTORY,
    "a/x.py": EntryKind.FILE,
    "a/deep/y.py": EntryKind.FILE,
    "linked": EntryKind.LINK,
    "linked/x.py": EntryKind.LINK,
    "linked/deep/y.py": EntryKind.LINK,
    "link.py": EntryKind.LINK,
    "pipe": EntryKind.OTHER,
    "gone": None,
    "gone/z.py": None,
    "a/x.py/z.py": None,
    "a/\0": None,
}


@pytest.mark.parametrize("most_listed", [directory_index.MOST_LISTED, 0])
def test_each_path_is_what_it_is_on_disk(tree: Path, monkeypatch: pytest.MonkeyPatch, most_listed: int) -> None:
    """With 0, every path is looked at by itself, as in a directory of too many entries."""
    monkeypatch.setattr(directory_index, "MOST_LISTED", most_listed)
    index = DirectoryIndex(str(tree))
    assert {name: index.kind(name) for name in KINDS} == KINDS


def test_a_directory_is_listed_once(tree: Path) -> None:
    index = DirectoryIndex(str(tree))
    assert index.kind("a/x.py") is EntryKind.FILE
    (tree / "a" / "x.py").unlink()
    assert index.kind("a/x.py") is EntryKind.FILE  # as it was when the directory was listed
    assert DirectoryIndex(str(tree)).kind("a/x.py") is None
