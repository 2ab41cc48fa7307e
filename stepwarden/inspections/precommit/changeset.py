"""The change that a precommit is about, read from git and from disk: the part that does the reading."""

import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath

from stepwarden.files.paths import shown
from stepwarden.files.safe_open import Unread, read
from stepwarden.files.secrets import is_secret
from stepwarden.files.text import decode
from stepwarden.inspections.precommit.leftovers import prints
from stepwarden.inspections.precommit.risks import BeforeAndAfter
from stepwarden.source.change import WITHHELD, FileChange, whole_file
from stepwarden.source.file_parser import as_utf8, outline
from stepwarden.source.git import Repository, Status
from stepwarden.source.hardened import GitFailed, GitSlow
from stepwarden.source.languages import language_of

FILES = 2_000  # of a change that are looked into
UNTRACKED_BYTES = 16 * 1024 * 1024  # that are read of files which are not tracked
FILE_BYTES = 1024 * 1024  # of one of them
OUTLINED = 150  # changed files whose interfaces are compared
OUTLINED_BYTES = 256 * 1024  # of one of them
_HEAD = 8000  # bytes that git looks at for a NUL


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be compared: with a ref or the last commit; what is staged, what is not, or both."""

    compare_to: str = ""
    staged: bool = True
    unstaged: bool = True


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What changed in one repository; paths are canonical names.

    `place` is the repository seen from the root ("." for itself, or one around it), `against` says with what it was
    compared, `sides` is what is known of the files before and after. `notes` say what was not looked at.
    """

    place: str
    against: str
    status: Status
    files: tuple[FileChange, ...]
    sides: Mapping[str, BeforeAndAfter]
    notes: tuple[str, ...] = ()


def read_change(repository: Repository, root: str, wanted: Comparison, *, until: float) -> ChangeSet:
    """Read what changed in `repository`, as far as it lies below `root`.

    Raises GitFailed for a ref that is none, and where git fails or is too slow.
    """
    status = repository.status(until=until)
    base, against = _base(repository, status, wanted, until)
    secrets = [name for name in _named_files(repository, base, wanted, until) if is_secret(PurePosixPath(name).parts)]
    files = repository.diff(base, staged=wanted.staged, worktree=wanted.unstaged, until=until, unread=secrets)
    files = [replace(change, status="U") if change.path in status.unmerged else change for change in files]
    notes: list[str] = []
    if wanted.unstaged:
        files += _untracked(repository, status.untracked, notes)
    if len(files) > FILES:
        notes.append(f"Only the first {FILES:,} of {len(files):,} changed files were looked into.")
        files = files[:FILES]
    files = _with_text(repository, files, base, wanted, until)
    sides = _sides(repository, files, wanted, notes, until)
    named = {change.path: name for change in files if (name := name_in_root(root, repository.top, change.path))}
    return ChangeSet(
        place=_place(root, repository.top),
        against=against,
        status=status,
        files=tuple(
            replace(change, path=named[change.path], before=name_in_root(root, repository.top, change.before))
            for change in files
            if change.path in named
        ),
        sides={named[path]: side for path, side in sides.items() if path in named},
        notes=tuple(notes),
    )


def name_in_root(root: str, top: str, path: str) -> str:
    """Return the canonical name of a repository's path, "" for one that is none or lies outside the root."""
    if not path:
        return ""
    whole = PurePath(top, path)
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else ""


def sizes_of(root: str, changes: Iterable[FileChange]) -> dict[str, int]:
    """Return the bytes of those new files that are regular ones on disk."""
    sizes: dict[str, int] = {}
    for change in changes:
        if change.status in {"A", "?"}:
            status = _lstat(f"{root}/{change.path}")
            if status is not None and stat.S_ISREG(status.st_mode):
                sizes[change.path] = status.st_size
    return sizes


def _place(root: str, top: str) -> str:
    path = PurePath(top)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else "."


def _base(repository: Repository, status: Status, wanted: Comparison, until: float) -> tuple[str | None, str]:
    """Return the commit to compare with (None: the index), and the words for it."""
    if wanted.compare_to:
        commit = repository.commit(wanted.compare_to, until=until)
        fork = repository.fork(commit, until=until) if status.head else commit
        since = f" ({fork[:9]})" if fork != commit else ""
        return fork, f"{shown(wanted.compare_to, 40)}{since}"
    if not wanted.staged:
        return None, "the index"
    if not status.head:
        return repository.empty_tree(until=until), "the beginning"
    return status.head, status.head[:9]


def _named_files(repository: Repository, base: str | None, wanted: Comparison, until: float) -> set[str]:
    changes = repository.named(base, staged=wanted.staged, worktree=wanted.unstaged, until=until)
    return {name for change in changes for name in (change.path, change.before) if name}


def _untracked(repository: Repository, names: Sequence[str], notes: list[str]) -> list[FileChange]:
    """Read the files that git does not know, as additions."""
    changes: list[FileChange] = []
    left = UNTRACKED_BYTES
    for name in names:
        if name.endswith("/"):
            continue  # a repository of its own
        if len(changes) >= FILES:
            notes.append(f"{len(names) - FILES:,} more untracked files were not looked into.")
            break
        status = _lstat(f"{repository.top}/{name}")
        if status is None:
            continue
        why = ""
        if is_secret(PurePosixPath(name).parts):
            why = WITHHELD
        elif not stat.S_ISREG(status.st_mode):
            why = "a link or a device, not read"
        elif status.st_size > min(FILE_BYTES, left):
            why = "too large to read"
        if why:
            changes.append(FileChange(name, "?", lines_added=None, lines_removed=None, why=why))
            continue
        left -= status.st_size
        data = read(repository.top, name)
        text = None if isinstance(data, Unread) else decode(data)
        changes.append(
            FileChange(name, "?", lines_added=None, lines_removed=None) if text is None else whole_file(name, text)
        )
    return changes


def _with_text(
    repository: Repository, files: list[FileChange], base: str | None, wanted: Comparison, until: float
) -> list[FileChange]:
    """Read again what an attribute made git take for a binary, though it is text: nothing hides from a review so."""
    hidden = [
        change
        for change in files
        if change.binary
        and change.status in {"M", "A", "R", "C"}
        and not change.why
        and _is_text(repository.top, change.path)
    ]
    if not hidden or len(hidden) > FILES // 10:
        return files
    seen = repository.reread(hidden, base, staged=wanted.staged, worktree=wanted.unstaged, until=until)
    by_path = {change.path: change for change in seen}
    return [by_path.get(change.path, change) for change in files]


def _is_text(top: str, name: str) -> bool:
    status = _lstat(f"{top}/{name}")
    if status is None or status.st_size > FILE_BYTES:
        return False
    data = read(top, name)
    return not isinstance(data, Unread) and b"\0" not in data[:_HEAD]


def _sides(
    repository: Repository, files: Sequence[FileChange], wanted: Comparison, notes: list[str], until: float
) -> dict[str, BeforeAndAfter]:
    """Outline changed source files as they were and as they are."""
    asked = [change for change in files if change.blob_before and language_of(change.path) and change.lines]
    if len(asked) > OUTLINED:
        notes.append(f"Interfaces were compared in {OUTLINED} of {len(asked)} changed source files.")
        asked = sorted(asked, key=lambda change: (-change.lines, change.path))[:OUTLINED]
    ids = [blob for change in asked for blob in (change.blob_before, change.blob) if blob]
    try:
        blobs = repository.blobs(ids, until=until)
    except GitSlow:
        raise
    except GitFailed:
        notes.append("Interfaces were not compared: git could not read the old files.")
        return {}
    sides: dict[str, BeforeAndAfter] = {}
    for change in asked:
        if time.monotonic() > until:
            notes.append("Not all interfaces were compared: the time was up.")
            break
        before, after = blobs.get(change.blob_before), _now(repository, change, wanted, blobs)
        if before is not None and len(before) <= OUTLINED_BYTES and len(after or b"") <= OUTLINED_BYTES:
            old_path = change.before or change.path
            sides[change.path] = BeforeAndAfter(
                outline(old_path, before),
                None if after is None else outline(change.path, after),
                prints(old_path, as_utf8(before).decode("utf-8", "replace")),
            )
    return sides


def _now(repository: Repository, change: FileChange, wanted: Comparison, blobs: Mapping[str, bytes]) -> bytes | None:
    """Return the text that a file has after the change, None where it is gone."""
    if change.status == "D":
        return None
    if change.blob in blobs:
        return blobs[change.blob]
    data = read(repository.top, change.path) if wanted.unstaged else b""
    return None if isinstance(data, Unread) else data


def _lstat(path: str) -> os.stat_result | None:
    try:
        return Path(path).lstat()
    except (OSError, ValueError):
        return None
