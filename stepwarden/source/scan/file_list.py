"""The files of a project: those that git's ignore rules leave, in a repository or not."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stepwarden.files.paths import path_below, with_slashes
from stepwarden.source.git.command import Git, GitFailed, GitPlace, GitSlow
from stepwarden.source.git.discovery import enclosing, git_dir_of
from stepwarden.source.git.repository import Repository
from stepwarden.source.scan.directory_index import DirectoryIndex, EntryKind

MOST_NAMES = 150_000  # of one listing
MOST_NESTED = 50  # repositories inside others
MOST_ENTRIES = 1_000_000  # of directories, in a walk without git

# Skipped where git is not installed, so that ignore rules cannot be asked for.
_SKIPPED = frozenset(
    {"node_modules", "bower_components", "venv", "__pycache__", "site-packages", "target", "build", "dist", "coverage"}
)
_EMPTY_HEAD = "ref: refs/heads/none\n"
_EMPTY_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"


@dataclass(frozen=True, slots=True)
class Listing:
    """Names of files, relative to the root they were listed for; `cut` says that there are more.

    `ignore_rules` is false where git is not installed, so that no ignore rules were applied.
    """

    names: tuple[str, ...]
    cut: bool = False
    ignore_rules: bool = True


def make_empty_git_dir(directory: Path) -> str:
    """Make an empty git directory, with which git lists files that are in no repository; return its path."""
    (directory / "objects").mkdir(parents=True, exist_ok=True)
    (directory / "refs").mkdir(exist_ok=True)
    (directory / "HEAD").write_text(_EMPTY_HEAD)
    (directory / "config").write_text(_EMPTY_CONFIG)
    return str(directory)


def list_files(git: Git | None, empty_git_dir: str, tree: DirectoryIndex, under: str, *, until: float) -> Listing:
    """List the files below `under`, a directory relative to the root of `tree` ("" for all), sorted.

    Raises GitSlow where git does not answer in time.
    """
    directory = str(Path(tree.root) / under) if under else tree.root
    if git is None:
        names = list(_walk(directory, until))
        listing = Listing(tuple(names), len(names) >= MOST_NAMES, ignore_rules=False)
    else:
        listing = _list_with_git(git, empty_git_dir, tree, directory, until)
    prefix = f"{under}/" if under else ""
    names = sorted(prefix + name for name in listing.names)
    return Listing(tuple(names[:MOST_NAMES]), listing.cut or len(names) > MOST_NAMES, listing.ignore_rules)


def _list_with_git(git: Git, empty_git_dir: str, tree: DirectoryIndex, directory: str, until: float) -> Listing:
    """List a directory and the repositories inside it; names are relative to it."""
    names: list[str] = []
    cut = False
    waiting, count = [directory], 0
    while waiting and count <= MOST_NESTED and len(names) < MOST_NAMES:
        place, count = waiting.pop(0), count + 1
        found, more = _list_directory(git, GitPlace(empty_git_dir, place), tree.root, place, until)
        cut = cut or more
        prefix, below_root = _prefix(place, directory), _prefix(place, tree.root)
        for name in found:
            if name.endswith("/") or tree.kind(below_root + name) is EntryKind.DIRECTORY:  # a submodule has no slash
                waiting.append(str(Path(place) / name))
            else:
                names.append(prefix + name)
    return Listing(tuple(names), cut or bool(waiting))


def _list_directory(
    git: Git, outside: GitPlace, root: str, directory: str, until: float
) -> tuple[tuple[str, ...], bool]:
    """List one directory, relative to it; repositories inside are listed as directories.

    `outside` is where git lists it if it is in no repository.
    """
    top = enclosing(directory)
    if top is not None:
        found, cut = _list_in_repository(git, top, directory, root, until)
        if found:
            return found, cut
    # No repository, or one that ignores this directory as a whole.
    output = git.run(outside, ["ls-files", "-z", "--others", "--exclude-standard"], until=until)
    names = output.data.split(b"\0")[:-1]
    return tuple(name.decode("utf-8", "surrogateescape") for name in names), output.cut


def _list_in_repository(git: Git, top: str, directory: str, root: str, until: float) -> tuple[tuple[str, ...], bool]:
    """List a directory of the repository at `top`; nothing where the repository is broken. Raises GitSlow."""
    within = with_slashes(path_below(directory, top) or "")
    under = "" if within == "." else within
    try:
        repository = Repository.open(git, top, git_dir_of(top, root), until=until)
        found, cut = repository.list_files(under, until=until)
    except GitSlow:
        raise
    except (GitFailed, OSError):
        return (), False
    prefix = f"{under}/" if under else ""
    return tuple(name.removeprefix(prefix) for name in found), cut


def _prefix(place: str, directory: str) -> str:
    """Return what comes before the names of a place in `directory`: "" where it is the directory itself."""
    above = with_slashes(path_below(place, directory) or "")
    return "" if above == "." else f"{above}/"


def _walk(directory: str, until: float) -> Iterator[str]:
    """Return the files below `directory`, without hidden and commonly ignored directories; follows no link."""
    waiting, left, count = [""], MOST_ENTRIES, 0
    while waiting and left > 0 and count < MOST_NAMES and time.monotonic() < until:
        here = waiting.pop()
        try:
            with os.scandir(f"{directory}/{here}") as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            left -= 1
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(".") and entry.name not in _SKIPPED:
                    waiting.append(f"{here}{entry.name}/")
            else:
                count += 1
                yield f"{here}{entry.name}"
