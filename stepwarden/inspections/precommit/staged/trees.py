"""The last commit, the index and the work tree of a repository, as three trees of files that differ in a few."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import scandir
from pathlib import Path
from posixpath import dirname
from typing import TYPE_CHECKING

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.files.secrets import is_secret
from stepwarden.source.git.diff import Comparison, list_changes
from stepwarden.source.git.repository import Repository, Status
from stepwarden.source.languages import language_of
from stepwarden.source.syntax import parse_syntax

if TYPE_CHECKING:
    from tree_sitter import Node

FileVersion = tuple[str, str]
"""A file's name, and the SHA-256 of its bytes."""
MOST_FILES = 150  # source files that differ between the trees: of a larger change nothing is told


@dataclass(frozen=True)
class Tree:
    """One state of a repository: the files that differ from the work tree, in `other`; None: not there.

    Trees of one repository share `roots`, what was parsed of them.
    """

    top: str
    other: Mapping[str, bytes | None] = field(default_factory=dict[str, bytes | None], repr=False)
    roots: dict[FileVersion, "Node | None"] = field(default_factory=dict[FileVersion, "Node | None"], repr=False)
    _versions: dict[str, FileVersion] = field(default_factory=dict[str, FileVersion], repr=False)

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, None where it is not there or may not be read."""
        if path in self.other:
            return self.other[path]
        if is_secret(path.split("/")) or path.startswith("../"):
            return None
        data = read_file(self.top, path)
        return None if isinstance(data, Unread) else data

    def has(self, path: str) -> bool:
        """Whether the tree has a file of this name."""
        return self.other[path] is not None if path in self.other else Path(self.top, path).is_file()

    def version(self, path: str) -> FileVersion:
        """Return the file with the digest of its bytes, "" where it is not there: the same in each tree that has it."""
        if path not in self._versions:
            data = self.read(path)
            digest = hashlib.sha256(data).hexdigest() if data is not None else ""
            self._versions[path] = (path, digest)
            if data is not None and (path, digest) not in self.roots:
                root = parse_syntax(path, data)
                self.roots[path, digest] = None if root is None or root.has_error else root
        return self._versions[path]

    def syntax(self, path: str) -> "Node | None":
        """Return the root of a file's syntax; None where it is not there or does not parse."""
        return self.roots.get(self.version(path))

    def files_in(self, directory: str, ending: str) -> list[str]:
        """Return the files of a directory whose names end so."""
        prefix = f"{directory}/" if directory else ""
        try:
            with scandir(Path(self.top, directory)) as entries:
                there = {f"{prefix}{entry.name}" for entry in entries if entry.name.endswith(ending)}
        except OSError:
            there = set[str]()
        there |= {path for path in self.other if dirname(path) == directory and path.endswith(ending)}
        return sorted(path for path in there if self.has(path))


@dataclass(frozen=True, slots=True)
class StagedTrees:
    """A repository before the change, as it is staged, and on disk; `paths` are the source files that differ."""

    before: Tree
    staged: Tree
    disk: Tree
    paths: tuple[str, ...]


def read_trees(repository: Repository, status: Status, *, until: float) -> StagedTrees | None:
    """Return the three trees; None where all that is changed is staged, or nothing, or too much."""
    if not (status.staged and status.head and (status.unstaged or status.untracked)) or status.unmerged:
        return None
    staged = list_changes(repository, Comparison(status.head, worktree=False), until=until)
    unstaged = list_changes(repository, Comparison(None, staged=False), until=until)
    index = {change.path: change.blob_before for change in unstaged}
    first = {change.path: change.blob_before for change in staged}
    index |= {change.path: change.blob for change in staged}
    index |= {path: "" for path in status.untracked if path not in index}
    both = {path: (first.get(path, blob), blob) for path, blob in index.items() if _is_read(path)}
    if not both or len(both) > MOST_FILES:
        return None
    blobs = repository.read_blobs([blob for pair in both.values() for blob in pair if blob], until=until)
    if any(blob not in blobs for pair in both.values() for blob in pair if blob):
        return None
    before = {path: blobs.get(pair[0]) for path, pair in both.items()}
    now = {path: blobs.get(pair[1]) for path, pair in both.items()}
    top = repository.top
    roots: dict[FileVersion, Node | None] = {}
    return StagedTrees(Tree(top, before, roots), Tree(top, now, roots), Tree(top, {}, roots), tuple(sorted(both)))


def _is_read(path: str) -> bool:
    return language_of(path) is not None and not is_secret(path.split("/")) and not path.endswith("/")
