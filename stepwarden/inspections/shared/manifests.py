"""The names under which packages of a tree are imported, from its manifests."""

import json
import re
from collections.abc import Iterable
from posixpath import dirname, join, normpath
from typing import Any, cast

from stepwarden.files.safe_open import Unread, read_file

MOST_MANIFESTS = 200  # that are read
_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_COMMENTS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r",(?=\s*[}\]])")


def read_package_names(root: str, files: Iterable[str]) -> dict[str, str]:
    """Return the names of packages with their directories, from the manifests among `files`.

    Manifests are `go.mod`, `package.json` and the paths of `tsconfig*.json`; unreadable ones are ignored.
    """
    found: dict[str, str] = {}
    manifests = [path for path in files if "node_modules/" not in path and _is_manifest(path)]
    for path in sorted(manifests, key=lambda path: (path.count("/"), path))[:MOST_MANIFESTS]:
        data = read_file(root, path)
        if isinstance(data, Unread):
            continue
        for name, directory in _names(path, data.decode(errors="replace")):
            found.setdefault(name, directory)
    return found


def _is_manifest(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in {"go.mod", "package.json"} or (name.startswith("tsconfig") and name.endswith(".json"))


def _names(path: str, text: str) -> Iterable[tuple[str, str]]:
    directory = dirname(path)
    if path.endswith("go.mod"):
        return [(match[1], directory) for match in _MODULE.finditer(text)]
    content = _parse_json(text)
    if path.endswith("package.json"):
        name = content.get("name")
        return [(name, directory)] if isinstance(name, str) and name else []
    return _aliases(directory, content)


def _parse_json(text: str) -> dict[str, Any]:
    """Parse JSON with comments and trailing commas, as in TypeScript's configuration; {} for anything else."""
    plain = _TRAILING.sub("", _COMMENTS.sub(lambda match: match[1] or "", text.removeprefix("\ufeff")))
    try:
        content: Any = json.loads(plain)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _aliases(directory: str, content: dict[str, Any]) -> Iterable[tuple[str, str]]:
    options: Any = content.get("compilerOptions")
    if not isinstance(options, dict):
        return
    options = cast("dict[str, Any]", options)
    base, paths = options.get("baseUrl", "."), options.get("paths")
    if not isinstance(base, str) or not isinstance(paths, dict):
        return
    for name, places in cast("dict[str, Any]", paths).items():
        first: Any = cast("list[Any]", places)[0] if isinstance(places, list) and places else None
        if isinstance(first, str) and name.count("*") <= 1 and first.count("*") <= name.count("*"):
            place = normpath(join(directory, base, first.removesuffix("*"))).removeprefix("./")
            yield name, "" if place == "." else place
