"""What changed in a repository between two states of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from stepwarden.source.git.change import WITHHELD, FileChange, parse_patch, parse_raw
from stepwarden.source.git.repository import Repository, literal

_DIFF = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--ignore-submodules=dirty",
    "-l2000",
    "--abbrev=64",
    "-z",
)
_PATCH = ("--patch", "--unified=0", "--inter-hunk-context=0", "--submodule=short", "--src-prefix=a/", "--dst-prefix=b/")
_MOST_EXCLUDED = 500  # files; as many fit on a command line with room to spare


@dataclass(frozen=True, slots=True)
class Comparison:
    """The two states that are compared: `base` (a commit; None: the index) and a later one.

    The later one is the work tree, with `staged` alone the index, with neither HEAD.
    """

    base: str | None
    staged: bool = True
    worktree: bool = True

    def arguments(self) -> list[str]:
        """Return the arguments of `git diff`."""
        if self.worktree:
            return [self.base] if self.base else ["-2"]  # of a conflict: compared with ours
        return ["--cached", self.base or "HEAD"] if self.staged else [self.base or "HEAD", "HEAD"]


def read_diff(
    repository: Repository, comparison: Comparison, *, until: float, unread: Iterable[str] = ()
) -> list[FileChange]:
    """Return what changed in tracked files. Files of `unread` are listed, but no line of them is read."""
    compared = comparison.arguments()
    raw = parse_raw(repository.run([*_DIFF, "--raw", *compared, *repository.pathspecs()], until=until))
    changes, secrets = _merge_conflicts(raw), set(unread)
    excluded = [name for change in changes for name in (change.path, change.before) if name in secrets]
    if len(excluded) > _MOST_EXCLUDED:
        return [replace(change, why="too many secret files in this change to read any of it") for change in changes]
    patch = repository.run([*_DIFF, *_PATCH, *compared, *repository.pathspecs(excluded)], until=until)
    return [
        replace(change, why=WITHHELD) if {change.path, change.before} & secrets else change
        for change in parse_patch(patch, changes)
    ]


def list_changes(repository: Repository, comparison: Comparison, *, until: float) -> list[FileChange]:
    """Return which files `read_diff` would return, without reading any of them."""
    arguments = [*_DIFF, "--raw", "--no-renames", *comparison.arguments(), *repository.pathspecs()]
    return _merge_conflicts(parse_raw(repository.run(arguments, until=until)))


def reread_as_text(
    repository: Repository, changes: Sequence[FileChange], comparison: Comparison, *, until: float
) -> list[FileChange]:
    """Read as text what `.gitattributes` declares binary; real binaries stay what they are."""
    names = [name for change in changes for name in (change.path, change.before) if name]
    patch = [*_DIFF, *_PATCH, "--text", *comparison.arguments(), *literal(names)]
    return parse_patch(repository.run(patch, until=until), list(changes))


def _merge_conflicts(changes: list[FileChange]) -> list[FileChange]:
    """Merge the two entries of a file in conflict into one, with the status U."""
    unmerged = {change.path for change in changes if change.status == "U"}
    others = [change for change in changes if change.status != "U"]
    listed = {change.path for change in others}
    alone = [change for change in changes if change.status == "U" and change.path not in listed]
    return [replace(change, status="U") if change.path in unmerged else change for change in others] + alone
