"""Which files a project consists of: those that git's ignore rules leave, in a repository or not."""

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stepwarden.files.paths import relative, with_slashes
from stepwarden.source.git import Repository
from stepwarden.source.hardened import Git, GitFailed, GitPlace, GitSlow
from stepwarden.source.repositories import enclosing, git_dir_of

NAMES = 150_000  # of one listing
NESTED = 50  # repositories inside others
ENTRIES = 1_000_000  # that a walk without git looks at

# Where there is no git to ask what is ignored.
_PASSED_OVER = frozenset(
    {"node_modules", "bower_components", "venv", "__pycache__", "site-packages", "target", "build", "dist", "coverage"}
)
_HEAD = "ref: refs/heads/none\n"
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"


@dataclass(frozen=True, slots=True)
class Listing:
    """Names of files, relative to the root they were listed for; `cut` says that there are more.

    `by_rule` is false where git could not be asked, so that no ignore rule was applied.
    """

    names: tuple[str, ...]
    cut: bool = False
    by_rule: bool = True


def make_blank(directory: Path) -> str:
    """Make a git directory without anything in it, by which git lists files that are in no repository."""
    (directory / "objects").mkdir(parents=True, exist_ok=True)
    (directory / "refs").mkdir(exist_ok=True)
    (directory / "HEAD").write_text(_HEAD)
    (directory / "config").write_text(_CONFIG)
    return str(directory)


def list_files(git: Git | None, blank: str, root: str, under: str, *, until: float) -> Listing:
    """List the files below `under`, a directory relative to `root` ("" for all), sorted.

    Raises GitSlow where git does not answer in time.
    """
    directory = str(Path(root) / under) if under else root
    if git is None:
        names = list(_walk(directory, until))
        listing = Listing(tuple(names), len(names) >= NAMES, by_rule=False)
    else:
        listing = _listed(git, blank, root, directory, until)
    prefix = f"{under}/" if under else ""
    names = sorted(prefix + name for name in listing.names)
    return Listing(tuple(names[:NAMES]), listing.cut or len(names) > NAMES, listing.by_rule)


def _listed(git: Git, blank: str, root: str, directory: str, until: float) -> Listing:
    """List by git; names are relative to `directory`."""
    names: list[str] = []
    cut = False
    waiting, seen = [directory], 0
    while waiting and seen <= NESTED and len(names) < NAMES:
        place, seen = waiting.pop(0), seen + 1
        found, more = _of_one(git, blank, root, place, until)
        cut = cut or more
        above = with_slashes(relative(place, directory) or "")
        prefix = "" if above == "." else f"{above}/"
        for name in found:
            if name.endswith("/") or _is_directory(place, name):
                waiting.append(str(Path(place) / name))
            else:
                names.append(prefix + name)
    return Listing(tuple(names), cut or bool(waiting))


def _of_one(git: Git, blank: str, root: str, directory: str, until: float) -> tuple[tuple[str, ...], bool]:
    """List what one repository, or none, has in `directory`, relative to it; other repositories as directories."""
    top = enclosing(directory)
    if top is not None:
        within = with_slashes(relative(directory, top) or "")
        under = "" if within == "." else within
        try:
            repository = Repository.at(git, top, git_dir_of(top, root), until=until)
            found, cut = repository.listed(under, until=until)
        except GitSlow:
            raise
        except (GitFailed, OSError):
            found, cut = (), False  # broken: its files are there all the same
        if found:
            prefix = f"{under}/" if under else ""
            return tuple(name.removeprefix(prefix) for name in found), cut
    # No repository, or one that ignores this directory as a whole.
    output = git.run(
        GitPlace(blank, directory),
        ["ls-files", "-z", "--others", "--exclude-standard"],
        until=until,
    )
    names = output.data.split(b"\0")[:-1]
    return tuple(name.decode("utf-8", "surrogateescape") for name in names), output.cut


def _is_directory(place: str, name: str) -> bool:
    """Whether a listed name is that of a submodule's directory."""
    try:
        return stat.S_ISDIR(os.lstat(f"{place}/{name}").st_mode)
    except OSError:
        return False


def _walk(directory: str, until: float) -> Iterator[str]:
    """Return the files below `directory`, without what is hidden and what is commonly ignored; follows no link."""
    waiting, left, given = [""], ENTRIES, 0
    while waiting and left > 0 and given < NAMES and time.monotonic() < until:
        here = waiting.pop()
        try:
            with os.scandir(f"{directory}/{here}") as scanned:
                entries = sorted(scanned, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            left -= 1
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(".") and entry.name not in _PASSED_OVER:
                    waiting.append(f"{here}{entry.name}/")
            else:
                given += 1
                yield f"{here}{entry.name}"
