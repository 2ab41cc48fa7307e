"""Roots: which directory restricts what a call may read, and which one its relative paths start from."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import NoReturn

from stepwarden.errors import RootRefused
from stepwarden.files.paths import normalize_path, path_below, resolve_path, shown
from stepwarden.files.secrets import is_secret
from stepwarden.files.version_control import lies_in_git_directory
from stepwarden.files.written_paths import read_written

# Trees are refused with everything below them, tops only themselves (docs/protocol.md, files and evidence); those of
# macOS and Windows by analogy, on Windows below the drive.
_TREES = {"win32": ("/windows",), "darwin": ("/etc", "/private/etc", "/dev", "/System")}
_TREES_ELSEWHERE = ("/etc", "/proc", "/sys", "/dev", "/boot", "/run", "/var/run", "/var/lib")
_ALLOWED = ("/run/media",)  # where desktops mount disks
_TOPS = {
    "win32": ("/users", "/program files", "/program files (x86)", "/programdata"),
    "darwin": ("/usr", "/var", "/tmp", "/private", "/private/var", "/private/tmp", "/Users", "/Library"),  # noqa: S108
}
_TOPS_ELSEWHERE = ("/usr", "/var", "/tmp", "/home")  # noqa: S108
_HOME_PARTS = 3  # of the path of a home: `/`, `home`, the account
_HIDDEN_IN_HOME = {"win32": "AppData", "darwin": "Library"}


@dataclass(frozen=True, slots=True)
class RootPolicy:
    """Where files may be read.

    `configured` are absolute paths of directories. `local` is true on stdio; over HTTP it is false, and only what is
    configured may be read.
    """

    configured: tuple[str, ...]
    local: bool

    def reads_nothing(self, directory: str | None) -> bool:
        """Return whether no file may be read of this working directory, which shows without a look at the disk."""
        return not self.configured and (not self.local or not directory)


@dataclass(frozen=True, slots=True)
class Bounds:
    """A root, the directory inside it that relative paths start from, and other spellings of both.

    `root` and `directory` are resolved. `spellings` are pairs of (as written, resolved), the longest first.
    """

    root: str
    directory: str
    spellings: tuple[tuple[str, str], ...]


def find_bounds(directory: str | None, policy: RootPolicy) -> Bounds | None:
    """Return what a call may read; None for nothing. `directory` is `working_directory` as it was sent.

    Of nested configured roots the outermost counts, so that names stay the same below it.
    Raises RootRefused for a directory that may not be used, with one line that says what to send instead.
    """
    if policy.reads_nothing(directory):
        return None
    roots = _resolved(policy.configured)
    if not directory:
        return _bounds(roots[0], roots[0], roots) if len(policy.configured) == 1 and roots else None
    directory = _as_written(directory)
    if not Path(directory).is_absolute():
        tilde = " (`~` is not expanded)" if directory.startswith("~") else ""
        _refuse(f"'{shown(directory)}' is not an absolute path{tilde}", policy)
    start = (normalize_path(directory), resolve_path(directory) or "")
    around = [root for root in roots if path_below(start[1], root[1]) is not None]
    if policy.configured and not around:
        _refuse(f"'{shown(directory)}' lies outside the configured roots", policy)
    if not _is_directory(start[1]):
        _refuse(f"'{shown(directory)}' is not a directory that exists", policy)
    resolved = PurePath(start[1])
    if is_secret(resolved.parts) or lies_in_git_directory(Path(resolved.anchor), resolved.parts[1:]):
        _refuse(f"'{shown(directory)}' holds secrets or the data of version control", policy)
    if not policy.configured:
        _refuse_unsafe(start[1], policy)
    return _bounds(min(around, key=lambda root: len(root[1]), default=start), start, roots)


def _as_written(directory: str) -> str:
    """Return the directory that a text means: it may be a URI, or stand in quotation marks."""
    meant = (reading.path for reading in read_written(directory))
    return next((path for path in meant if Path(path).is_absolute() and _is_directory(path)), directory)


def _bounds(root: tuple[str, str], directory: tuple[str, str], roots: list[tuple[str, str]]) -> Bounds:
    named = {directory, root, *roots, (directory[1], directory[1]), (root[1], root[1])}
    inside = [pair for pair in named if path_below(pair[1], root[1]) is not None]
    return Bounds(root[1], directory[1], tuple(sorted(inside, key=lambda pair: (-len(pair[0]), pair))))


def _resolved(configured: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [(normalize_path(path), resolve_path(path)) for path in configured]
    return [(spelling, path) for spelling, path in pairs if path is not None and _is_directory(path)]


def _refuse(what: str, policy: RootPolicy) -> NoReturn:
    instead = "the full path of the project's directory"
    if policy.configured:
        instead = "one of these or a directory inside: " + ", ".join(shown(root, 400) for root in policy.configured)
    raise RootRefused(f"working_directory {what}. Send {instead}.")


def _refuse_unsafe(directory: str, policy: RootPolicy) -> None:
    """Refuse what cannot be a project: system directories, a home directory, what is hidden in it."""
    homes = _homes()
    # accounts of services, such as a build server's, have their home in a directory of the system
    is_own = any(path_below(directory, home) not in {None, "."} for home in (*homes, *_ALLOWED) if not _is_top(home))
    if _is_system(directory) and not is_own:
        _refuse(f"'{shown(directory)}' is a directory of the system", policy)
    for home in homes:
        below = path_below(directory, home)
        if below == ".":
            _refuse(f"'{shown(directory)}' is a home directory itself, too much to read", policy)
        first = PurePath(below).parts[0] if below else ""
        if first.startswith(".") or first == _HIDDEN_IN_HOME.get(sys.platform):
            _refuse(f"'{shown(directory)}' is hidden in a home directory", policy)


def _is_top(directory: str) -> bool:
    """Whether a directory has only a root above it: the home of an account such as `nobody` may be `/` itself."""
    return len(PurePath(directory).parts) < _HOME_PARTS


@lru_cache(maxsize=128)  # where a system keeps its directories does not change while a process runs
def _is_system(directory: str) -> bool:
    path = PurePath(directory)
    if path == path.parent:
        return True
    if sys.platform == "win32":
        directory = "/" + "/".join(path.parts[1:]).casefold()
    tops = _TOPS.get(sys.platform, _TOPS_ELSEWHERE)
    trees = _TREES.get(sys.platform, _TREES_ELSEWHERE)
    return directory in set(_spelled(tops)) or any(path_below(directory, tree) for tree in _spelled(trees))


def _spelled(paths: tuple[str, ...]) -> Iterator[str]:
    yield from paths
    if sys.platform != "win32":
        # some may be links, as /home is on FreeBSD
        yield from (path for path in map(resolve_path, paths) if path and path != "/")


def _homes() -> list[str]:
    homes: list[str | None] = []
    with suppress(RuntimeError):
        homes.append(resolve_path(str(Path.home())))
    if sys.platform != "win32":
        import pwd

        with suppress(KeyError):  # a container may run under a user id without an account
            homes.append(resolve_path(pwd.getpwuid(os.getuid()).pw_dir))
    return [home for home in homes if home]


def _is_directory(path: str) -> bool:
    try:
        return bool(path) and Path(path).is_dir()  # an empty path would mean the current directory
    except (OSError, ValueError):
        return False
