"""Opens regular files inside a root, without following links, or says why not."""

import errno
import os
import stat
import unicodedata
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from stepwarden.files.paths import is_usable, normalize_path, path_below, resolve_path, shown, with_slashes
from stepwarden.files.secret_contents import is_secret_content
from stepwarden.files.secrets import is_secret
from stepwarden.files.version_control import lies_in_git_directory
from stepwarden.steps.evidence import Verdict

FILE_BYTES = 8 * 1024 * 1024  # nobody quotes from a larger source file

_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_FILE: int = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# O_PATH needs only the permission to pass through a directory, not to list it.
_DIRECTORY: int = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _NO_FOLLOW


LINKED_ENTRIES = 2_000  # of a tree, looked at for the other names of a file
_INSTALLED = frozenset({"node_modules", "site-packages", "dist-packages", ".pnpm", ".venv", "venv"})


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a file was not read: the verdict on every quote from it, and a note for the reader."""

    verdict: Verdict
    note: str


# One value for both, so that it does not reveal what exists.
BARRED = Unread(
    Verdict.UNREACHABLE,
    "outside the directory that may be read, or secret (keys, credentials, version control): never read",
)
NO_ROOT = Unread(Verdict.UNREACHABLE, "no directory may be read here")
NO_NAME = Unread(Verdict.REFUTED, "no such file: this cannot be the name of one")
_DEAD_LINK = Unread(Verdict.UNREACHABLE, "a link that leads to no file, not followed")
_LINKED = Unread(Verdict.UNREACHABLE, "a hard link to a file outside the project, not read: copy the file instead")
_TOO_LARGE = Unread(Verdict.UNREACHABLE, f"larger than {FILE_BYTES // 1024**2} MiB, not read")


def measure_file(root: str, name: str) -> int | Unread:
    """Return the size in bytes of the regular file `name` (relative to `root`, or absolute) without opening it."""
    parts = locate_file(root, name)
    if isinstance(parts, Unread):
        return parts
    try:
        status = _status(root, parts)
        return _LINKED if _is_linked_from_outside(root, parts, status) else status.st_size
    except OSError as error:
        return _explain(error, name)


def read_file(root: str, name: str) -> bytes | Unread:
    """Return the content of the regular file `name` (relative to `root`, or absolute) of at most FILE_BYTES.

    Credentials that only their content shows are barred as those that their name shows.
    """
    parts = locate_file(root, name)
    if isinstance(parts, Unread):
        return parts
    try:
        with os.fdopen(open_inside(root, parts), "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > FILE_BYTES:
                return _TOO_LARGE
            if _is_linked_from_outside(root, parts, status):
                return _LINKED
            data = file.read(FILE_BYTES + 1)  # a file that is being written grows
    except OSError as error:
        return _explain(error, name)
    if len(data) > FILE_BYTES:
        return _TOO_LARGE
    return BARRED if is_secret_content(parts[-1], data) else data


def read_head(root: str, name: str, most: int) -> bytes | Unread:
    """Return the first `most` bytes of a regular file of any size, to tell what kind it is; not for showing."""
    parts = locate_file(root, name)
    if isinstance(parts, Unread):
        return parts
    try:
        with os.fdopen(open_inside(root, parts), "rb") as file:
            linked = _is_linked_from_outside(root, parts, os.fstat(file.fileno()))
            return _LINKED if linked else file.read(most)
    except OSError as error:
        return _explain(error, name)


def find_spelling(root: str, name: str) -> str | None:
    """Return the name by which the disk has the file or directory `name`, None where it has none that may be read.

    The same letters are stored in several forms of Unicode: macOS decomposes accents, most others compose them.
    """
    for form in dict.fromkeys((name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))):
        parts = locate_file(root, form)
        if not isinstance(parts, Unread) and os.path.lexists(Path(root, *parts)):
            return form
    return None if name.isascii() else _spelled_by_parts(root, name)


def _spelled_by_parts(root: str, name: str) -> str | None:
    """Find a name whose parts are stored in different forms, directory by directory."""
    if locate_file(root, name) is BARRED:
        return None
    found: list[str] = []
    for part in PurePath(name).parts:
        wanted = unicodedata.normalize("NFC", part)
        try:
            names = [part] if part.isascii() else [entry.name for entry in Path(root, *found).iterdir()]
        except OSError:
            return None
        spelled = next((one for one in names if unicodedata.normalize("NFC", one) == wanted), None)
        if spelled is None:
            return None
        found.append(spelled)
    parts = locate_file(root, "/".join(found))
    there = not isinstance(parts, Unread) and os.path.lexists(Path(root, *parts))
    return "/".join(found) if there else None


def _is_linked_from_outside(root: str, parts: Sequence[str], status: os.stat_result) -> bool:
    """Whether a file has another name that is not found below `root`, so that it may be anybody's.

    Installers link installed packages to their own caches (uv, pnpm): those are read. At most LINKED_ENTRIES
    entries are searched for the other names.
    """
    if status.st_nlink < 2 or not _INSTALLED.isdisjoint(parts):
        return False
    wanted = (status.st_dev, status.st_ino)
    missing, left = status.st_nlink, LINKED_ENTRIES
    near = Path(root, *parts).parent
    for top in dict.fromkeys((near, Path(root))):
        found = 0
        for directory, _, names in os.walk(top):
            left -= len(names)
            found += sum(_identity(Path(directory, name)) == wanted for name in names)
            if found >= missing:
                return False
            if left <= 0:
                return True
    return True


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def locate_file(root: str, name: str) -> tuple[str, ...] | Unread:
    """Resolve `name` to the parts of a path below `root` that has no links; () for `root` itself.

    The disk is not accessed for a name that is outside the root or secret by its letters alone.
    """
    path = normalize_path(root, name)
    if not is_usable(name) or not is_usable(path):
        return NO_NAME
    if path_below(path, root) is None or is_secret(PurePath(path).parts):
        return BARRED
    resolved = resolve_path(path)
    if resolved is None:
        return _DEAD_LINK
    inside = path_below(resolved, root)
    if inside is None or is_secret(PurePath(resolved).parts):
        return BARRED
    parts = PurePath(inside).parts
    return BARRED if lies_in_git_directory(Path(root), parts) else parts


def open_inside(root: str, parts: Sequence[str]) -> int:
    """Open the regular file at `parts` below `root` for reading; return its descriptor, which the caller closes.

    No link is followed, not even at `root` itself, so a part that became a link since it was resolved leads nowhere.
    Raises OSError, with EISDIR for a directory and ENODEV for a device or the like.
    """
    if not _can_walk():
        return _open_by_path(str(Path(root, *parts)))
    with _parent(root, parts) as parent:
        # checked first: opening a device may already have an effect
        _require_regular(os.stat(_last(parts), dir_fd=parent, follow_symlinks=False))
        return _require_file(os.open(_last(parts), _FILE, dir_fd=parent))


def _can_walk() -> bool:
    return os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd


def _open_by_path(path: str) -> int:
    """Open `path` where the system has no `dir_fd` (Windows): links are checked for before and after."""
    _require_regular(os.lstat(path))
    descriptor = _require_file(os.open(path, _FILE))
    if resolve_path(path) != path:
        os.close(descriptor)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return descriptor


def _status(root: str, parts: Sequence[str]) -> os.stat_result:
    if not _can_walk():
        status = os.lstat(Path(root, *parts))
    else:
        with _parent(root, parts) as parent:
            status = os.stat(_last(parts), dir_fd=parent, follow_symlinks=False)
    _require_regular(status)
    return status


@contextmanager
def _parent(root: str, parts: Sequence[str]) -> Generator[int, None, None]:
    """Open the directory of the last of `parts`, one part at a time, and close it at the end."""
    descriptor = os.open(root, _DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _last(parts: Sequence[str]) -> str:
    return parts[-1] if parts else "."


def _require_file(descriptor: int) -> int:
    """Return the descriptor of a regular file; of anything else, close it and raise OSError."""
    try:
        _require_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _require_regular(status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    code = errno.EISDIR if stat.S_ISDIR(mode) else errno.ELOOP if stat.S_ISLNK(mode) else errno.ENODEV
    raise OSError(code, os.strerror(code))


def _explain(error: OSError, name: str) -> Unread:
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}:
        parent = with_slashes(str(PurePath(name).parent))
        where = "the root" if parent == "." else f"'{shown(parent)}'"
        return Unread(Verdict.REFUTED, f"no such file in {where}")
    if error.errno == errno.EISDIR:
        return Unread(Verdict.REFUTED, "is a directory, quote a file")
    if error.errno == errno.ENODEV:
        return Unread(Verdict.REFUTED, "not a regular file")
    if error.errno == errno.ELOOP:
        return _DEAD_LINK
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Unread(Verdict.UNREACHABLE, "permission to read it is denied")
    return Unread(Verdict.UNREACHABLE, f"cannot be read: {error.strerror}")
