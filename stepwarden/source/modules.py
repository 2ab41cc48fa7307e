"""Which files of a tree an import names, by the rules of its language."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from posixpath import dirname, join, normpath

from stepwarden.source.outline import Import, Language, Outline

SCRIPTS = frozenset({Language.JAVASCRIPT, Language.TYPESCRIPT})
_SCRIPT_ENDS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_SCRIPT_INDEX = tuple(f"/index{end}" for end in _SCRIPT_ENDS)
_WRITTEN_AS = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_BY_PATH = {Language.JAVA: ".java", Language.RUST: ".rs", Language.CSHARP: ".cs"}


class Modules:
    """The files of a tree by the names that imports call them.

    `names` maps names of packages, as a manifest declares them, to directories of the tree ("" is the root): a Go
    module, a package of a workspace, an alias of a TypeScript configuration (a `*` at the end stands for the rest).
    """

    def __init__(self, outlines: Mapping[str, Outline], names: Mapping[str, str] | None = None) -> None:
        self._outlines = outlines
        self._names = dict(sorted((names or {}).items(), key=lambda item: -len(item[0])))

    def files(self, path: str, found: Import) -> tuple[str, ...]:
        """Return the files that `found`, an import in the file `path`, names as its module; () where none is here."""
        return self.module(path, found.module, found.level)

    def module(self, path: str, module: str, level: int = 0) -> tuple[str, ...]:
        """Return the files of `module` as the file `path` would import it, with `level` leading dots in Python."""
        language = self._outlines[path].language
        if language is Language.PYTHON:
            return self._python(path, module, level)
        if language in SCRIPTS:
            return self._script(path, module)
        if language is Language.GO:
            return self._go(path, module)
        if language in {Language.C, Language.CPP}:
            return self._included(path, module)
        ending = _BY_PATH.get(language)
        return self._by_path(path, module, ending) if ending else ()

    def siblings(self, path: str) -> tuple[str, ...]:
        """Return the files of the same language in the same directory, which are one package in Go."""
        return self._directories.get((dirname(path), self._outlines[path].language), ())

    @cached_property
    def _directories(self) -> Mapping[tuple[str, Language], tuple[str, ...]]:
        found: dict[tuple[str, Language], list[str]] = defaultdict(list)
        for path, outline in self._outlines.items():
            found[dirname(path), outline.language].append(path)
        return {key: tuple(sorted(paths)) for key, paths in found.items()}

    def _python(self, path: str, module: str, level: int) -> tuple[str, ...]:
        if level:
            base = dirname(path)
            for _ in range(level - 1):
                base = dirname(base)
            return self._python_file(join(base, *module.split(".")) if module else base)
        if not self._is_package(dirname(path)):  # a script sees what lies beside it
            beside = self._python_file(join(dirname(path), *module.split(".")))
            if beside:
                return beside
        return _nearest(path, self._python_names.get(module, ()))

    def _is_package(self, directory: str) -> bool:
        return join(directory, "__init__.py") in self._outlines

    def _python_file(self, stem: str) -> tuple[str, ...]:
        names = (f"{stem}.py", join(stem, "__init__.py"), f"{stem}.pyi", join(stem, "__init__.pyi"))
        return next(((name,) for name in names if name in self._outlines), ())

    @cached_property
    def _python_names(self) -> Mapping[str, tuple[str, ...]]:
        """Every dotted name that a file can have: from the root of its package, or any plain directory above."""
        found: dict[str, list[str]] = defaultdict(list)
        for path, outline in self._outlines.items():
            if outline.language is not Language.PYTHON:
                continue
            parts = path.rpartition(".")[0].split("/")
            inside = len(parts) - 1
            while inside and self._is_package("/".join(parts[:inside])):
                inside -= 1
            if parts[-1] == "__init__":
                parts = parts[:-1]
            for start in range(min(inside, len(parts) - 1) + 1):
                rest = parts[start:]
                if len(rest) > 1 or start == 0 or self._is_package("/".join(parts)):
                    found[".".join(rest)].append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    def _script(self, path: str, module: str) -> tuple[str, ...]:
        if module.startswith("."):
            return self._script_file(normpath(join(dirname(path), module)))
        for name, directory in self._names.items():
            rest = _rest(module, name)
            if rest is not None:
                base = normpath(join(directory, rest)) if rest else directory
                if found := (self._script_file(base) or self._script_file(normpath(join(directory, "src", rest)))):
                    return found
        return ()

    def _script_file(self, stem: str) -> tuple[str, ...]:
        stem = "" if stem == "." else stem
        if stem in self._outlines:
            return (stem,)
        for end, others in _WRITTEN_AS.items():
            if stem.endswith(end):
                base = stem.removesuffix(end)
                return next(((base + other,) for other in others if base + other in self._outlines), ())
        for end in (*_SCRIPT_ENDS, *_SCRIPT_INDEX):
            name = (stem + end).lstrip("/")
            if name in self._outlines:
                return (name,)
        return ()

    def _go(self, path: str, module: str) -> tuple[str, ...]:
        for name, directory in self._names.items():
            rest = _rest(module, name)
            if rest is not None:
                return self._directories.get((join(directory, rest).strip("/"), Language.GO), ())
        parts = module.split("/")
        if "." in parts[0] and not self._names:  # without a manifest: the end of the path tells the directory
            for start in range(3, len(parts)):
                if found := self._directories.get(("/".join(parts[start:]), Language.GO)):
                    return found
        return ()

    def _included(self, path: str, module: str) -> tuple[str, ...]:
        beside = normpath(join(dirname(path), module))
        if beside in self._outlines:
            return (beside,)
        name = module.rpartition("/")[2]
        ends = [found for found in self._file_names.get(name, ()) if found == module or found.endswith(f"/{module}")]
        return _nearest(path, ends)

    def _by_path(self, path: str, module: str, ending: str) -> tuple[str, ...]:
        tail = module.replace("::", "/").replace(".", "/") + ending
        name = tail.rpartition("/")[2]
        return _nearest(path, [f for f in self._file_names.get(name, ()) if f == tail or f.endswith(f"/{tail}")])

    @cached_property
    def _file_names(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in self._outlines:
            found[path.rpartition("/")[2]].append(path)
        return {name: tuple(paths) for name, paths in found.items()}


def _rest(module: str, name: str) -> str | None:
    """Return what follows the package `name` in `module`, None where it is another package."""
    if name.endswith("*"):
        return module[len(name) - 1 :] if module.startswith(name[:-1]) else None
    if module == name:
        return ""
    return module[len(name) + 1 :] if module.startswith(f"{name}/") else None


def _nearest(path: str, found: Iterable[str]) -> tuple[str, ...]:
    """Return the one of `found` that shares the most directories with `path`, the shortest of several."""
    here = path.split("/")[:-1]

    def distance(other: str) -> tuple[int, int, str]:
        shared = 0
        for mine, its in zip(here, other.split("/"), strict=False):
            if mine != its:
                break
            shared += 1
        return (-shared, len(other), other)

    best = min(found, key=distance, default=None)
    return () if best is None else (best,)
