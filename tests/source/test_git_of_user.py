"""What a user's own git configuration says of a repository counts; the programs that it names do not run."""

import os
from pathlib import Path

import pytest
from git_driver import Made, program, until

from stepwarden.inspections.precommit.risks import ChangeFacts, find_risks
from stepwarden.source.git.change import LINK, FileChange
from stepwarden.source.git.command import GitFailed
from stepwarden.source.git.diff import Comparison, read_diff
from stepwarden.source.git.discovery import find_repositories
from stepwarden.source.git.refs import find_commit


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = Made.at(tmp_path.resolve() / "work")
    made.commit(a_dot_txt="one\ntwo\n")
    return made


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration, an empty file, in an empty home."""
    path = tmp_path / "config"
    path.write_text("")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return path


def seen(made: Made) -> list[str]:
    repository = made.opened()
    status = repository.status(until=until())
    changed = [change.path for change in read_diff(repository, Comparison("HEAD"), until=until()) if change.lines]
    return sorted((*changed, *status.untracked))


def test_line_ends_are_those_of_the_user(made: Made, configuration: Path) -> None:
    made.write("a.txt", "one\r\ntwo\r\n")
    assert seen(made) == ["a.txt"]
    configuration.write_text("[core]\n\tautocrlf = true\n")
    assert seen(made) == []
    made.git("config", "core.autocrlf", "false")
    assert seen(made) == ["a.txt"]


def test_what_the_user_ignores_is_ignored(made: Made, configuration: Path, tmp_path: Path) -> None:
    made.write("note.mine", "x\n")
    made.write("other.mine2", "x\n")
    assert seen(made) == ["note.mine", "other.mine2"]
    (tmp_path / "ignore").write_text("*.mine\n")
    configuration.write_text(f"[core]\n\texcludesFile = {tmp_path}/ignore\n")
    assert seen(made) == ["other.mine2"]
    made.write(".git/info/exclude", "*.mine2\n")
    assert seen(made) == []


@pytest.mark.parametrize("named", [True, False])
def test_attributes_of_the_user_count(made: Made, configuration: Path, tmp_path: Path, named: bool) -> None:
    made.write("a.txt", "one\r\ntwo\r\n")
    place = tmp_path / ("attributes" if named else "home/.config/git/attributes")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("*.txt text\n")
    if named:
        configuration.write_text(f"[core]\n\tattributesFile = {place}\n")
    assert seen(made) == []


def test_a_program_of_the_user_does_not_run(made: Made, configuration: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    configuration.write_text(
        f'[core]\n\tfsmonitor = touch {ran}\n[diff]\n\texternal = touch {ran}\n[filter "f"]\n\tclean = touch {ran}\n'
    )
    made.write(".gitattributes", "*.txt filter=f ident\n")
    made.write("a.txt", "three\n")
    assert seen(made) == [".gitattributes", "a.txt"]
    assert not ran.exists()


def test_reading_leaves_the_index_as_it_is_where_only_time_stamps_differ(made: Made, configuration: Path) -> None:
    index, newer = made.top / ".git/index", 4_000_000_000
    os.utime(made.top / "a.txt", (newer, newer))
    before = index.read_bytes(), index.stat().st_mtime_ns
    assert seen(made) == []
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before
    made.git("status")
    assert index.read_bytes() != before[0]  # a plain look would have written it


def test_a_change_in_the_same_instant_as_the_index_is_seen(made: Made, configuration: Path) -> None:
    """Of the same length and time as what was committed: git reads a file again where the index is no newer than it."""
    file, index, then = made.top / "a.txt", made.top / ".git/index", (1_700_000_000, 1_700_000_000)
    made.git("config", "core.trustctime", "false")  # which no test can set back
    os.utime(file, then)
    made.git("add", "a.txt")
    file.write_text(file.read_text().swapcase())
    os.utime(file, then)
    os.utime(index, then)
    assert seen(made) == ["a.txt"]


def test_the_work_trees_of_a_bare_repository_beside_them_are_read(made: Made, tmp_path: Path) -> None:
    base = tmp_path.resolve() / "project"
    made.git("clone", "-q", "--bare", str(made.top), str(base / ".bare"))
    (base / ".git").write_text("gitdir: ./.bare\n")
    Made(base).git("worktree", "add", "-q", "wt")
    found = find_repositories(program(), str(base), str(base), until=until())
    assert [repository.top for repository in found.repositories] == [str(base / "wt")]
    assert found.repositories[0].status(until=until()).untracked == ()


def test_a_partial_clone_says_what_it_lacks_and_what_to_do(made: Made, tmp_path: Path) -> None:
    made.git("config", "uploadpack.allowFilter", "true")
    made.commit(a_dot_txt="two\n")
    clone = tmp_path.resolve() / "clone"
    made.git("clone", "-q", "--filter=blob:none", f"file://{made.top}", str(clone))
    repository = Made(clone).opened()
    commit = find_commit(repository, "HEAD~1", until=until())
    with pytest.raises(GitFailed, match=r"partial clone.*git diff"):
        read_diff(repository, Comparison(commit), until=until())


@pytest.mark.parametrize(("target", "told"), [("/etc", True), ("../../x", True), ("../a.txt", False)])
def test_a_link_that_leaves_the_tree_is_told(target: str, told: bool) -> None:
    link = FileChange("sub/link", "?", mode=LINK, lines_added=None, lines_removed=None, added=((1, target),))
    assert any("outside" in risk.what for risk in find_risks(ChangeFacts([link]))) is told


@pytest.mark.parametrize(("name", "kind"), [("web/package-lock.json", "file"), ("go.sum", "file"), ("a.bin", "binary")])
def test_a_lock_file_is_no_binary_whatever_attributes_say(name: str, kind: str) -> None:
    change = FileChange(name, "A", lines_added=None, lines_removed=None)
    (risk,) = find_risks(ChangeFacts([change], sizes={name: 9_000_000}))
    assert risk.what.startswith(f"a new {kind} of")
