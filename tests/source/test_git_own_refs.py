"""Repositories whose refs stand elsewhere: nothing of the other repository is read."""

import os
from pathlib import Path

import pytest
from git_driver import Made, until

from stepwarden.source.git.command import GitFailed
from stepwarden.source.git.discovery import git_dir_of
from stepwarden.source.git.history import commits_of_lines


@pytest.fixture
def other(tmp_path: Path) -> Made:
    made = Made.at(tmp_path / "other")
    made.commit("nobody's business", a_dot_py="x = 1\n")
    return made


@pytest.fixture
def made(tmp_path: Path, other: Made) -> Made:
    """A repository that shares the objects of the other one, as `git clone --shared` leaves it."""
    made = Made.at(tmp_path / "work")
    info = made.top / ".git/objects/info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{other.top}/.git/objects\n")
    made.commit("ours", a_dot_py="x = 2\n")
    return made


def test_shared_objects_alone_are_no_reason(made: Made) -> None:
    assert [each.subject for each in commits_of_lines(made.opened(), "a.py", (1, 1), until=until())] == ["ours"]


@pytest.mark.parametrize("name", ["HEAD", "refs", "refs/heads", "refs/heads/main", "logs", "index", "packed-refs"])
def test_a_link_to_refs_of_another_repository_is_refused(made: Made, other: Made, name: str) -> None:
    place = made.top / ".git" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(place):
        place.rename(made.top / "moved")
    place.symlink_to(other.top / ".git" / name)
    with pytest.raises(GitFailed, match="refs of another repository"):
        made.opened()


@pytest.mark.parametrize("written", ["{}\n", "../../other/.git", "../../other/.git \n"])
def test_a_common_directory_elsewhere_is_refused(made: Made, other: Made, written: str) -> None:
    (made.top / ".git/commondir").write_text(written.format(other.top / ".git"))
    with pytest.raises(GitFailed, match="refs of another repository"):
        made.opened()


def test_a_common_directory_is_where_git_reads_it(made: Made, other: Made) -> None:
    (made.top / ".git/elsewhere").mkdir()
    (made.top / ".git/elsewhere ").symlink_to(other.top / ".git")
    (made.top / ".git/commondir").write_text("elsewhere \n")
    with pytest.raises(GitFailed, match="refs of another repository"):
        made.opened()


def test_links_within_a_repository_and_linked_work_trees_are_read(made: Made, tmp_path: Path) -> None:
    (made.top / ".git/HEAD").unlink()
    (made.top / ".git/HEAD").symlink_to("refs/heads/main")  # as old versions of git wrote it
    (made.top / ".git/hooks").symlink_to(tmp_path)
    assert made.opened().status(until=until()).head
    linked = tmp_path / "linked"
    made.git("worktree", "add", "-q", "--detach", str(linked))
    assert git_dir_of(str(linked), str(linked)) == str(made.top / ".git/worktrees/linked")
