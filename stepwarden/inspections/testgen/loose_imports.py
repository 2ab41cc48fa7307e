"""Which files an import may mean, by the ends of their paths alone.

Unlike `source/graph`, this errs on the side of finding a file: a function counts as untested only where nothing that
looks like a test of it is found.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import PurePosixPath

from stepwarden.source.outline import Import, Language, Outline

_MAJOR_VERSION = re.compile(r"/v[0-9]+$")  # the last part of a Go module's path from its second version on
_SUFFIXES = (".py", ".pyi", ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".d.ts")


class LooseImports:
    """The files of `outlines` by what imports may call them."""

    def __init__(self, outlines: Mapping[str, Outline]) -> None:
        self._outlines = outlines
        self._resolved: dict[tuple[str, str, int], tuple[str, ...]] = {}

    def siblings(self, path: str) -> list[str]:
        """Return the files of the same directory, which are one package in Go."""
        return self._by_directory.get(_directory(path), [])

    def files(self, path: str, item: Import) -> tuple[str, ...]:
        """Return the files that an import in `path` may mean: a module, or all of a package."""
        key = (_directory(path), item.module, item.level)
        if key not in self._resolved:
            self._resolved[key] = tuple(self._find(path, item))
        found = self._resolved[key]
        submodules = [file for name, _ in item.names for file in self._submodules(found, item, path, name)]
        return tuple(dict.fromkeys((*submodules, *found)))

    @cached_property
    def _by_stem(self) -> Mapping[str, list[str]]:
        """Files by the last part of the names that imports may use."""
        found: dict[str, list[str]] = {}
        for path in self._outlines:
            pure = PurePosixPath(path)
            stem = pure.name.partition(".")[0]
            found.setdefault(stem, []).append(path)
            if stem in {"__init__", "index"} or pure.suffix == ".go":
                found.setdefault(pure.parent.name, []).append(path)
        return found

    @cached_property
    def _by_directory(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self._outlines:
            found.setdefault(_directory(path), []).append(path)
        return found

    def _find(self, path: str, item: Import) -> Iterable[str]:
        language = self._outlines[path].language
        if language is Language.GO:
            # where the module begins in this tree is not known: the directory's own name has to do
            package = PurePosixPath(_MAJOR_VERSION.sub("", item.module)).name
            return [file for file in self._by_stem.get(package, ()) if PurePosixPath(file).parent.name == package]
        return self._find_python(path, item) if language is Language.PYTHON else self._find_script(path, item.module)

    def _find_python(self, path: str, item: Import) -> Iterable[str]:
        module = item.module.replace(".", "/")
        if item.level:
            parents = PurePosixPath(path).parents
            base = parents[min(item.level - 1, len(parents) - 1)]
            module = (base / module).as_posix() if module else base.as_posix()
            return [file for file in self._candidates(module) if _module_path(file) == module]
        return [file for file in self._candidates(module) if _may_be(_module_path(file), module)] if module else []

    def _find_script(self, path: str, module: str) -> Iterable[str]:
        if not module.startswith("."):
            named = self._by_stem.get(module.rpartition("/")[2], ())
            return [file for file in named if _may_be(_module_path(file), module.lstrip("@~/"))]
        parts: list[str] = list(PurePosixPath(path).parent.parts)
        for part in module.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in {"", "."}:
                parts.append(part)
        wanted = "/".join(parts)
        known = wanted if wanted in self._outlines else _module_path(wanted)
        return [file for file in self._candidates(known) if file == known or _module_path(file) == known]

    def _submodules(self, found: tuple[str, ...], item: Import, path: str, name: str) -> Iterable[str]:
        """Return the module `name` of an imported Python package, where there is one."""
        if self._outlines[path].language is not Language.PYTHON or name not in self._by_stem:
            return []
        if item.level:
            parents = PurePosixPath(path).parents
            base = parents[min(item.level - 1, len(parents) - 1)] / item.module.replace(".", "/")
            directories = {base.as_posix(), *(_directory(file) for file in found)}
            return [file for file in self._by_stem[name] if _directory(file) in directories]
        module = f"{item.module.replace('.', '/')}/{name}".lstrip("/")
        return [file for file in self._by_stem[name] if _may_be(_module_path(file), module)]

    def _candidates(self, module: str) -> list[str]:
        return self._by_stem.get(PurePosixPath(module).name.partition(".")[0], [])


def _directory(path: str) -> str:
    return PurePosixPath(path).parent.as_posix()


def _module_path(path: str) -> str:
    """Return a path as imports spell it: without its suffix, and of a package its directory."""
    for suffix in _SUFFIXES:
        if path.endswith(suffix):
            path = path.removesuffix(suffix)
            break
    return path.removesuffix("/__init__").removesuffix("/index")


def _may_be(path: str, module: str) -> bool:
    """Whether a path is that of a module as seen from some directory: either is an end of the other."""
    return path == module or path.endswith(f"/{module}") or (path != "." and module.endswith(f"/{path}"))
