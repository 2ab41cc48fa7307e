"""What the packages of a tree are called by those that import them, as its manifests say."""

import json
import re
from collections.abc import Iterable
from posixpath import dirname, join, normpath
from typing import Any, cast

from stepwarden.files.safe_open import Unread, read

MOST = 200  # manifests that are read
_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_REMARKS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r",(?=\s*[}\]])")


def package_names(root: str, files: Iterable[str]) -> dict[str, str]:
    """Return the names of packages with the directories that they stand for, from the manifests among `files`.

    Read are `go.mod`, `package.json` and the paths of `tsconfig*.json`; what cannot be read gives nothing.
    """
    found: dict[str, str] = {}
    manifests = [path for path in files if "node_modules/" not in path and _is_manifest(path)]
    for path in sorted(manifests, key=lambda path: (path.count("/"), path))[:MOST]:
        data = read(root, path)
        if isinstance(data, Unread):
            continue
        for name, place in _names(path, data.decode(errors="replace")):
            found.setdefault(name, place)
    return found


def _is_manifest(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in {"go.mod", "package.json"} or (name.startswith("tsconfig") and name.endswith(".json"))


def _names(path: str, text: str) -> Iterable[tuple[str, str]]:
    home = dirname(path)
    if path.endswith("go.mod"):
        return [(match[1], home) for match in _MODULE.finditer(text)]
    content = _parsed(text)
    if path.endswith("package.json"):
        name = content.get("name")
        return [(name, home)] if isinstance(name, str) and name else []
    return _aliases(home, content)


def _parsed(text: str) -> dict[str, Any]:
    """Read JSON with comments and trailing commas, as TypeScript writes it."""
    plain = _TRAILING.sub("", _REMARKS.sub(lambda match: match[1] or "", text.removeprefix("\ufeff")))
    try:
        content: Any = json.loads(plain)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _aliases(home: str, content: dict[str, Any]) -> Iterable[tuple[str, str]]:
    options: Any = content.get("compilerOptions")
    if not isinstance(options, dict):
        return
    options = cast("dict[str, Any]", options)
    base, paths = options.get("baseUrl", "."), options.get("paths")
    if not isinstance(base, str) or not isinstance(paths, dict):
        return
    for name, places in cast("dict[str, Any]", paths).items():
        first: Any = cast("list[Any]", places)[0] if isinstance(places, list) and places else None
        if isinstance(first, str) and name.count("*") <= 1 and first.removesuffix("*").count("*") == 0:
            yield name, normpath(join(home, base, first.removesuffix("*"))).removeprefix("./")
