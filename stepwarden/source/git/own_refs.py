"""Whether the refs of a git directory are its own: it could lead to the commits of any repository of the machine."""

import os
from collections.abc import Iterator
from pathlib import Path

from stepwarden.files.paths import path_below, resolve_path, shown
from stepwarden.source.git.command import GitFailed
from stepwarden.source.git.small_file import read_small_text

MOST_ENTRIES = 20_000  # files and directories that may hold refs
_DIRECTORIES = ("refs", "logs", "reftable", "worktrees")
_HARMLESS = frozenset({"config", "description", "hooks", "info", "objects"})
"""What may be shared with another repository: without its refs, none of its objects can be named."""


def require_own_refs(git_dir: str, root: str) -> None:
    """Raise GitFailed where refs are read from a place that is neither in `git_dir` nor below `root`.

    A link may lead there, or `commondir`, which only the git directory of a linked work tree has.
    """
    common = git_dir = resolve_path(git_dir) or git_dir
    if os.path.lexists(f"{git_dir}/commondir"):
        target = read_small_text(Path(git_dir) / "commondir").rstrip("\r\n")  # as git reads it
        common = (resolve_path(str(Path(git_dir) / target)) if target else None) or ""
        if not common or (path_below(git_dir, common) is None and path_below(common, root) is None):
            _refuse(f"{git_dir}/commondir")
    for base in dict.fromkeys((git_dir, common)):
        for count, entry in enumerate(_entries(base)):
            if count >= MOST_ENTRIES:
                raise GitFailed(f"'{shown(base)}' has too many loose refs to check them. Run `git pack-refs --all`.")
            if entry.is_symlink() and not _leads_inside(entry.path, base, root):
                _refuse(entry.path)


def _entries(base: str) -> Iterator["os.DirEntry[str]"]:
    """Yield the entries of a git directory, and those at any depth of its directories that hold refs."""
    waiting = [base]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as scanned:
                entries = [entry for entry in scanned if here != base or entry.name not in _HARMLESS]
        except OSError:
            continue
        yield from entries
        directories = [entry for entry in entries if here != base or entry.name in _DIRECTORIES]
        waiting += [entry.path for entry in directories if entry.is_dir(follow_symlinks=False)]


def _leads_inside(link: str, base: str, root: str) -> bool:
    target = resolve_path(link)
    return target is not None and any(path_below(target, place) is not None for place in (base, root))


def _refuse(path: str) -> None:
    raise GitFailed(
        f"'{shown(path)}' leads to refs of another repository, so this one is not read. "
        "Send `path` of the repository itself."
    )
