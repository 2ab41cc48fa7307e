"""Which files of the working directory differ from the last commit, which change often, and what changed lines last."""

from pathlib import PurePath

from stepwarden.inspections.context import InspectedPlace
from stepwarden.source.git import history
from stepwarden.source.git.command import GitFailed
from stepwarden.source.git.discovery import find_repositories
from stepwarden.source.git.repository import Repository

CHURN_DAYS = 365


def list_changed_files(context: InspectedPlace) -> tuple[str, ...]:
    """Return the files that are staged, changed or new since the last commit, by canonical names; () without git."""
    changed: dict[str, None] = {}
    for repository, prefix in _repositories(context):
        try:
            status = repository.status(until=context.until)
        except GitFailed:
            continue
        paths = (*status.staged, *status.unstaged, *status.untracked, *status.unmerged)
        changed.update(dict.fromkeys(name for path in paths if (name := _canonical(prefix, path))))
    return tuple(sorted(changed))


def count_commits(context: InspectedPlace) -> dict[str, int]:
    """Count the commits of the last year that touched each file, by canonical names; {} without git."""
    counted: dict[str, int] = {}
    for repository, prefix in _repositories(context):
        try:
            counts = history.count_commits(repository, CHURN_DAYS, until=context.until)
        except GitFailed:
            continue
        counted.update({name: commits for path, commits in counts.items() if (name := _canonical(prefix, path))})
    return counted


def last_commits(context: InspectedPlace, path: str, lines: tuple[int, int]) -> tuple[history.Commit, ...]:
    """Return the last commits that changed these lines of a file, the newest first; () where git cannot tell."""
    for repository, prefix in _repositories(context):
        inside = _in_repository(prefix, path)
        if not inside:
            continue
        try:
            return history.commits_of_lines(repository, inside, lines, until=context.until)
        except GitFailed:
            continue
    return ()


def _in_repository(prefix: str, path: str) -> str:
    """Return a canonical name as a path of the repository, "" where it is not in it."""
    if prefix.startswith(".."):
        return prefix.removeprefix("..") + path
    return path.removeprefix(prefix) if path.startswith(prefix) else ""


def _repositories(context: InspectedPlace) -> list[tuple[Repository, str]]:
    """Return the repositories at and below the working directory, each with the prefix of its paths in the root.

    Where the top lies above the root, the prefix is ".." followed by what has to be cut from its paths.
    """
    root, start = context.workspace.root, context.workspace.directory
    if root is None or start is None:
        return []
    try:
        found = find_repositories(context.reader.git, root, start, until=context.until)
    except GitFailed:
        return []
    return [(repository, _prefix(root, repository.top)) for repository in found.repositories]


def _prefix(root: str, top: str) -> str:
    base, place = PurePath(root), PurePath(top)
    if place.is_relative_to(base):
        inside = place.relative_to(base).as_posix()
        return "" if inside == "." else f"{inside}/"
    return f"..{base.relative_to(place).as_posix()}/" if base.is_relative_to(place) else ".."


def _canonical(prefix: str, path: str) -> str:
    """Return the canonical name of a repository's path, "" for a path outside the root."""
    if prefix.startswith(".."):
        cut = prefix.removeprefix("..")
        return path.removeprefix(cut) if cut and path.startswith(cut) else ""
    return prefix + path
