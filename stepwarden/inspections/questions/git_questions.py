"""Questions about the history of a working directory: how it stands, what changed, who changed which lines."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from stepwarden.files.paths import shown
from stepwarden.files.safe_open import Unread, measure_file
from stepwarden.files.secrets import is_secret
from stepwarden.files.text import split_lines
from stepwarden.inspections.context import CannotInspect, InspectedPlace
from stepwarden.inspections.precommit.changeset import ChangeSet, ComparisonRequest, name_in_root
from stepwarden.inspections.precommit.inspector import read_all
from stepwarden.inspections.shared.fact_text import count
from stepwarden.inspections.shared.subject import read_text
from stepwarden.source.git import history
from stepwarden.source.git.change import FileChange
from stepwarden.source.git.discovery import find_repositories
from stepwarden.source.git.repository import Repository

MOST_COMMITS = 30
MOST_NAMES = 60  # of one kind in a status
MOST_DIFF_LINES = 400
MOST_BLAMED = 200  # lines, where no last one is named
LINE_CHARACTERS = 300


def tell_status(place: InspectedPlace) -> str:
    """Return the branch of each repository here, and which files differ from the last commit. Raises GitFailed."""
    return "\n".join(line for repository in _repositories(place) for line in _status_lines(place, repository))


def _status_lines(place: InspectedPlace, repository: Repository) -> Iterator[str]:
    status = repository.status(until=place.until)
    yield f"{_name_of(place, repository)}: branch {status.branch or 'none'}, last commit {status.head[:9] or 'none'}"
    for word in ("unmerged", "staged", "unstaged", "untracked"):
        names = [name for path in getattr(status, word) if (name := name_in_root(place.root, repository.top, path))]
        if names:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            yield f"{word}: {', '.join(names[:MOST_NAMES])}{more}"


def tell_changes(place: InspectedPlace, path: str, compare_to: str) -> str:
    """Return the changed lines since a ref, or the last commit for "", of all files or of those at or below `path`.

    Files with secrets are named and not shown. Raises GitFailed for an unknown ref.
    """
    parts = read_changes(place, compare_to)
    wanted = _wanted(place, path)
    files = [change for part in parts for change in part.files if _is_below(change.path, wanted)]
    lines = [line for change in files for line in _diff_lines(change)]
    against = ", ".join(dict.fromkeys(part.against for part in parts))
    more = [f"[{len(lines) - MOST_DIFF_LINES} more lines: name a path]"] if len(lines) > MOST_DIFF_LINES else []
    return "\n".join([f"{count(len(files), 'file')} changed since {against}", *lines[:MOST_DIFF_LINES], *more])


def read_changes(place: InspectedPlace, compare_to: str) -> list[ChangeSet]:
    """Return what changed in each repository here. Raises GitFailed."""
    parts, _ = read_all(_repositories(place), place.root, ComparisonRequest(compare_to.strip()), place.until)
    return parts


def _diff_lines(change: FileChange) -> Iterator[str]:
    size = change.why or ("binary" if change.binary else f"+{change.lines_added} -{change.lines_removed}")
    yield f"{change.status} {change.path}{f' (was {change.before})' if change.before else ''}: {size}"
    added, removed = dict(change.added), dict(change.removed)
    for hunk in change.hunks:
        yield f"@@ -{hunk.line_before},{hunk.before} +{hunk.line},{hunk.after} @@"
        yield from _lines(removed, hunk.line_before, hunk.before, "-")
        yield from _lines(added, hunk.line, hunk.after, "+")


def _lines(known: dict[int, str], first: int, number: int, mark: str) -> Iterator[str]:
    found = ((line, known[line]) for line in range(first, first + min(number, MOST_DIFF_LINES)) if line in known)
    return (f"{mark}{text[:LINE_CHARACTERS]}" for _, text in found)


def tell_log(place: InspectedPlace, path: str, lines: tuple[int, int] | None) -> str:
    """Return the last commits, the newest first: of all, of a path, or of lines of a file. Raises GitFailed."""
    if lines is not None:
        repository, inside = _file_of(place, path)
        found = history.commits_of_lines(repository, inside, lines, MOST_COMMITS, until=place.until)
        return "\n".join(map(_said, found)) or "No commit changed these lines."
    wanted = _wanted(place, path)
    told: list[str] = []
    for repository in _repositories(place):
        inside = _inside(place, repository, wanted)
        if inside is not None:
            found = history.last_commits_of(repository, inside, MOST_COMMITS, until=place.until)
            told += map(_said, found)
    return "\n".join(told[:MOST_COMMITS]) or "No commit is seen here."


def tell_blame(place: InspectedPlace, path: str, lines: tuple[int, int]) -> str:
    """Return which commit each of these lines of a file is from, one row for lines beside each other."""
    repository, inside = _file_of(place, path)
    text = read_text(place, place.workspace.canonical(path[:1_000])) or ""
    first, end = lines[0], min(lines[1], max(1, len(split_lines(text))))
    rows = history.blame_lines(repository, inside, (first, max(first, end)), until=place.until)
    return "\n".join(
        f"{first}-{last} {commit.id} {commit.day} {_plain(commit.author, 40)}: {_plain(commit.subject, 100)}"
        for first, last, commit in rows
    )


def _said(commit: history.Commit) -> str:
    return f"{commit.id} {commit.day} {_plain(commit.subject, 120)}"


def _plain(text: str, most: int) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:most]


def _repositories(place: InspectedPlace) -> Sequence[Repository]:
    directory = place.workspace.directory or ""
    return find_repositories(place.reader.git, place.root, directory, until=place.until).repositories


def _name_of(place: InspectedPlace, repository: Repository) -> str:
    return name_in_root(place.root, repository.top, ".") or "the repository around the working directory"


def _wanted(place: InspectedPlace, path: str) -> str:
    return place.directory if path.strip() in {"", "."} else place.workspace.canonical(path[:1_000])


def _is_below(name: str, wanted: str) -> bool:
    return wanted in {"", ".", name} or name.startswith(f"{wanted.rstrip('/')}/")


def _inside(place: InspectedPlace, repository: Repository, wanted: str) -> str | None:
    """Return a canonical name as a path of a repository, "" for all of it; None where it is not in it."""
    root, top = PurePosixPath(place.root.replace("\\", "/")), PurePosixPath(repository.top.replace("\\", "/"))
    full = root / wanted if wanted not in {"", "."} else root
    if full.is_relative_to(top):
        inside = full.relative_to(top).as_posix()
        return "" if inside == "." else inside
    return "" if top.is_relative_to(full) else None


def _file_of(place: InspectedPlace, path: str) -> tuple[Repository, str]:
    """Return the repository of a file that may be read, and its path there. Raises CannotInspect."""
    name = place.workspace.canonical(path[:1_000])
    if is_secret(name.split("/")) or isinstance(measure_file(place.root, name), Unread):
        raise CannotInspect(f"{shown(path, 80)} is no file that may be read here.")
    for repository in _repositories(place):
        if inside := _inside(place, repository, name):
            return repository, inside
    raise CannotInspect(f"{shown(path, 80)} is in no git repository.")
