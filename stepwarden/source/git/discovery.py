"""Finding git repositories: the one that a directory lies in, and those below it."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from stepwarden.files.paths import path_below, resolve_path, shown, with_slashes
from stepwarden.source.git.command import Git, GitFailed, GitPlace, GitSlow
from stepwarden.source.git.own_refs import require_own_refs
from stepwarden.source.git.repository import Repository
from stepwarden.source.git.small_file import read_small_text

MOST_REPOSITORIES = 20  # that one search opens
DEPTH = 5  # directories below the path that are searched, where the path itself lies in no repository
MOST_DIRECTORIES = 20_000  # that are searched for repositories

_SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "vendor", "target"})
_NO_GIT = "git 2.32 or newer is not installed here, so no change can be read"


class NothingFound(GitFailed):
    """There is no repository at, above or below the path, or no git to read one with."""


@dataclass(frozen=True, slots=True)
class FoundRepositories:
    """The repositories at and below a path; `problems` says which could not be opened, and why."""

    repositories: tuple[Repository, ...]
    problems: tuple[str, ...] = ()


def find_repositories(git: Git | None, root: str, start: str, *, until: float) -> FoundRepositories:
    """Find the repository that `start` lies in, and those below it; both paths are absolute and resolved.

    Raises NothingFound where there is none, GitFailed where none can be read, both with what to send instead.
    """
    if git is None:
        raise NothingFound(f"{_NO_GIT}.")
    directory = start if Path(start).is_dir() else str(Path(start).parent)
    opener = _Opener(git, root, until)
    around = enclosing(directory)
    if around is not None and not _has_only_linked_trees(git, around, root, until):
        within = with_slashes(path_below(start, around) or "")
        opener.open([around], "" if within == "." else within)
        below = [name for repository in tuple(opener.opened) for name in _nested(repository, until)]
    else:
        below = list(_search_below(directory))
    opener.open(sorted(below))
    if not opener.opened:
        if opener.problems or is_bare(directory):
            raise GitFailed(opener.problems[0] if opener.problems else _bare(directory))
        raise NothingFound(_nothing(directory))
    return FoundRepositories(tuple(opener.opened), tuple(opener.problems))


class _Opener:
    """Opens work trees up to MOST_REPOSITORIES and notes why others could not be opened."""

    def __init__(self, git: Git, root: str, until: float) -> None:
        self.opened: list[Repository] = []
        self.problems: list[str] = []
        self._git = git
        self._root = root
        self._until = until

    def open(self, tops: Iterable[str], within: str = "") -> None:
        """Open these work trees; raises GitSlow."""
        for top in tops:
            if len(self.opened) >= MOST_REPOSITORIES:
                self.problems.append(
                    f"More than {MOST_REPOSITORIES} repositories here: {shown(top)} and later ones were not read."
                )
                break
            try:
                git_dir = git_dir_of(top, self._root)
                self.opened.append(Repository.open(self._git, top, git_dir, until=self._until, within=within))
            except GitSlow:
                raise
            except GitFailed as error:
                self.problems.append(str(error))
            except OSError as error:
                self.problems.append(f"The repository at '{shown(top)}' cannot be read: {error.strerror}.")


def enclosing(directory: str) -> str | None:
    """Return the nearest directory with a `.git`, `directory` itself or one above it; None where there is none."""
    for path in (PurePath(directory), *PurePath(directory).parents):
        with suppress(OSError):
            mode = (Path(path) / ".git").lstat().st_mode
            if not stat.S_ISFIFO(mode):
                return str(path)
    return None


def git_dir_of(top: str, root: str) -> str:
    """Return the git directory of the work tree `top`.

    Where its `.git` points elsewhere (a linked work tree, a submodule, a link), the target has to lie inside `root` or
    in the git directory of a repository around it, or to name `top` as its own; else it could be anybody's, as could
    refs that are read elsewhere. Raises GitFailed.
    """
    git_dir = _find_git_dir(top, root)
    require_own_refs(git_dir, root)
    return git_dir


def _find_git_dir(top: str, root: str) -> str:
    entry = Path(top) / ".git"
    status = entry.lstat()
    if stat.S_ISDIR(status.st_mode):
        return str(entry)
    target = _pointer_target(entry) if stat.S_ISREG(status.st_mode) else os.readlink(entry)  # noqa: PTH115 - text is wanted
    resolved = resolve_path(str(Path(top) / target)) if target else None
    if resolved is None or not Path(resolved).is_dir():
        raise GitFailed(
            f"'{shown(str(entry))}' points to no git directory. Send `path` of a repository that is complete."
        )
    if path_below(resolved, root) is not None or _names_entry(resolved, str(entry)) or _is_of_outer(resolved, top):
        return resolved
    raise GitFailed(
        f"'{shown(str(entry))}' points to a git directory that does not name it, so it is not read. "
        "Send `path` of the repository itself."
    )


def is_bare(directory: str) -> bool:
    """Whether `directory` looks like a git directory itself."""
    path = Path(directory)
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def _has_only_linked_trees(git: Git, top: str, root: str, until: float) -> bool:
    """Whether the `.git` of `top` points to a bare repository, whose work trees are other directories."""
    try:
        git_dir = git_dir_of(top, root)
        if not (Path(top) / ".git").is_file() or not is_bare(git_dir):
            return False
        bare = git.run(GitPlace(git_dir), ["config", "--type=bool", "core.bare"], until=until).data.strip()
    except (GitFailed, OSError):
        return False
    return bare == b"true"


def _nested(repository: Repository, until: float) -> Iterator[str]:
    """Return the work trees inside a repository: its submodules, and others that it does not ignore."""
    names, _ = repository.list_files(until=until)
    for name in names:
        path = Path(repository.top) / name
        if (name.endswith("/") or _is_plain_directory(path)) and os.path.lexists(path / ".git"):
            yield str(path)


def _search_below(directory: str) -> Iterator[str]:
    """Return the nearest work trees below `directory`, level by level; links are not followed."""
    level = [directory]
    left = MOST_DIRECTORIES
    for _ in range(DEPTH):
        deeper: list[str] = []
        for path in level:
            for name in _subdirectories(path):
                left -= 1
                if left < 0:
                    return
                inside = os.path.join(path, name)  # noqa: PTH118 - hot
                if os.path.lexists(os.path.join(inside, ".git")):  # noqa: PTH118
                    yield inside
                else:
                    deeper.append(inside)
        level = deeper


def _subdirectories(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith(".") and name not in _SKIPPED)


def _is_plain_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _pointer_target(entry: Path) -> str | None:
    """Return the target that a `.git` file names with `gitdir:`, None where it names none."""
    text = read_small_text(entry)
    return text.removeprefix("gitdir:").strip() if text.startswith("gitdir:") else None


def _names_entry(git_dir: str, entry: str) -> bool:
    """Whether the git directory of a linked work tree names this `.git` entry as its own."""
    back = read_small_text(Path(git_dir) / "gitdir").strip()
    return bool(back) and resolve_path(str(Path(git_dir) / back)) == resolve_path(entry)


def _is_of_outer(git_dir: str, top: str) -> bool:
    """Whether a git directory lies in that of a repository around `top`, as a submodule's does."""
    for above in PurePath(top).parents:
        outer = resolve_path(str(above / ".git"))
        if outer is not None and Path(outer).is_dir() and path_below(git_dir, outer) is not None:
            return True
    return False


def _bare(directory: str) -> str:
    place = shown(directory)
    return f"'{place}' is a bare repository: it has no files to check. Send `path` of a clone with a work tree."


def _nothing(directory: str) -> str:
    return (
        f"No git repository at, above or below '{shown(directory)}'. Send `path` of a directory inside one; "
        "files without version control are for codereview."
    )
