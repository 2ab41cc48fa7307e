"""What a child process takes over from our environment: named, and nothing else."""

import os
from collections.abc import Sequence


def inherited(names: Sequence[str]) -> dict[str, str]:
    """Return those of the variables that are set, as this process has them now."""
    return {name: os.environ[name] for name in names if name in os.environ}
