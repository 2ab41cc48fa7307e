"""What is read of a repository is what git says to the user whose repository it is, whatever they configured."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from git_driver import program, until
from git_trees import ACTIONS, NAMES, Tree, counts, kinds_of_status, names_by_status, new_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.inspections.precommit.changeset import ChangeSet, ComparisonRequest, read_change
from stepwarden.inspections.precommit.report import opening_facts
from stepwarden.source.git.diff import Comparison, read_diff
from stepwarden.source.git.discovery import git_dir_of
from stepwarden.source.git.repository import Repository
from tests.support.examples import examples

STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(ACTIONS)), st.sampled_from(NAMES), st.integers(0, 99)), min_size=2, max_size=12
)


@contextmanager
def tree_of_user() -> Iterator[Tree]:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        tree = new_tree(Path(place).resolve())
        for name, value in tree.users.items():
            patch.setenv(name, value)
        yield tree


def opened(tree: Tree) -> Repository:
    top = str(tree.top)
    return Repository.open(program(), top, git_dir_of(top, top), until=until())


def check_status(tree: Tree) -> None:
    hidden = tree.git("config", "status.showUntrackedFiles").strip() == b"no"
    more = [] if hidden else ["--untracked-files=all"]
    said = tree.git("status", "--porcelain=v1", "-z", "--ignore-submodules=dirty", *more)
    status = opened(tree).status(until=until())
    assert {kind: tuple(sorted(getattr(status, kind))) for kind in kinds_of_status(b"")} == kinds_of_status(said)


def check_diffs(tree: Tree) -> None:
    repository = opened(tree)
    head = repository.status(until=until()).head
    for named, comparison in (
        ([head], Comparison(head)),
        (["--cached", head], Comparison(head, worktree=False)),
        ([], Comparison(None)),
    ):
        plain = ["diff", "-z", "--ignore-submodules=dirty", "--no-relative"]
        changes = read_diff(repository, comparison, until=until())
        assert sorted((item.status, item.before, item.path) for item in changes) == names_by_status(
            tree.git(*plain, "--name-status", *named)
        )
        lines = {item.path: None if item.binary else (item.lines_added, item.lines_removed) for item in changes}
        for path, counted in counts(tree.git(*plain, "--numstat", *(named or ["-2"]))).items():
            unmerged = any(item.path == path and (item.status == "U" or item.is_submodule) for item in changes)
            same = counted is None and lines[path] == (0, 0)  # a binary that was moved as it is
            assert unmerged or same or lines[path] == counted


def check_agreement(tree: Tree) -> None:
    check_status(tree)
    check_diffs(tree)


@settings(max_examples=examples(12))
@given(STEPS)
def test_status_and_diffs_are_those_of_git(steps: list[tuple[str, str, int]]) -> None:
    with tree_of_user() as tree:
        for action, name, number in steps:
            ACTIONS[action](tree, name, number)
        check_agreement(tree)


@pytest.mark.parametrize("place", ["--global", "--local"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("diff.renames", "copies"),
        ("diff.renames", "false"),
        ("status.renames", "false"),
        ("status.showUntrackedFiles", "no"),
        ("core.fileMode", "false"),
        ("core.autocrlf", "true"),
        ("diff.algorithm", "histogram"),
    ],
)
def test_what_a_user_or_their_repository_configures_counts(place: str, key: str, value: str) -> None:
    with tree_of_user() as tree:
        tree.git("config", place, key, value)
        tree.git("mv", "a.txt", "moved.txt")
        tree.write("copy.txt", (tree.top / "moved.txt").read_text())
        tree.git("add", "copy.txt")
        tree.write("b.txt", "one\r\nmore\r\n")
        (tree.top / "dir/e.py").chmod(0o755)
        tree.write("new.txt", "x\n")
        check_agreement(tree)


def test_a_key_without_a_value_is_true() -> None:
    with tree_of_user() as tree:
        config = tree.home / "config"
        config.write_text(f"{config.read_text()}[core]\n\tautocrlf\n")
        tree.write("a.txt", (tree.top / "a.txt").read_bytes().decode().replace("\n", "\r\n"))
        assert tree.git("diff", "--name-only") == b""
        check_agreement(tree)


def test_attributes_that_the_repository_itself_names_count_and_a_pipe_is_not_waited_for() -> None:
    with tree_of_user() as tree:
        (tree.top / "named").write_text("*.txt text\n")
        tree.git("config", "core.attributesFile", "named")
        tree.write("a.txt", (tree.top / "a.txt").read_bytes().decode().replace("\n", "\r\n"))
        check_agreement(tree)
        (tree.top / "named").unlink()
        os.mkfifo(tree.top / "named")
        assert read_diff(opened(tree), Comparison(None), until=until())


def test_a_renamed_file_is_staged_once() -> None:
    with tree_of_user() as tree:
        tree.git("mv", "a.txt", "moved.txt")
        assert opened(tree).status(until=until()).staged == ("moved.txt",)


def read(tree: Tree) -> ChangeSet:
    return read_change(opened(tree), str(tree.top), ComparisonRequest(), until=until())


def test_hidden_untracked_files_are_not_read_and_that_is_said() -> None:
    with tree_of_user() as tree:
        tree.write("note.txt", "x\n")
        assert [item.path for item in read(tree).files] == ["note.txt"]
        tree.git("config", "--global", "status.showUntrackedFiles", "no")
        assert read(tree).files == ()
        assert read(tree).notes == ("Untracked files were not read: status.showUntrackedFiles is off here.",)


LARGE = "a line of a lock file\n" * 250_000  # more than git itself is given to hold in memory here


def test_a_text_that_is_large_for_git_is_still_text() -> None:
    with tree_of_user() as tree:
        tree.write("web/package-lock.json", LARGE)
        tree.write("data.csv", f"{LARGE}.")
        tree.write("image.bin", f"{LARGE}\0")
        tree.git("add", "-A")
        tree.git("commit", "-q", "-m", "large")
        tree.write("web/package-lock.json", LARGE.replace("a line", "the line", 3))
        tree.write("image.bin", f"\0{LARGE}")
        tree.git("rm", "-q", "-f", "data.csv")
        found = {item.path: (item.lines_added, item.lines_removed) for item in read(tree).files}
        assert found == {"web/package-lock.json": (3, 3), "data.csv": (0, 250_001), "image.bin": (None, None)}


def test_an_untracked_text_that_is_too_large_to_read_is_not_called_a_binary() -> None:
    with tree_of_user() as tree:
        tree.write("web/package-lock.json", LARGE)
        tree.write("b.txt", "x\n")
        change = read(tree)
        said = "\n".join(opening_facts([change], change.files, [], change.notes))
        assert "web/package-lock.json too large to read" in said
        assert "binary" not in said
