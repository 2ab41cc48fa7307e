"""How often files of a repository changed."""

from collections import Counter

from stepwarden.source.git.repository import Repository

MOST_COMMITS = 10_000


def count_commits(repository: Repository, days: int = 180, *, until: float) -> dict[str, int]:
    """Count the commits of the last `days` that touched each file, of the newest 10,000; merges do not count."""
    log = ["log", "--no-merges", f"--since={days}.days.ago", f"--max-count={MOST_COMMITS}", "--format="]
    plain = ["--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "-z"]
    names = repository.run([*log, *plain, "HEAD", *repository.pathspecs()], until=until).split(b"\0")
    return dict(Counter(name.decode("utf-8", "surrogateescape") for name in names if name))
