"""Directories that are closed to the other users of the machine."""

from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Make a directory, and those above it that are missing, for this user alone: `Path.mkdir` closes the last only."""
    if not path.is_dir():
        make_private_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
