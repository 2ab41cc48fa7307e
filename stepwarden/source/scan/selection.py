"""Which files a scan reads: listed below its paths, then sorted by status and language; none is opened."""

import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath

from stepwarden.files.secrets import SecretNames
from stepwarden.files.version_control import git_directories_among, lies_in_git_directory
from stepwarden.source.file_parser import READ_BYTES
from stepwarden.source.git.command import Git, GitSlow
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language
from stepwarden.source.scan.directory_index import DirectoryIndex, EntryKind
from stepwarden.source.scan.file_list import list_files, make_empty_git_dir
from stepwarden.source.scan.result import Omissions

MOST_SOURCES = 25_000  # files that one scan outlines

NOT_IN_TIME = "not read in time"
_TOO_MANY = f"more than {MOST_SOURCES} source files: send paths"
LIST_CUT = "more files than are listed: send paths"
NOT_LISTED = "not listed in time"
INCOMPLETE = frozenset({NOT_IN_TIME, NOT_LISTED, _TOO_MANY, LIST_CUT})
"""The reasons that make a scan incomplete."""
_SECRET = "secret by its name"  # noqa: S105 - a reason
_TOO_LARGE = f"larger than {READ_BYTES // 1024**2} MiB"
_NOT_REGULAR = "a link, a device or not a file"
_NO_GIT = "git is not installed: ignore rules were not applied"


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of a scan: `sources` with their status, and readable files in `others` languages."""

    sources: dict[str, os.stat_result] = field(default_factory=dict[str, os.stat_result])
    others: list[str] = field(default_factory=list[str])


class FileLister:
    """Lists the files of roots by git's ignore rules, also where there is no repository."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._empty_git_dir: str | None = None

    @cached_property
    def git(self) -> Git | None:
        """The git program, None where there is none."""
        return Git.find()

    def list_names(self, tree: DirectoryIndex, paths: Sequence[str], omissions: Omissions, until: float) -> list[str]:
        """Return the files at and below `paths` (none: all of `tree`), each once, sorted."""
        names: dict[str, None] = {}
        for path in dict.fromkeys(paths) or {"": None}:
            under = "" if path in {"", "."} else path.strip("/")
            if not _is_inside(under):
                omissions.add("outside the root", path)
            elif under and tree.kind(under) is not EntryKind.DIRECTORY:
                names[under] = None
            else:
                names.update(dict.fromkeys(self._names_below(tree, under, omissions, until)))
        return sorted(names)

    def close(self) -> None:
        """Delete what was made to list files."""
        with self._lock:
            directory, self._empty_git_dir = self._empty_git_dir, None
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)

    def _names_below(self, tree: DirectoryIndex, under: str, omissions: Omissions, until: float) -> Sequence[str]:
        try:
            listing = list_files(self.git, self._empty(), tree, under, until=until)
        except GitSlow:
            omissions.add(NOT_LISTED, under or ".")
            return ()
        if listing.cut:
            omissions.add(LIST_CUT, under or ".")
        if not listing.ignore_rules:
            omissions.add(_NO_GIT, under or ".", 0)
        return listing.names

    def _empty(self) -> str:
        with self._lock:
            if self._empty_git_dir is None:
                self._empty_git_dir = make_empty_git_dir(Path(tempfile.mkdtemp(prefix="stepwarden-")))
            return self._empty_git_dir


def select_files(
    tree: DirectoryIndex, names: Sequence[str], languages: Collection[Language] | None, omissions: Omissions
) -> Selection:
    """Sort the readable files into sources and others; sources not in `languages` are passed over."""
    selection, root = Selection(), Path(tree.root)
    secret_names = SecretNames()
    git_directories = tuple(f"{name}/" if name else "" for name in git_directories_among(root, names))
    for name in names:
        if git_directories and name.startswith(git_directories) and lies_in_git_directory(root, name.split("/")):
            continue  # not the project's, and not worth telling
        language = language_of(name)
        if language is not None and languages is not None and language not in languages:
            continue
        kind = tree.kind(name)
        if kind is None:
            continue  # gone since it was listed
        if name in secret_names:
            omissions.add(_SECRET, name)
        elif kind is not EntryKind.FILE:
            omissions.add(_NOT_REGULAR, name)
        elif language is None:
            selection.others.append(name)
        else:
            _select_source(selection, tree.root, name, omissions)
    return selection


def _select_source(selection: Selection, root: str, name: str, omissions: Omissions) -> None:
    try:
        status = os.lstat(f"{root}/{name}")
    except OSError:
        return  # gone since its directory was listed
    if not stat.S_ISREG(status.st_mode):
        omissions.add(_NOT_REGULAR, name)
    elif status.st_size > READ_BYTES:
        omissions.add(_TOO_LARGE, name)
    elif len(selection.sources) >= MOST_SOURCES:
        omissions.add(_TOO_MANY, name)
    else:
        selection.sources[name] = status


def _is_inside(path: str) -> bool:
    pure = PurePath(path)
    return not pure.is_absolute() and ".." not in pure.parts and "\0" not in path
