"""How much memory this process has."""


def used_mb() -> float:
    """Return the resident memory of this process in MB."""
    import psutil  # only where a run has a limit of memory: a start does not feel it

    return psutil.Process().memory_info().rss / 1_000_000
