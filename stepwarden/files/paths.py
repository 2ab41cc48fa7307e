"""Paths: normal forms, containment, links, and how a path is shown in a note."""

import os

PATH_CHARACTERS = 4096  # PATH_MAX of Linux; longer ones are refused before the disk is accessed


def is_usable(path: str) -> bool:
    """Whether `path` can be passed to the system at all: not empty or overlong, no NUL, encodable."""
    if not path or len(path) > PATH_CHARACTERS or "\0" in path:
        return False
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def normalize_path(*parts: str) -> str:
    """Join `parts` as paths (an absolute one replaces those before it) and fold `.`, `..` and doubled separators."""
    path = os.path.normpath(os.path.join(*parts))  # noqa: PTH118 - a PurePath costs more than all the rest of a name
    return path[1:] if os.sep == "/" and path.startswith("//") else path


def path_below(path: str, base: str) -> str | None:
    """Return `path` relative to `base` (`.` for itself), both normal and absolute; None where it lies outside."""
    prefix = base if base.endswith(os.sep) else base + os.sep
    if os.path.normcase(path) == os.path.normcase(base):
        return "."
    if os.path.normcase(path).startswith(os.path.normcase(prefix)):
        return path[len(prefix) :]
    return None


def with_slashes(path: str) -> str:
    """Return `path` with forward slashes, whatever the system."""
    return path.replace(os.sep, "/")


def resolve_path(path: str) -> str | None:
    """Resolve every link of `path`, which need not exist; None for an unusable path and for links without an end."""
    try:
        return normalize_path(os.path.realpath(path)) if is_usable(path) else None
    except (OSError, ValueError, RecursionError):
        return None


def shown(text: str, limit: int = 120) -> str:
    """Return `text` as one line of a note: white space folded, unprintable characters replaced, cut at `limit`."""
    folded = " ".join(text[: limit * 8].split())
    cut = folded if len(folded) <= limit else folded[: limit - 1] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in cut)
