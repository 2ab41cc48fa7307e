"""What is read of a repository: where it stands, changes and hunks, refs, churn; what is told of broken ones."""

import os
import random
import subprocess
from pathlib import Path

import pytest
from git_driver import Made, program, until

from stepwarden.source.git.change import FileChange
from stepwarden.source.git.command import GitFailed
from stepwarden.source.git.diff import Comparison, read_diff, reread_as_text
from stepwarden.source.git.discovery import NothingFound, enclosing, find_repositories
from stepwarden.source.git.history import count_commits
from stepwarden.source.git.mentions import find_mentions
from stepwarden.source.git.refs import find_commit, find_merge_base, hash_empty_tree
from stepwarden.source.git.repository import Repository


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = Made.at(tmp_path.resolve() / "work")
    made.commit(a_dot_py="one\ntwo\nthree\nfour\n", b_dot_txt="b\n" * 20, sub__c_dot_py="c\n")
    return made


def all_changes(repository: Repository, base: str = "HEAD") -> dict[str, FileChange]:
    return {change.path: change for change in read_diff(repository, Comparison(base), until=until())}


def hunks(change: FileChange) -> list[tuple[int, int, int, int]]:
    return [(hunk.line_before, hunk.before, hunk.line, hunk.after) for hunk in change.hunks]


def test_status_parts_what_is_staged_unstaged_new_and_in_conflict(made: Made) -> None:
    made.write("a.py", "1\n")
    made.git("add", "a.py")
    made.write("a.py", "2\n")
    made.write("b.txt", "2\n")
    made.write("dir/new one.py", "")
    status = made.opened().status(until=until())
    assert (status.branch, status.head) == ("main", made.git("rev-parse", "HEAD").strip())
    assert status.staged == ("a.py",)
    assert status.unstaged == ("a.py", "b.txt")
    assert status.untracked == ("dir/new one.py",)
    made.git("checkout", "-q", "--detach", "-f")
    assert made.opened().status(until=until()).branch == ""


def test_hunks_have_the_lines_of_both_sides(made: Made) -> None:
    made.write("a.py", "zero\none\nTWO\nfour\n")
    change = all_changes(made.opened())["a.py"]
    assert hunks(change) == [(0, 0, 1, 1), (2, 2, 3, 1)]
    assert change.added == ((1, "zero"), (3, "TWO"))
    assert (change.lines_added, change.lines_removed, change.status) == (2, 2, "M")
    made.write("a.py", "one\nfour\n")
    change = all_changes(made.opened())["a.py"]
    assert hunks(change) == [(2, 2, 1, 0)]
    assert change.hunks[0].last == 1


def test_what_is_staged_and_what_is_not_are_told_apart(made: Made) -> None:
    made.write("a.py", "staged\n")
    made.git("add", "a.py")
    made.write("a.py", "both\n")
    repository = made.opened()
    (staged,) = read_diff(repository, Comparison("HEAD", staged=True, worktree=False), until=until())
    (unstaged,) = read_diff(repository, Comparison(None, staged=False, worktree=True), until=until())
    assert [text for _, text in staged.added] == ["staged"]
    assert [text for _, text in unstaged.added] == ["both"]
    assert repository.read_blobs([staged.blob], until=until()) == {staged.blob: b"staged\n"}


def test_renames_deletions_modes_links_and_binaries_are_told(made: Made) -> None:
    made.git("mv", "b.txt", "moved.txt")
    made.git("rm", "-q", "a.py")
    made.write("new.bin", b"\0\1\2" * 100)
    (made.top / "link").symlink_to("moved.txt")
    (made.top / "sub" / "c.py").chmod(0o755)
    made.git("add", "-A")
    found = all_changes(made.opened())
    assert (found["moved.txt"].status, found["moved.txt"].before) == ("R", "b.txt")
    assert (found["a.py"].status, found["a.py"].lines_removed) == ("D", 4)
    assert found["new.bin"].binary
    assert found["link"].is_link
    assert (found["sub/c.py"].mode_before, found["sub/c.py"].mode, found["sub/c.py"].lines) == ("100644", "100755", 0)


def test_a_file_that_became_a_link_is_one_change(made: Made) -> None:
    (made.top / "a.py").unlink()
    (made.top / "a.py").symlink_to("b.txt")
    change = all_changes(made.opened())["a.py"]
    assert change.status == "T"
    assert change.lines_removed == 4


def test_odd_names_are_read(made: Made) -> None:
    names = ["sp ace.py", "ünï.py", 'quo"te.py', "-dash.py", ":(top)x.py", "a\tb.py", "a\nb.py"]
    for name in names:
        made.write(name, "x\n")
    made.git("add", "-A")
    found = all_changes(made.opened())
    assert sorted(found) == sorted(names)
    assert all(change.added == ((1, "x"),) for change in found.values())


def test_lines_that_look_like_a_diff_are_lines(made: Made) -> None:
    text = "diff --git a/x b/x\n@@ -1,9 +1,9 @@\n--- a/x\n+++ b/x\nBinary files a and b differ\n* Unmerged path a.py\n"
    made.write("a.py", text)
    made.write("b.txt", text)
    found = all_changes(made.opened())
    for name in ("a.py", "b.txt"):
        assert [line for _, line in found[name].added] == text.splitlines()
        assert not found[name].binary


def test_random_edits_are_where_the_hunks_say(made: Made) -> None:
    dice = random.Random(7)
    pool = ["x = 1", "", "--- a", "+++ b", "@@ -1 +1 @@", "diff --git a/r.py b/r.py", "\\ No newline", "y", "z" * 30]
    for _ in range(25):
        before = [dice.choice(pool) for _ in range(dice.randint(0, 40))]
        after = [line for line in before if dice.random() > 0.2]
        for _ in range(dice.randint(0, 8)):
            after.insert(dice.randint(0, len(after)), dice.choice(pool) + str(dice.randint(0, 9)))
        end = dice.choice(["", "\n"])
        made.write("r.py", "\n".join(before) + end)
        made.commit()
        made.write("r.py", "\n".join(after) + end)
        change = all_changes(made.opened()).get("r.py")
        if change is None:
            continue
        now = "\n".join(after).split("\n")
        assert all(now[number - 1] == text for number, text in change.added)
        assert change.lines_added == sum(hunk.after for hunk in change.hunks) == len(change.added)
        assert change.lines_removed == sum(hunk.before for hunk in change.hunks)
        covered = {line for hunk in change.hunks for line in range(hunk.line, hunk.line + hunk.after)}
        assert covered == {number for number, _ in change.added}


def test_secrets_are_named_but_not_read(made: Made) -> None:
    made.write(".env", "KEY=hunter2\n")
    made.write("a.py", "x\n")
    made.git("add", "-f", "-A")
    found = read_diff(made.opened(), Comparison("HEAD"), until=until(), unread=[".env"])
    by_path = {change.path: change for change in found}
    assert by_path[".env"].added == ()
    assert by_path[".env"].withheld
    assert by_path["a.py"].added == ((1, "x"),)


def test_what_attributes_hide_is_read_again_as_text(made: Made) -> None:
    made.write(".gitattributes", "*.py -diff\n")
    made.write("a.py", "hidden\n")
    repository = made.opened()
    change = all_changes(repository)["a.py"]
    assert change.binary
    (seen,) = reread_as_text(repository, [change], Comparison("HEAD"), until=until())
    assert seen.added == ((1, "hidden"),)


def test_a_conflict_is_told_once_with_its_hunks(made: Made) -> None:
    made.git("checkout", "-q", "-b", "other")
    made.commit(a_dot_py="one\nother\nthree\nfour\n")
    made.git("checkout", "-q", "main")
    made.commit(a_dot_py="one\nours\nthree\nfour\n")
    made.git("merge", "other", check=False)
    repository = made.opened()
    assert repository.status(until=until()).unmerged == ("a.py",)
    (change,) = read_diff(repository, Comparison(None, staged=False, worktree=True), until=until())
    assert (change.path, change.status) == ("a.py", "U")
    assert any(text.startswith("<<<<<<<") for _, text in all_changes(repository)["a.py"].added)


def test_huge_files_are_not_compared_line_by_line(made: Made) -> None:
    made.commit(big_dot_txt="line\n" * 1_200_000)
    made.write("big.txt", "other\n" * 1_200_000)
    assert all_changes(made.opened())["big.txt"].binary


def test_a_repository_without_commits_is_compared_with_nothing(tmp_path: Path) -> None:
    made = Made.at(tmp_path.resolve() / "fresh")
    made.write("a.py", "x\n")
    made.git("add", "a.py")
    repository = made.opened()
    assert repository.status(until=until()).head == ""
    (change,) = read_diff(repository, Comparison(hash_empty_tree(repository, until=until())), until=until())
    assert (change.path, change.status, change.added) == ("a.py", "A", ((1, "x"),))


def test_a_part_of_a_repository_is_all_that_is_looked_at(made: Made) -> None:
    made.write("a.py", "x\n")
    made.write("sub/c.py", "x\n")
    made.write("sub/new.py", "x\n")
    repository = made.opened(within="sub")
    assert list(all_changes(repository)) == ["sub/c.py"]
    assert repository.status(until=until()).untracked == ("sub/new.py",)


def test_a_submodule_that_moved_is_one_change(made: Made, tmp_path: Path) -> None:
    inner = Made.at(tmp_path / "inner")
    inner.commit(x_dot_py="1\n")
    made.git("-c", "protocol.file.allow=always", "submodule", "-q", "add", str(inner.top), "lib")
    made.commit("with a submodule")
    there = Made(made.top / "lib")
    there.commit(x_dot_py="2\n")
    change = all_changes(made.opened())["lib"]
    assert change.is_submodule
    found = find_repositories(program(), str(made.top), str(made.top), until=until())
    assert [repository.top for repository in found.repositories] == [str(made.top), str(made.top / "lib")]


@pytest.mark.parametrize("ref", ["main", "HEAD~1", "v1", "HEAD@{0}", "main^{commit}", "topic/x"])
def test_a_ref_that_exists_is_a_commit(made: Made, ref: str) -> None:
    made.commit("second", a_dot_py="2\n")
    made.git("tag", "-a", "v1", "-m", "v1")
    made.git("branch", "topic/x")
    made.write("a.py", "")
    assert len(find_commit(made.opened(), ref, until=until())) == 40


@pytest.mark.parametrize(
    "ref",
    ["-x", "--output=/tmp/x", "--upload-pack=x", "main..HEAD", "main:a.py", "a b", "", "x" * 300, "a\0b", "*", "[a]"],
)
def test_what_is_no_ref_is_refused_before_git_is_asked(made: Made, ref: str) -> None:
    with pytest.raises(GitFailed, match="is not a git ref"):
        find_commit(made.opened(), ref, until=until())


def test_a_ref_that_is_not_there_is_told_with_those_that_are(made: Made) -> None:
    made.git("branch", "release")
    with pytest.raises(
        GitFailed, match=r"no commit here is called 'nope'. Send a branch, tag or commit, such as .*main"
    ):
        find_commit(made.opened(), "nope", until=until())
    blob = made.git("rev-parse", "HEAD:a.py").strip()
    with pytest.raises(GitFailed, match="no commit here"):
        find_commit(made.opened(), blob, until=until())


def test_a_branch_that_is_only_at_the_remote_is_found(made: Made) -> None:
    made.git("update-ref", "refs/remotes/origin/develop", "HEAD")
    assert find_commit(made.opened(), "develop", until=until()) == made.git("rev-parse", "HEAD").strip()


def test_the_fork_is_the_last_common_commit(made: Made) -> None:
    base = made.git("rev-parse", "HEAD").strip()
    made.git("branch", "other")
    made.commit(a_dot_py="ours\n")
    made.git("checkout", "-q", "other")
    other = made.commit(b_dot_txt="theirs\n")
    made.git("checkout", "-q", "main")
    assert find_merge_base(made.opened(), other, until=until()) == base
    made.git("checkout", "-q", "--orphan", "alone")
    alone = made.commit("alone")
    made.git("checkout", "-q", "main")
    assert find_merge_base(made.opened(), alone, until=until()) == alone


def test_churn_counts_commits_by_file(made: Made) -> None:
    for number in range(3):
        made.commit(a_dot_py=f"{number}\n")
    made.commit(sub__c_dot_py="d\n")
    assert count_commits(made.opened(), until=until()) == {"a.py": 4, "b.txt": 1, "sub/c.py": 2}
    assert count_commits(made.opened(within="sub"), until=until()) == {"sub/c.py": 2}


def test_mentions_are_whole_words_and_calls(made: Made) -> None:
    made.commit(
        a_dot_py="total(1)\nCart\n",
        b_dot_py="subtotal(1)\ntotals()\n",
        d_dot_py="x.total (2)\n",
        e_dot_py="total = 1; Cart2\n",
    )
    assert find_mentions(made.opened(), ["total(", "Cart", "gone"], until=until()) == {
        "total(": ("a.py", "d.py"),
        "Cart": ("a.py",),
        "gone": (),
    }


def test_large_and_missing_blobs_are_left_out(made: Made) -> None:
    made.commit(large_dot_txt="x" * 3_000_000)
    small, large = (made.git("rev-parse", f"HEAD:{name}").strip() for name in ("a.py", "large.txt"))
    missing = "0" * 39 + "1"
    assert list(made.opened().read_blobs([small, large, missing], until=until())) == [small]


def found_at(root: Path, start: Path | None = None) -> list[str]:
    found = find_repositories(program(), str(root), str(start or root), until=until())
    return [repository.top for repository in found.repositories]


def test_repositories_are_found_around_and_below_a_path(made: Made, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    other = Made.at(root / "deep" / "down" / "other")
    Made.at(root / "node_modules" / "skipped")
    assert found_at(root) == [str(other.top), str(made.top)]
    assert found_at(root, made.top / "sub") == [str(made.top)]
    assert found_at(root, made.top / "a.py") == [str(made.top)]
    assert enclosing(str(made.top / "sub")) == str(made.top)


def test_a_nested_repository_is_found_unless_it_is_ignored(made: Made) -> None:
    inner = Made.at(made.top / "inner")
    inner.commit(x_dot_py="")
    hidden = Made.at(made.top / "ignored")
    hidden.commit(x_dot_py="")
    made.write(".gitignore", "ignored/\n")
    assert found_at(made.top) == [str(made.top), str(inner.top)]


def test_a_linked_work_tree_is_read(made: Made, tmp_path: Path) -> None:
    linked = tmp_path.resolve() / "linked"
    made.git("worktree", "add", "-q", "-b", "side", str(linked))
    (linked / "a.py").write_text("side\n")
    assert found_at(linked) == [str(linked)]
    (repository,) = find_repositories(program(), str(linked), str(linked), until=until()).repositories
    assert repository.status(until=until()).branch == "side"
    assert list(all_changes(repository)) == ["a.py"]


def test_a_git_file_that_leads_to_somebody_elses_repository_is_refused(made: Made, tmp_path: Path) -> None:
    thief = tmp_path.resolve() / "thief"
    thief.mkdir()
    (thief / ".git").write_text(f"gitdir: {made.top / '.git'}\n")
    with pytest.raises(GitFailed, match="does not name it"):
        found_at(thief)
    (thief / ".git").unlink()
    (thief / ".git").symlink_to(made.top / ".git")
    with pytest.raises(GitFailed, match="does not name it"):
        found_at(thief)


@pytest.mark.parametrize("what", ["HEAD gone", "nonsense", "config", "no directory"])
def test_a_broken_repository_is_told_as_broken(made: Made, what: str) -> None:
    git_dir = made.top / ".git"
    if what == "HEAD gone":
        (git_dir / "HEAD").unlink()
    elif what == "nonsense":
        (git_dir / "HEAD").write_text("nonsense\n")
    elif what == "config":
        (git_dir / "config").write_text("[core\n nonsense")
    else:
        subprocess.run(["rm", "-rf", str(git_dir)], check=True)
        git_dir.write_text("nothing of the kind\n")
    with pytest.raises(GitFailed, match=r"broken|points to no git directory") as caught:
        found_at(made.top)
    assert not isinstance(caught.value, NothingFound)
    assert "Send" in str(caught.value) or "send" in str(caught.value)


def test_no_repository_and_a_bare_one_are_told_apart(made: Made, tmp_path: Path) -> None:
    empty = tmp_path.resolve() / "empty"
    empty.mkdir()
    with pytest.raises(NothingFound, match="No git repository"):
        found_at(empty)
    bare = tmp_path.resolve() / "bare.git"
    made.git("clone", "-q", "--bare", str(made.top), str(bare))
    with pytest.raises(GitFailed, match="bare repository"):
        found_at(bare)
    with pytest.raises(NothingFound, match="not installed"):
        find_repositories(None, str(made.top), str(made.top), until=until())


def test_a_pipe_in_the_place_of_a_repository_is_not_opened(tmp_path: Path) -> None:
    place = tmp_path.resolve() / "odd"
    place.mkdir()
    os.mkfifo(place / ".git")
    with pytest.raises(NothingFound):
        found_at(place)


def test_one_broken_repository_does_not_hide_the_others(made: Made, tmp_path: Path) -> None:
    broken = Made.at(tmp_path / "broken")
    (broken.top / ".git" / "HEAD").unlink()
    found = find_repositories(program(), str(tmp_path.resolve()), str(tmp_path.resolve()), until=until())
    assert [repository.top for repository in found.repositories] == [str(made.top)]
    assert len(found.problems) == 1
