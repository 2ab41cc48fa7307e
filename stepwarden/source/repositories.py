"""Finding git repositories: the one that a directory lies in, and those below it."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from stepwarden.files.paths import real, relative, shown, with_slashes
from stepwarden.source.git import Repository
from stepwarden.source.hardened import Git, GitFailed, GitSlow

REPOSITORIES = 20  # that one look opens
DEPTH = 5  # below the path, where the path itself lies in none
DIRECTORIES = 20_000  # that are looked into for repositories

_PASSED_OVER = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "vendor", "target"})
_POINTER_BYTES = 8192
_NO_GIT = "git 2.32 or newer is not installed here, so no change can be read"


class NothingFound(GitFailed):
    """There is no repository at, above or below the path, or no git to read one with."""


@dataclass(frozen=True, slots=True)
class FoundRepository:
    """The repositories at and below a path, by their places; `problems` tells of those that could not be opened."""

    repositories: tuple[Repository, ...]
    problems: tuple[str, ...] = ()


def find_repositories(git: Git | None, root: str, start: str, *, until: float) -> FoundRepository:
    """Find the repository that the directory `start` lies in, and those below it; both paths absolute and resolved.

    Raises NothingFound where there is none, GitFailed where none can be read, both with what to send instead.
    """
    if git is None:
        raise NothingFound(f"{_NO_GIT}.")
    directory = start if Path(start).is_dir() else str(Path(start).parent)
    around = enclosing(directory)
    repositories: list[Repository] = []
    problems: list[str] = []
    if around is not None:
        within = with_slashes(relative(start, around) or "")
        tops = _opened([around], git, root, until, repositories, problems, "" if within == "." else within)
        below = [name for top in tops for name in _nested(top, until)]
    else:
        below = list(_below(directory))
    _opened(sorted(below), git, root, until, repositories, problems)
    if not repositories:
        if problems or is_bare(directory):
            raise GitFailed(problems[0] if problems else _bare(directory))
        raise NothingFound(_nothing(directory))
    return FoundRepository(tuple(repositories), tuple(problems))


def enclosing(directory: str) -> str | None:
    """Return the directory that has a `.git`, `directory` itself or the nearest above it; None where none has."""
    for path in (PurePath(directory), *PurePath(directory).parents):
        with suppress(OSError):
            mode = (Path(path) / ".git").lstat().st_mode
            if not stat.S_ISFIFO(mode):
                return str(path)
    return None


def git_dir_of(top: str, root: str) -> str:
    """Return the git directory of the work tree `top`.

    Where its `.git` leads elsewhere (a linked work tree, a submodule, a link), that place has to lie inside `root`, in
    the git directory of a repository around it, or name `top` as its own; else it could be anybody's. Raises GitFailed.
    """
    entry = Path(top) / ".git"
    status = entry.lstat()
    if stat.S_ISDIR(status.st_mode):
        return str(entry)
    target = _pointed(entry) if stat.S_ISREG(status.st_mode) else os.readlink(entry)  # noqa: PTH115 - text is wanted
    resolved = real(str(Path(top) / target)) if target else None
    if resolved is None or not Path(resolved).is_dir():
        raise GitFailed(f"'{shown(str(entry))}' leads to no git directory. Send `path` of a repository that is whole.")
    if relative(resolved, root) is not None or _knows(resolved, str(entry)) or _is_around(resolved, top):
        return resolved
    raise GitFailed(
        f"'{shown(str(entry))}' leads to a git directory that does not know it, so it is not read. "
        "Send `path` of the repository itself."
    )


def is_bare(directory: str) -> bool:
    """Whether `directory` looks like a git directory itself."""
    path = Path(directory)
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def _opened(
    tops: list[str],
    git: Git,
    root: str,
    until: float,
    repositories: list[Repository],
    problems: list[str],
    within: str = "",
) -> list[Repository]:
    """Open those of the work trees that can be opened, and add them, or why not; gives those that were."""
    opened: list[Repository] = []
    for top in tops:
        if len(repositories) + len(opened) >= REPOSITORIES:
            problems.append(
                f"More than {REPOSITORIES} repositories here: {shown(top)} and later ones were not looked at."
            )
            break
        try:
            opened.append(Repository.at(git, top, git_dir_of(top, root), until=until, within=within))
        except GitSlow:
            raise
        except GitFailed as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"The repository at '{shown(top)}' cannot be read: {error.strerror}.")
    repositories += opened
    return opened


def _nested(repository: Repository, until: float) -> Iterator[str]:
    """Return the work trees inside a repository that are its submodules, or not ignored by it."""
    names, _ = repository.listed(until=until)
    for name in names:
        path = Path(repository.top) / name
        if (name.endswith("/") or _is_plain_directory(path)) and os.path.lexists(path / ".git"):
            yield str(path)


def _below(directory: str) -> Iterator[str]:
    """Return the nearest work trees below `directory`, level by level; links are not followed."""
    level = [directory]
    left = DIRECTORIES
    for _ in range(DEPTH):
        deeper: list[str] = []
        for path in level:
            for name in _directories(path):
                left -= 1
                if left < 0:
                    return
                inside = os.path.join(path, name)  # noqa: PTH118 - hot
                if os.path.lexists(os.path.join(inside, ".git")):  # noqa: PTH118
                    yield inside
                else:
                    deeper.append(inside)
        level = deeper


def _directories(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith(".") and name not in _PASSED_OVER)


def _is_plain_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _pointed(entry: Path) -> str | None:
    """Read what `gitdir:` of a `.git` file says, None where it says nothing."""
    text = _small_text(entry)
    return text.removeprefix("gitdir:").strip() if text.startswith("gitdir:") else None


def _knows(git_dir: str, entry: str) -> bool:
    """Whether a linked work tree's own directory names this entry."""
    back = _small_text(Path(git_dir) / "gitdir").strip()
    return bool(back) and real(str(Path(git_dir) / back)) == real(entry)


def _is_around(git_dir: str, top: str) -> bool:
    """Whether a git directory lies in that of a repository around `top`, as those of submodules do."""
    for above in PurePath(top).parents:
        outer = real(str(above / ".git"))
        if outer is not None and Path(outer).is_dir() and relative(git_dir, outer) is not None:
            return True
    return False


def _small_text(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return file.read(_POINTER_BYTES).decode("utf-8", "replace") if regular else ""


def _bare(directory: str) -> str:
    place = shown(directory)
    return f"'{place}' is a bare repository: it has no files to check. Send `path` of a clone with a work tree."


def _nothing(directory: str) -> str:
    return (
        f"No git repository at, above or below '{shown(directory)}'. Send `path` of a directory inside one; "
        "files without version control are for codereview."
    )
