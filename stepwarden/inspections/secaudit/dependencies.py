"""The declared dependencies of a project, and whether they are pinned."""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from stepwarden.inspections.context import InspectionContext
from stepwarden.inspections.shared.fact_text import clip, list_some
from stepwarden.inspections.shared.subject import read_text

_MANIFESTS = frozenset(
    {"requirements.txt", "pyproject.toml", "Pipfile", "package.json", "go.mod", "Cargo.toml", "pom.xml"}
    | {"build.gradle", "Gemfile"}
)
_LOCK_FILES = frozenset(
    {"uv.lock", "poetry.lock", "Pipfile.lock", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "go.sum"}
    | {"Cargo.lock"}
)


def find_manifests(paths: Iterable[str]) -> list[str]:
    """Return the files that declare dependencies, those near the root first."""
    found = [path for path in paths if PurePosixPath(path).name in _MANIFESTS and "node_modules" not in path]
    return sorted(found, key=lambda path: (path.count("/"), path))


def dependency_facts(context: InspectionContext, manifests: Sequence[str], paths: Iterable[str]) -> list[str]:
    """Return one line about unpinned requirements, lock files among `paths` and manifests; nothing without these."""
    if not manifests:
        return []
    locks = sorted({PurePosixPath(path).name for path in paths if PurePosixPath(path).name in _LOCK_FILES})
    unpinned, total = _count_unpinned(context, manifests)
    pinned = f"{unpinned} of {total} requirements not pinned, " if unpinned else ""
    locked = f"locked by {list_some(locks, 2)}" if locks else "no lock file"
    return [clip(f"Dependencies: {pinned}{locked}; {list_some(manifests, 2)}")]


def _count_unpinned(context: InspectionContext, manifests: Sequence[str]) -> tuple[int, int]:
    """Count the lines of `requirements.txt` files without an exact version, and all that name a package."""
    texts = (read_text(context, path) or "" for path in manifests if PurePosixPath(path).name == "requirements.txt")
    lines = [line for text in texts for line in map(str.strip, text.splitlines()) if line[:1].isalnum()]
    return sum(1 for line in lines if "==" not in line and " @ " not in line), len(lines)
