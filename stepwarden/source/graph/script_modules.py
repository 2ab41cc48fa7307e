"""Imports of JavaScript and TypeScript: which file of a tree a module specifier means."""

from collections.abc import Mapping
from posixpath import dirname, join, normpath

from stepwarden.source.outline import SourceFile

_SUFFIXES = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_INDEXES = tuple(f"/index{suffix}" for suffix in _SUFFIXES)
_BUILT = frozenset({"dist", "build", "lib", "out", "esm", "cjs"})
_COMPILED_FROM = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}


class ScriptModules:
    """The files of `outlines` by relative specifiers and by the names of `packages`, the longest name first."""

    def __init__(self, outlines: Mapping[str, SourceFile], packages: Mapping[str, str]) -> None:
        self._outlines = outlines
        self._packages = packages

    def find(self, path: str, module: str) -> tuple[str, ...]:
        """Return the file that the file `path` imports as `module`; () for none of the tree."""
        if module.startswith("."):
            return self._file(normpath(join(dirname(path), module)))
        for name, places in self._packages.items():
            rest = subpath(module, name)
            if rest is None:
                continue
            for place in places.split("|"):
                found = self._entry(place) if name.endswith("$") else self._below(place, rest)
                if found:
                    return found
        return ()

    def _entry(self, file: str) -> tuple[str, ...]:
        """Return a file that a package says it is, or the source that it is built from."""
        parts = file.split("/")
        sources = ["/".join([*parts[:at], "src", *parts[at + 1 :]]) for at, part in enumerate(parts) if part in _BUILT]
        stems = (source.removesuffix(suffix) for source in sources for suffix in (".d.ts", *_SUFFIXES, ""))
        built = next((found for stem in stems if (found := self._file(stem))), ())
        return built or self._file(file)

    def _below(self, directory: str, rest: str) -> tuple[str, ...]:
        """Return what `rest` is in the directory of a package: its sources before what is built from them."""
        if "*" in directory:
            directory, rest = normpath(directory.replace("*", rest, 1)), ""
        base = normpath(join(directory, rest)) if rest else directory
        sources = self._file(normpath(join(base, "src"))) if not rest else ()
        return sources or self._file(base) or self._file(normpath(join(directory, "src", rest)))

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
    if package.endswith("$"):
        return "" if module == package[:-1] else None
    if package.endswith("*"):
        return module[len(package) - 1 :] if module.startswith(package[:-1]) else None
    if module == package:
        return ""
    return module[len(package) + 1 :] if module.startswith(f"{package}/") else None
