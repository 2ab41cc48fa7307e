"""How often files of a repository changed, and what changed lines of them last."""

from collections import Counter
from dataclasses import dataclass

from stepwarden.source.git.repository import Repository

MOST_COMMITS = 10_000


def count_commits(repository: Repository, days: int = 180, *, until: float) -> dict[str, int]:
    """Count the commits of the last `days` that touched each file, of the newest 10,000; merges do not count."""
    log = ["log", "--no-merges", f"--since={days}.days.ago", f"--max-count={MOST_COMMITS}", "--format="]
    plain = ["--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "-z"]
    names = repository.run([*log, *plain, "HEAD", *repository.pathspecs()], until=until).split(b"\0")
    return dict(Counter(name.decode("utf-8", "surrogateescape") for name in names if name))


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its short id, its day (YYYY-MM-DD), and the first line of its message, as its author wrote it."""

    id: str
    day: str
    subject: str


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
