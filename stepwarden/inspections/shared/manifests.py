"""The names under which packages of a tree are imported, from its manifests."""

import json
import re
from collections.abc import Iterable, Iterator
from posixpath import dirname, join, normpath
from typing import Any, cast

from stepwarden.files.safe_open import Unread, read_file

MOST_MANIFESTS = 200  # that are read
DEPTH = 20  # of the lists and objects in which a package names its files
_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
# What is not closed ends with the text: a search that could fail there would begin again at each of its marks.
_COMMENTS = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z))|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_TRAILING = re.compile(r",(?=\s*[}\]])")


def read_package_names(root: str, files: Iterable[str]) -> dict[str, str]:
    """Return the names of packages as `Modules` reads them, from the manifests among `files`.

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
        return _package(directory, content)
    return _aliases(directory, content)


def _package(directory: str, content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a package of npm: its directory, and the files that it says its names are."""
    name = content.get("name")
    if not isinstance(name, str) or not name:
        return
    yield name, directory
    exports: Any = content.get("exports")
    listed: dict[str, Any] = cast("dict[str, Any]", exports) if isinstance(exports, dict) else {}
    whole = [content.get(key) for key in ("source", "types", "typings", "module", "main")]
    subpaths: dict[str, Any] = listed if any(key.startswith(".") for key in listed) else {".": exports}
    for subpath, places in {".": (), **subpaths}.items():
        files = [*_texts(places), *_texts(whole if subpath == "." else ())]
        kept = [normpath(join(directory, file)) for file in files if file.count("*") <= 1]
        if subpath == ".":  # the sources before what is built from them
            own = [file for file in kept if "src/" in file.removeprefix(directory)]
            kept = [*own, join(directory, "src/index"), *kept]
        key = f"{name}{subpath[1:]}"
        if kept and key.count("*") <= 1 and (key.endswith("*") or "*" not in key):
            yield key if key.endswith("*") else f"{key}$", "|".join(dict.fromkeys(kept))


def _texts(value: Any, depth: int = DEPTH) -> Iterator[str]:
    """Yield the texts in lists and objects, in their order; what lies deeper than `depth` names no file."""
    if isinstance(value, str):
        yield value
    elif not depth:
        return
    elif isinstance(value, dict):
        for inner in cast("dict[str, Any]", value).values():
            yield from _texts(inner, depth - 1)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Any]", value):
            yield from _texts(inner, depth - 1)


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
