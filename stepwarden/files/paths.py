"""Paths: normal forms, what lies inside what, where links lead, and how a path is shown in a note."""

import os
from pathlib import PurePath

PATH_CHARACTERS = 4096  # PATH_MAX of Linux; longer ones are refused before the disk is asked


def is_usable(path: str) -> bool:
    """Return whether the system can be asked for `path` at all: not empty or overlong, no NUL, encodable."""
    if not path or len(path) > PATH_CHARACTERS or "\0" in path:
        return False
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def normal(*parts: str) -> str:
    """Join `parts` as paths (an absolute one starts anew) and fold `.`, `..` and doubled separators."""
    path = os.path.normpath(PurePath(*parts))
    return path[1:] if os.sep == "/" and path.startswith("//") else path


def relative(path: str, base: str) -> str | None:
    """Return `path` seen from `base` (`.` for itself), both normal and absolute; None where it lies outside."""
    prefix = base if base.endswith(os.sep) else base + os.sep
    if os.path.normcase(path) == os.path.normcase(base):
        return "."
    if os.path.normcase(path).startswith(os.path.normcase(prefix)):
        return path[len(prefix) :]
    return None


def with_slashes(path: str) -> str:
    """Return `path` with forward slashes, whatever the system."""
    return path.replace(os.sep, "/")


def real(path: str) -> str | None:
    """Resolve every link of `path`, which need not exist; None where the system cannot be asked or links never end."""
    try:
        return normal(os.path.realpath(path)) if is_usable(path) else None
    except (OSError, ValueError, RecursionError):
        return None


def shown(text: str, limit: int = 120) -> str:
    """Return `text` fit for one line of a note: white space folded, unprintable characters replaced, cut at `limit`."""
    folded = " ".join(text[: limit * 8].split())
    cut = folded if len(folded) <= limit else folded[: limit - 1] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in cut)
