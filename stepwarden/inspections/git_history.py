"""What git tells of the working directory: which files differ from the last commit, and which changed often."""

from pathlib import PurePath

from stepwarden.inspections.context import InspectionContext
from stepwarden.source.git import Repository
from stepwarden.source.hardened import GitFailed
from stepwarden.source.repositories import find_repositories

CHURN_DAYS = 365


def changed_files(scene: InspectionContext) -> tuple[str, ...]:
    """Return the files staged, changed or new since the last commit, by their canonical names; () without git."""
    changed: dict[str, None] = {}
    for repository, prefix in _repositories(scene):
        try:
            status = repository.status(until=scene.until)
        except GitFailed:
            continue
        paths = (*status.staged, *status.unstaged, *status.untracked, *status.unmerged)
        changed.update(dict.fromkeys(name for path in paths if (name := _named(prefix, path))))
    return tuple(sorted(changed))


def churn(scene: InspectionContext) -> dict[str, int]:
    """Count the commits of the last year that touched each file, by canonical names; {} without git."""
    counted: dict[str, int] = {}
    for repository, prefix in _repositories(scene):
        try:
            counts = repository.churn(CHURN_DAYS, until=scene.until)
        except GitFailed:
            continue
        counted.update({name: times for path, times in counts.items() if (name := _named(prefix, path))})
    return counted


def _repositories(scene: InspectionContext) -> list[tuple[Repository, str]]:
    """Return the repositories at and below the working directory, each with what its paths stand below in the root.

    One whose top lies above the root has a prefix like "..", with what has to be cut from its paths after it.
    """
    root, start = scene.workspace.root, scene.workspace.directory
    if root is None or start is None:
        return []
    try:
        found = find_repositories(scene.reader.git, root, start, until=scene.until)
    except GitFailed:
        return []
    return [(repository, _prefix(root, repository.top)) for repository in found.repositories]


def _prefix(root: str, top: str) -> str:
    base, place = PurePath(root), PurePath(top)
    if place.is_relative_to(base):
        inside = place.relative_to(base).as_posix()
        return "" if inside == "." else f"{inside}/"
    return f"..{base.relative_to(place).as_posix()}/" if base.is_relative_to(place) else ".."


def _named(prefix: str, path: str) -> str:
    """Return the canonical name of a repository's path, "" for one outside the root."""
    if prefix.startswith(".."):
        cut = prefix.removeprefix("..")
        return path.removeprefix(cut) if cut and path.startswith(cut) else ""
    return prefix + path
