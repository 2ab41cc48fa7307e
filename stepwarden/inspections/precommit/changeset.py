"""Reads the change that a precommit is about, from git and from disk."""

import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath

from stepwarden.files.encodings import decode
from stepwarden.files.paths import shown
from stepwarden.files.safe_open import BARRED, Unread, read_file, read_head
from stepwarden.files.secret_contents import is_secret_content
from stepwarden.files.secrets import is_code_name, is_secret
from stepwarden.inspections.precommit.handed_on import find_dropped
from stepwarden.inspections.precommit.leftovers import has_prints
from stepwarden.inspections.precommit.risks import BeforeAndAfter
from stepwarden.inspections.precommit.staged.partial import StagedGap
from stepwarden.inspections.shared.faults.text_changes import NO_TEXT_CHANGES, compare_texts
from stepwarden.source.file_parser import as_utf8, parse_outline
from stepwarden.source.git.change import LINK, TOO_LARGE, WITHHELD, FileChange, untracked_change
from stepwarden.source.git.command import GitFailed, GitSlow
from stepwarden.source.git.diff import Comparison, list_changes, read_diff, reread_as_text
from stepwarden.source.git.refs import find_commit, find_merge_base, hash_empty_tree
from stepwarden.source.git.repository import Repository, Status
from stepwarden.source.languages import language_of

MOST_FILES = 2_000  # of a change that are read
UNTRACKED_BYTES = 16 * 1024 * 1024  # read of untracked files
UNTRACKED_FILE_BYTES = 1024 * 1024  # of one of them
MOST_OUTLINED = 150  # changed files whose interfaces are compared
LARGE_TEXT_BYTES = 32 * 1024 * 1024  # of text files together that git is asked to read although they are large
OUTLINED_BYTES = 1024 * 1024  # of one of them
_HEAD_BYTES = 8000  # in which git searches for a NUL


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """What the thread asks to compare: with a ref or the last commit; what is staged, what is not, or both."""

    compare_to: str = ""
    staged: bool = True
    unstaged: bool = True


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What changed in one repository; paths are canonical names.

    `place` is the repository relative to the root ("." for the root itself, or one around it). `against` says with
    what it was compared. `sides` is what is known of files before and after. `notes` say what was not read. `gaps` are
    staged lines that need what is not staged.
    """

    place: str
    against: str
    status: Status
    files: tuple[FileChange, ...]
    sides: Mapping[str, BeforeAndAfter]
    notes: tuple[str, ...] = ()
    gaps: tuple[StagedGap, ...] = ()


def read_change(repository: Repository, root: str, request: ComparisonRequest, *, until: float) -> ChangeSet:
    """Return what changed in `repository`, as far as it lies below `root`.

    Raises GitFailed for an unknown ref, and where git fails or is too slow.
    """
    status = repository.status(until=until)
    base, against = _find_base(repository, status, request, until)
    comparison = Comparison(base, staged=request.staged, worktree=request.unstaged)
    files = read_diff(repository, comparison, until=until, unread=_secret_files(repository, comparison, until))
    files = [replace(change, status="U") if change.path in status.unmerged else change for change in files]
    notes: list[str] = []
    if request.unstaged:
        files += _read_untracked(repository, status.untracked, notes)
        if repository.hides_untracked:
            notes.append("Untracked files were not read: status.showUntrackedFiles is off here.")
    if len(files) > MOST_FILES:
        notes.append(f"Only the first {MOST_FILES:,} of {len(files):,} changed files were read.")
        files = files[:MOST_FILES]
    files = _with_text(repository, files, comparison, until)
    sides = _outline_sides(repository, files, request, notes, until)
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
    """Return the canonical name of a repository's path, "" for an empty one and one outside the root."""
    if not path:
        return ""
    full = PurePath(top, path)
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else ""


def measure_new_files(root: str, changes: Iterable[FileChange]) -> dict[str, int]:
    """Return the sizes in bytes of new files that are regular files on disk."""
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


def _find_base(
    repository: Repository, status: Status, request: ComparisonRequest, until: float
) -> tuple[str | None, str]:
    """Return the commit to compare with (None: the index), and its name in words."""
    if request.compare_to:
        commit = find_commit(repository, request.compare_to, until=until)
        base = find_merge_base(repository, commit, until=until) if status.head else commit
        since = f" ({base[:9]})" if base != commit else ""
        return base, f"{shown(request.compare_to, 40)}{since}"
    if not request.staged:
        return None, "the index"
    if not status.head:
        return hash_empty_tree(repository, until=until), "the beginning"
    return status.head, status.head[:9]


def _secret_files(repository: Repository, comparison: Comparison, until: float) -> list[str]:
    """Return the changed files that are secret by their names, or by their content where no code says what it is."""
    changes = list_changes(repository, comparison, until=until)
    names = {name for change in changes for name in (change.path, change.before) if name}
    secret = {name for name in names if is_secret(PurePosixPath(name).parts)}
    data = [change for change in changes if not (change.path in secret or is_code_name(change.path))][:MOST_FILES]
    blobs = repository.read_blobs([change.blob for change in data if change.blob], until=until)
    for change in data:
        content = blobs.get(change.blob) if change.blob else None
        if content is None and comparison.worktree:
            content = read_file(repository.top, change.path)
        if content is BARRED or (isinstance(content, bytes) and is_secret_content(change.path, content)):
            secret.add(change.path)
    return sorted(secret)


def _read_untracked(repository: Repository, names: Sequence[str], notes: list[str]) -> list[FileChange]:
    """Read untracked files as additions."""
    changes: list[FileChange] = []
    left = UNTRACKED_BYTES
    for name in names:
        if name.endswith("/"):
            continue  # a repository of its own
        if len(changes) >= MOST_FILES:
            notes.append(f"{len(names) - MOST_FILES:,} more untracked files were not read.")
            break
        status = _lstat(f"{repository.top}/{name}")
        if status is None:
            continue
        why = ""
        if is_secret(PurePosixPath(name).parts):
            why = WITHHELD
        elif not stat.S_ISREG(status.st_mode):
            why = "a link or a device, not read"
        elif status.st_size > min(UNTRACKED_FILE_BYTES, left):
            why = TOO_LARGE
        if why:
            unread = FileChange(name, "?", lines_added=None, lines_removed=None, why=why)
            changes.append(_with_target(unread, repository.top) if stat.S_ISLNK(status.st_mode) else unread)
            continue
        left -= status.st_size
        data = read_file(repository.top, name)
        if data is BARRED:
            changes.append(FileChange(name, "?", lines_added=None, lines_removed=None, why=WITHHELD))
            continue
        text = None if isinstance(data, Unread) else decode(data)
        changes.append(
            FileChange(name, "?", lines_added=None, lines_removed=None)
            if text is None
            else untracked_change(name, text)
        )
    return changes


def _with_target(change: FileChange, top: str) -> FileChange:
    """Return an untracked link with the path that it points to as its line, as git shows a tracked one."""
    try:
        target = os.readlink(f"{top}/{change.path}")  # noqa: PTH115 - text is wanted
    except OSError:
        return change
    return replace(change, mode=LINK, added=((1, target),))


def _with_text(
    repository: Repository, files: list[FileChange], comparison: Comparison, until: float
) -> list[FileChange]:
    """Read again text files that an attribute or their size makes binary, so that nothing is hidden from a review."""
    hidden = [
        change for change in files if change.binary and not change.why and change.status in {"M", "A", "R", "C", "D"}
    ]
    if len(hidden) > MOST_FILES:
        return files
    texts = [change for change in hidden if _is_text(repository, change, until)]
    read, left = list[FileChange](), LARGE_TEXT_BYTES
    for change in texts if len(texts) <= MOST_FILES // 10 else ():
        status = _lstat(f"{repository.top}/{change.path}")
        left -= status.st_size if status is not None else 0
        if left >= 0:
            read.append(change)
    reread = reread_as_text(repository, read, comparison, until=until) if read else []
    by_path = {change.path: change for change in reread}
    large = {change.path: replace(change, why=TOO_LARGE) for change in texts}
    return [by_path.get(change.path) or large.get(change.path, change) for change in files]


def _is_text(repository: Repository, change: FileChange, until: float) -> bool:
    """Whether a file, as it is on disk or was before, begins without a NUL byte: then git takes it for text."""
    if _lstat(f"{repository.top}/{change.path}") is not None:
        head = read_head(repository.top, change.path, _HEAD_BYTES)
    else:
        blob = change.blob or change.blob_before
        head = repository.output(["cat-file", "blob", blob], until=until, limit=_HEAD_BYTES).data if blob else b"\0"
    return not isinstance(head, Unread) and b"\0" not in head


def _outline_sides(
    repository: Repository, files: Sequence[FileChange], request: ComparisonRequest, notes: list[str], until: float
) -> dict[str, BeforeAndAfter]:
    """Outline changed source files as they were and as they are."""
    asked = [change for change in files if change.blob_before and language_of(change.path) and change.lines]
    if len(asked) > MOST_OUTLINED:
        notes.append(f"Interfaces were compared in {MOST_OUTLINED} of {len(asked)} changed source files.")
        asked = sorted(asked, key=lambda change: (-change.lines, change.path))[:MOST_OUTLINED]
    ids = [blob for change in asked for blob in (change.blob_before, change.blob) if blob]
    try:
        blobs = repository.read_blobs(ids, until=until)
    except GitSlow:
        raise
    except GitFailed:
        notes.append("Interfaces were not compared: git could not read the old files.")
        return {}
    sides: dict[str, BeforeAndAfter] = {}
    for change in asked:
        if time.monotonic() > until:
            notes.append("Not all interfaces were compared: time ran out.")
            break
        before, after = blobs.get(change.blob_before), _read_after(repository, change, request, blobs)
        if before is not None and len(before) <= OUTLINED_BYTES and len(after or b"") <= OUTLINED_BYTES:
            old_path = change.before or change.path
            sides[change.path] = BeforeAndAfter(
                parse_outline(old_path, before),
                None if after is None else parse_outline(change.path, after),
                has_prints(old_path, as_utf8(before).decode("utf-8", "replace")),
                compare_texts(change.path, before, after) if after is not None else NO_TEXT_CHANGES,
                find_dropped(change.path, before, after) if after is not None else (),
            )
    return sides


def _read_after(
    repository: Repository, change: FileChange, request: ComparisonRequest, blobs: Mapping[str, bytes]
) -> bytes | None:
    """Return the content of a file after the change, None where it was deleted."""
    if change.status == "D":
        return None
    if change.blob in blobs:
        return blobs[change.blob]
    data = read_file(repository.top, change.path) if request.unstaged else b""
    return None if isinstance(data, Unread) else data


def _lstat(path: str) -> os.stat_result | None:
    try:
        return Path(path).lstat()
    except (OSError, ValueError):
        return None
