"""How often files of a repository changed, and what changed lines of them last."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from stepwarden.source.git.repository import Repository, literal

MOST_COMMITS = 10_000


def count_commits(repository: Repository, days: int = 180, *, until: float) -> dict[str, int]:
    """Count the commits of the last `days` that touched each file, of the newest 10,000; merges do not count."""
    log = ["log", "--no-merges", f"--since={days}.days.ago", f"--max-count={MOST_COMMITS}", "--format="]
    plain = ["--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "-z"]
    names = repository.run([*log, *plain, "HEAD", *repository.pathspecs()], until=until).split(b"\0")
    return dict(Counter(name.decode("utf-8", "surrogateescape") for name in names if name))


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its short id, its day (YYYY-MM-DD), and the first line of its message, as its author wrote it.

    `author` is the author's name where it was asked for.
    """

    id: str
    day: str
    subject: str
    author: str = ""


NOT_COMMITTED = Commit("0" * 9, "", "not committed yet")


def commits_of_lines(
    repository: Repository, path: str, lines: tuple[int, int], most: int = 3, *, until: float
) -> tuple[Commit, ...]:
    """Return the last commits that changed the lines `first` to `last` of a file as HEAD has it, the newest first.

    Raises GitFailed where HEAD has no such lines.
    """
    first, last = lines
    plain = ["--no-patch", "--no-ext-diff", "--no-textconv", f"--max-count={most}", "--format=%h%x00%as%x00%s"]
    output = repository.run(["log", *plain, f"-L{first},{last}:{path}", "HEAD"], until=until)
    rows = [line.split("\0") for line in output.decode("utf-8", "replace").splitlines()]
    return tuple(Commit(*row) for row in rows if len(row) == 3)


def last_commits_of(repository: Repository, path: str, most: int, *, until: float) -> tuple[Commit, ...]:
    """Return the last commits that touched a file or a directory, the newest first; "" is all of the repository."""
    log = ["log", "--no-patch", "--no-ext-diff", "--no-textconv", f"--max-count={most}", "--format=%h%x00%as%x00%s"]
    specs = literal([path]) if path else repository.pathspecs()
    output = repository.run([*log, "HEAD", *specs], until=until).decode("utf-8", "replace")
    rows = [line.split("\0") for line in output.splitlines()]
    return tuple(Commit(*row) for row in rows if len(row) == 3)


_BLAMED = re.compile(r"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?\Z")


def blame_lines(
    repository: Repository, path: str, lines: tuple[int, int], *, until: float
) -> Sequence[tuple[int, int, Commit]]:
    """Return (first, last, commit) for lines beside each other that one commit wrote, of a file as it is on disk.

    Raises GitFailed where it has no such lines, or is not tracked.
    """
    first, last = lines
    blame = ["blame", "--porcelain", "--no-textconv", "--ignore-revs-file="]
    output = repository.run([*blame, f"-L{first},{last}", "--", path], until=until)
    commits: dict[str, Commit] = {}
    rows = list[tuple[int, int, Commit]]()
    current, at = "", 0
    for line in output.decode("utf-8", "replace").split("\n"):
        word, _, value = line.partition(" ")
        if line.startswith("\t"):  # the line itself ends its entry
            commit = commits[current]
            if rows and rows[-1][1] == at - 1 and rows[-1][2].id == commit.id:
                rows[-1] = (rows[-1][0], at, commit)
            else:
                rows.append((at, at, commit))
        elif found := _BLAMED.match(line):
            current, at = found[1], int(found[2])
            short = current[:9]
            commits.setdefault(current, NOT_COMMITTED if not short.strip("0") else Commit(short, "", ""))
        elif commits.get(current, NOT_COMMITTED) is not NOT_COMMITTED:
            commits[current] = _with_header(commits[current], word, value)
    return rows


def _with_header(commit: Commit, word: str, value: str) -> Commit:
    match word:
        case "author":
            return replace(commit, author=value)
        case "author-time" if value.isdigit():
            return replace(commit, day=datetime.fromtimestamp(int(value), UTC).date().isoformat())
        case "summary":
            return replace(commit, subject=value)
        case _:
            return commit
