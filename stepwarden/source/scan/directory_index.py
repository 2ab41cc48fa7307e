"""What lies in the directories of a tree: each directory is looked at once, instead of each of its files."""

import os
import stat
from collections.abc import Mapping
from enum import Enum
from itertools import islice

MOST_LISTED = 20_000  # entries of a directory; in a larger one, what is asked for is looked at one by one


class EntryKind(Enum):
    """What a path is: a link is not followed, and whatever lies below one is a link too."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    OTHER = "other"  # a device, a socket, a pipe


class DirectoryIndex:
    """The entries of the directories below `root`, as they are when first asked for."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._listed: dict[str, Mapping[str, EntryKind] | None] = {}

    def kind(self, name: str) -> EntryKind | None:
        """Return what is at a slash path relative to the root, None where there is nothing."""
        directory, _, last = name.rpartition("/")
        if directory not in self._listed:
            self._listed[directory] = self._list(directory)
        entries = self._listed[directory]
        if entries is None:
            return EntryKind.LINK
        return entries.get(last) or self._look_at(name)  # a file system may know a name in several spellings

    def _list(self, directory: str) -> Mapping[str, EntryKind] | None:
        """Return the entries of a directory by name, None where it is reached through a link."""
        if directory and self.kind(directory) is EntryKind.LINK:
            return None
        try:
            with os.scandir(f"{self.root}/{directory}") as scanned:
                entries = {entry.name: _kind_of(entry) for entry in islice(scanned, MOST_LISTED + 1)}
        except (OSError, ValueError):
            return {}
        return entries if len(entries) <= MOST_LISTED else {}

    def _look_at(self, name: str) -> EntryKind | None:
        try:
            mode = os.lstat(f"{self.root}/{name}").st_mode
        except (OSError, ValueError):
            return None
        if stat.S_ISREG(mode):
            return EntryKind.FILE
        if stat.S_ISLNK(mode):
            return EntryKind.LINK
        return EntryKind.DIRECTORY if stat.S_ISDIR(mode) else EntryKind.OTHER


def _kind_of(entry: os.DirEntry[str]) -> EntryKind:
    """Return what an entry is; on usual file systems the directory itself says so."""
    if entry.is_file(follow_symlinks=False):
        return EntryKind.FILE
    if entry.is_dir(follow_symlinks=False):
        return EntryKind.DIRECTORY
    return EntryKind.LINK if entry.is_symlink() else EntryKind.OTHER
