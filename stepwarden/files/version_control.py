"""Git directories known by what they hold, whatever their name: bare repositories, `.bare` beside work trees."""

from collections.abc import Collection, Sequence
from pathlib import Path

# What git puts into its directories, by the first part of a path in one.
_INSIDE = frozenset(
    {"objects", "refs", "hooks", "logs", "info", "worktrees", "modules", "lfs", "branches", "rr-cache", "rebase-merge"}
    | {"rebase-apply", "sequencer", "svn", "reftable"}
)


def is_git_directory(path: Path) -> bool:
    """Whether a directory is one of git itself: with a HEAD, objects and refs, as git tells (setup.c)."""
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def lies_in_git_directory(root: Path, parts: Sequence[str]) -> bool:
    """Whether what is at `parts` below `root` belongs to a git directory, `root` itself or one below it.

    A work tree inside one, as `git worktree add` makes it in a bare repository, is none of it.
    """
    last = len(parts) - 1
    for count in range(last, -1, -1):
        if count < last and parts[count] not in _INSIDE:
            continue
        if is_git_directory(root.joinpath(*parts[:count])):
            inside = (root.joinpath(*parts[:deeper]) for deeper in range(count + 1, len(parts)))
            return not any((path / ".git").exists() for path in inside)
    return False


def git_directories_among(root: Path, names: Collection[str]) -> tuple[str, ...]:
    """Return the git directories among listed files, by the names of their HEAD files; "" for the root."""
    heads = [name for name in names if name == "HEAD" or name.endswith("/HEAD")]
    return tuple(name[:-5] for name in heads if is_git_directory(root / name[:-5]))
