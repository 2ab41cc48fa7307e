"""Repositories whose configuration and attributes try to run programs: nothing runs, and the change is still read."""

import stat
import time
from pathlib import Path

import pytest
from git_driver import Made, until

from stepwarden.source.git.command import Git, GitFailed, GitPlace, GitSlow
from stepwarden.source.git.diff import Comparison, list_changes, read_diff, reread_as_text
from stepwarden.source.git.history import count_commits
from stepwarden.source.git.refs import find_commit, find_merge_base
from stepwarden.source.git.repository import Repository
from stepwarden.source.scan.reader import Reader


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    return tmp_path / "ran"


@pytest.fixture
def script(tmp_path: Path, sentinel: Path) -> str:
    """A program that leaves a trace of having run."""
    path = tmp_path / "program"
    path.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{sentinel}'\ncat\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = Made.at(tmp_path / "work")
    made.write("a.py", "x = 1\n")
    made.write("b.txt", "one\n")
    made.commit()
    made.write("a.py", "x = 2\n")
    made.write("b.txt", "two\n")
    made.git("add", "b.txt")
    made.write("new.py", "y = 1\n")
    return made


def look_at_everything(repository: Repository) -> list[str]:
    """Do all that is ever done with a repository."""
    repository.status(until=until())
    repository.list_files(until=until())
    for base, staged, worktree in (("HEAD", True, True), ("HEAD", True, False), (None, False, True)):
        read_diff(repository, Comparison(base, staged=staged, worktree=worktree), until=until())
        list_changes(repository, Comparison(base, staged=staged, worktree=worktree), until=until())
    count_commits(repository, until=until())
    commit = find_commit(repository, "main", until=until())
    find_merge_base(repository, commit, until=until())
    changes = read_diff(repository, Comparison("HEAD"), until=until())
    reread_as_text(repository, changes, Comparison("HEAD"), until=until())
    repository.read_blobs([change.blob_before for change in changes if change.blob_before], until=until())
    return sorted(change.path for change in changes)


HOSTILE = {
    "core.fsmonitor": "core.fsmonitor",
    "core.sshCommand": "core.sshCommand",
    "core.pager": "core.pager",
    "core.editor": "core.editor",
    "core.askPass": "core.askPass",
    "core.gitProxy": "core.gitProxy",
    "diff.external": "diff.external",
    "gpg.program": "gpg.program",
    "credential.helper": "credential.helper",
    "interactive.diffFilter": "interactive.diffFilter",
    "pager.diff": "pager.diff",
    "pager.status": "pager.status",
    "alias.status": "alias.status",
    "alias.diff": "alias.diff",
    "alias.ls-files": "alias.ls-files",
    "core.alternateRefsCommand": "core.alternateRefsCommand",
}


@pytest.mark.parametrize("key", sorted(HOSTILE))
def test_a_program_that_the_configuration_names_does_not_run(made: Made, script: str, sentinel: Path, key: str) -> None:
    made.git("config", key, f"!{script}" if key.startswith("alias.") else script)
    made.git("config", "log.showSignature", "true")
    assert look_at_everything(made.opened()) == ["a.py", "b.txt"]
    assert not sentinel.exists()


def test_plain_git_would_have_run_it(made: Made, script: str, sentinel: Path) -> None:
    made.git("config", "core.fsmonitor", script)
    made.git("status")
    assert sentinel.exists()


@pytest.mark.parametrize("name", ["evil", "e.v=i l", "ev/il.clean"])
@pytest.mark.parametrize("kind", ["clean", "smudge", "process"])
def test_a_filter_does_not_run(made: Made, script: str, sentinel: Path, name: str, kind: str) -> None:
    word = name.replace(" ", "") if " " in name else name
    made.git("config", f"filter.{word}.{kind}", script)
    made.git("config", f"filter.{word}.required", "true")
    made.write(".gitattributes", f"* filter={word}\n")
    assert look_at_everything(made.opened()) == ["a.py", "b.txt"]
    assert not sentinel.exists()


def test_plain_git_would_have_run_the_filter(made: Made, script: str, sentinel: Path) -> None:
    made.git("config", "filter.evil.clean", script)
    made.write(".gitattributes", "* filter=evil\n")
    made.git("diff", "HEAD")
    assert sentinel.exists()


@pytest.mark.parametrize("key", ["textconv", "command", "xfuncname"])
def test_a_diff_driver_does_not_run(made: Made, script: str, sentinel: Path, key: str) -> None:
    made.git("config", f"diff.evil.{key}", script)
    made.write(".gitattributes", "* diff=evil\n")
    (made.top / ".git" / "info").mkdir(exist_ok=True)
    (made.top / ".git" / "info" / "attributes").write_text("* diff=evil merge=evil\n")
    made.git("config", "merge.evil.driver", script)
    assert look_at_everything(made.opened()) == ["a.py", "b.txt"]
    assert not sentinel.exists()


def test_hooks_do_not_run(made: Made, script: str, sentinel: Path, tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "pre-commit", "fsmonitor-watchman", "query-watchman", "reference-transaction"):
        for place in (hooks, made.top / ".git" / "hooks"):
            place.mkdir(exist_ok=True)
            (place / name).write_text(Path(script).read_text())
            (place / name).chmod(0o755)
    made.git("config", "core.hooksPath", str(hooks))
    look_at_everything(made.opened())
    assert not sentinel.exists()


def test_an_included_file_names_no_program_either(made: Made, script: str, sentinel: Path, tmp_path: Path) -> None:
    included = tmp_path / "more.config"
    included.write_text(f'[filter "evil"]\n\tclean = {script}\n\tprocess = {script}\n[core]\n\tfsmonitor = {script}\n')
    made.git("config", "include.path", str(included))
    made.git("config", f"includeIf.gitdir:{made.top}/**.path", str(included))
    made.write(".gitattributes", "* filter=evil\n")
    assert look_at_everything(made.opened()) == ["a.py", "b.txt"]
    assert not sentinel.exists()


def test_the_configuration_of_a_linked_work_tree_names_no_program_either(
    made: Made, script: str, sentinel: Path
) -> None:
    made.git("config", "extensions.worktreeConfig", "true")
    made.git("config", "--worktree", "core.fsmonitor", script)
    made.git("config", "--worktree", "filter.evil.clean", script)
    made.write(".gitattributes", "* filter=evil\n")
    look_at_everything(made.opened())
    assert not sentinel.exists()


def test_a_submodule_is_not_entered(made: Made, script: str, sentinel: Path, tmp_path: Path) -> None:
    inner = Made.at(tmp_path / "inner")
    inner.commit(a_dot_py="x = 1\n")
    made.git("-c", "protocol.file.allow=always", "submodule", "-q", "add", str(inner.top), "inner")
    made.git("commit", "-q", "-m", "a submodule")
    there = Made(made.top / "inner")
    there.git("config", "core.fsmonitor", script)
    there.git("config", "diff.external", script)
    there.write("a.py", "x = 2\n")
    made.git("config", "diff.submodule", "diff")
    made.git("config", "diff.ignoreSubmodules", "none")
    made.git("config", "status.submoduleSummary", "true")
    made.git("config", "submodule.recurse", "true")
    look_at_everything(made.opened())
    assert not sentinel.exists()


@pytest.mark.parametrize("url", ["ext::{}", "ssh://host.invalid/x", "file://{}/gone", "git://127.0.0.1:9/x"])
def test_a_partial_clone_fetches_nothing(made: Made, script: str, sentinel: Path, url: str) -> None:
    repository = made.opened()
    blob = made.git("rev-parse", "HEAD:a.py").strip()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": url.format(script),
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": script,
        "core.sshCommand": script,
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
        "protocol.file.allow": "always",
    }.items():
        made.git("config", key, value)
    (made.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(GitFailed):
        read_diff(repository, Comparison("HEAD"), until=until())
    assert repository.read_blobs([blob], until=until()) == {}
    assert not sentinel.exists()


def test_a_helper_of_a_remote_does_not_run(made: Made, script: str, sentinel: Path, tmp_path: Path) -> None:
    helpers = tmp_path / "bin"
    helpers.mkdir()
    (helpers / "git-remote-evil").symlink_to(script)
    blob = made.git("rev-parse", "HEAD:a.py").strip()
    for key, value in {"promisor": "true", "vcs": "evil", "url": "evil://x"}.items():
        made.git("config", f"remote.origin.{key}", value)
    made.git("config", "extensions.partialClone", "origin")
    made.git("config", "core.repositoryFormatVersion", "1")
    (made.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    repository = made.opened()
    git = repository.git
    path = f"{helpers}:{git.environment['PATH']}"
    armed = Git(git.path, {**git.environment, "PATH": path})
    repository = Repository(armed, repository.top, repository.place)
    with pytest.raises(GitFailed):
        read_diff(repository, Comparison("HEAD"), until=until())
    assert not sentinel.exists()


def test_the_variables_of_the_host_say_nothing(
    made: Made, script: str, sentinel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_EDITOR"):
        monkeypatch.setenv(name, script)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("GIT_TRACE", str(sentinel))
    assert look_at_everything(made.opened()) == ["a.py", "b.txt"]
    assert not sentinel.exists()


def test_a_work_tree_elsewhere_is_not_followed(made: Made, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.py").write_text("private = 1\n")
    made.git("config", "core.worktree", str(elsewhere))
    changes = read_diff(made.opened(), Comparison("HEAD"), until=until())
    assert not any("private" in text for change in changes for _, text in change.added)
    assert ("a.py", "x = 2") in [(change.path, text) for change in changes for _, text in change.added]


def test_nothing_is_written_into_the_repository(made: Made) -> None:
    def state() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in (made.top / ".git").rglob("*")}

    (made.top / "a.py").touch()
    before = state()
    look_at_everything(made.opened())
    assert state() == before


def test_a_scan_runs_nothing_of_a_repository(made: Made, script: str, sentinel: Path) -> None:
    made.git("config", "core.fsmonitor", script)
    made.git("config", "filter.evil.clean", script)
    made.write(".gitattributes", "* filter=evil\n")
    reader = Reader(None)
    scan = reader.scan(str(made.top), until=until())
    reader.close()
    assert list(scan.outlines) == ["a.py", "new.py"]
    assert not sentinel.exists()


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    endless = tmp_path / "git"
    endless.write_text("#!/bin/sh\nsleep 100 & sleep 100\n")
    endless.chmod(0o755)
    git = Git(str(endless), {"PATH": "/usr/bin:/bin"})
    started = time.monotonic()
    with pytest.raises(GitSlow, match="narrower"):
        git.run(GitPlace(str(tmp_path), str(tmp_path)), ["status"], until=time.monotonic() + 0.3)
    assert time.monotonic() - started < 10


def test_output_without_end_is_cut(tmp_path: Path) -> None:
    chatty = tmp_path / "git"
    chatty.write_text("#!/bin/sh\nexec yes\n")
    chatty.chmod(0o755)
    git = Git(str(chatty), {"PATH": "/usr/bin:/bin"})
    output = git.run(GitPlace(str(tmp_path), str(tmp_path)), ["status"], until=until(), limit=1 << 20)
    assert output.cut
    assert len(output.data) < 1 << 21
