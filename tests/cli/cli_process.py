"""The installed command, as a person starts it."""

from pathlib import Path

from tests.support import processes
from tests.support.processes import SCRIPT, Ended, environment


def run(home: Path, *arguments: str, fresh: bool = False, **more: str) -> Ended:
    """Run a command in the home of a user, with `more` in the environment."""
    return processes.run([str(SCRIPT), *arguments], environment(home / "state", **more), home, fresh=fresh)
