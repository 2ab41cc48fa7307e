"""The environment of this process as it was when the settings were read."""

import os
from collections.abc import Mapping


class Environment:
    """Variables by their names, in any case; an empty one counts as not set.

    Model providers declare their own variables (`providers/profiles.py`) and look them up here. No representation shows
    a value.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.upper(): value for name, value in values.items() if value.strip()}

    def get(self, name: str) -> str | None:
        """Return the value of a variable without blanks round it, None where it is not set."""
        value = self._values.get(name.upper())
        return None if value is None else value.strip()

    def starting_with(self, prefix: str) -> list[str]:
        """Return the names of the variables that begin with `prefix`, sorted."""
        return sorted(name for name in self._values if name.startswith(prefix.upper()))


def read_environment() -> Environment:
    """Return the environment as it is now."""
    return Environment(os.environ)
