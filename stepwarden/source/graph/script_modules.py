"""Imports of JavaScript and TypeScript: which file of a tree a module specifier means."""

from collections.abc import Mapping
from posixpath import dirname, join, normpath

from stepwarden.source.outline import Outline

_SUFFIXES = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_INDEXES = tuple(f"/index{suffix}" for suffix in _SUFFIXES)
_COMPILED_FROM = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}


class ScriptModules:
    """The files of `outlines` by relative specifiers and by the names of `packages`, the longest name first."""

    def __init__(self, outlines: Mapping[str, Outline], packages: Mapping[str, str]) -> None:
        self._outlines = outlines
        self._packages = packages

    def find(self, path: str, module: str) -> tuple[str, ...]:
        """Return the file that the file `path` imports as `module`; () for none of the tree."""
        if module.startswith("."):
            return self._file(normpath(join(dirname(path), module)))
        for name, directory in self._packages.items():
            rest = subpath(module, name)
            if rest is None:
                continue
            if "*" in directory:
                base = normpath(directory.replace("*", rest, 1))
            else:
                base = normpath(join(directory, rest)) if rest else directory
            sources = self._file(normpath(join(base, "src"))) if not rest else ()  # before what is built from them
            if found := (sources or self._file(base) or self._file(normpath(join(directory, "src", rest)))):
                return found
        return ()

    def _file(self, stem: str) -> tuple[str, ...]:
        stem = "" if stem == "." else stem
        if stem in self._outlines:
            return (stem,)
        for suffix, sources in _COMPILED_FROM.items():
            if stem.endswith(suffix):
                base = stem.removesuffix(suffix)
                return next(((base + source,) for source in sources if base + source in self._outlines), ())
        for ending in (*_SUFFIXES, *_INDEXES):
            name = (stem + ending).lstrip("/")
            if name in self._outlines:
                return (name,)
        return ()


def subpath(module: str, package: str) -> str | None:
    """Return what follows the name of `package` in `module`, None where it is another package."""
    if package.endswith("*"):
        return module[len(package) - 1 :] if module.startswith(package[:-1]) else None
    if module == package:
        return ""
    return module[len(package) + 1 :] if module.startswith(f"{package}/") else None
