"""Canonical names of files: relative to the root, with forward slashes."""

from dataclasses import dataclass, field

from stepwarden.files.paths import is_usable, normalize_path, path_below, with_slashes


@dataclass(frozen=True, slots=True)
class CanonicalNames:
    """The names of files for one root; by letters alone, so a name reveals nothing of what exists.

    `root` and `directory` are resolved; `spellings` are pairs of (as written, resolved) of directories.
    """

    root: str | None
    directory: str | None
    spellings: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def of(self, path: str) -> str:
        """Return the canonical name of `path`, which may start from `directory`; absolute outside the root."""
        if not is_usable(path):
            return path
        if self.root is None or self.directory is None:
            return with_slashes(normalize_path(path))
        return self._relative_to_root(normalize_path(self.directory, path))

    def tidied(self, name: str) -> str:
        """Return what should be a canonical name already in its normal form; it never starts from `directory`."""
        if self.root is None or not is_usable(name):
            return name
        return self._relative_to_root(normalize_path(self.root, name))

    def _relative_to_root(self, path: str) -> str:
        for spelling, resolved in self.spellings:
            below = path_below(path, spelling)
            name = path_below(normalize_path(resolved, below), self.root or "") if below is not None else None
            if name is not None:
                return with_slashes(name)
        return with_slashes(path)
