"""What a child process inherits of our environment: the variables that are named, and no others."""

import os
from collections.abc import Sequence


def inherited(names: Sequence[str]) -> dict[str, str]:
    """Return the variables of these names that are set, with their present values."""
    return {name: os.environ[name] for name in names if name in os.environ}
