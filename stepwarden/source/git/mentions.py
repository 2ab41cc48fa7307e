"""Which tracked files of a repository mention a name."""

import re
from collections.abc import Sequence

from stepwarden.source.git.command import GitFailed, GitSlow
from stepwarden.source.git.repository import Repository

OUTPUT_BYTES = 4 * 1024 * 1024  # of matches


def find_mentions(repository: Repository, names: Sequence[str], *, until: float) -> dict[str, tuple[str, ...]]:
    """Return the tracked text files that have each name as a word, sorted; with `(` at its end, as a call."""
    found: dict[str, set[str]] = {name: set() for name in names}
    if not found:
        return {}
    patterns = [part for name in found for part in ("-e", _word_pattern(name))]
    grep = ["grep", "-z", "-o", "-I", "-E", "--no-color", "--full-name", "--no-recurse-submodules"]
    try:
        matches = repository.output([*grep, *patterns, "--", ":(top)"], until=until, limit=OUTPUT_BYTES).data
    except GitSlow:
        raise
    except GitFailed:  # also where nothing matches
        return dict.fromkeys(names, ())
    for line in matches.split(b"\n"):
        path, _, text = line.partition(b"\0")
        word = re.sub(r"^[^\w$]|\s|(?<!\()[^\w$(]$", "", text.decode("utf-8", "replace"))
        found.get(word, set()).add(path.decode("utf-8", "surrogateescape"))
    return {name: tuple(sorted(paths)) for name, paths in found.items()}


def _word_pattern(name: str) -> str:
    """Return the extended regular expression of a name as a whole word, of a call where it ends in a parenthesis."""
    word = re.sub(r"[^\w]", r"\\\g<0>", name.removesuffix("("))
    after = "[[:space:]]*\\(" if name.endswith("(") else "($|[^[:alnum:]_$])"
    return f"(^|[^[:alnum:]_$]){word}{after}"
