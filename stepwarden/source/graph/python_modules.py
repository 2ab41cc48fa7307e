"""Python's imports: which file of a tree a dotted name means."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from posixpath import dirname, join

from stepwarden.source.graph.file_index import nearest
from stepwarden.source.outline import Language, SourceFile


class PythonModules:
    """The Python files of `outlines` by the dotted names that they can have."""

    def __init__(self, outlines: Mapping[str, SourceFile]) -> None:
        self._outlines = outlines
        self._found: dict[tuple[str, str, int], tuple[str, ...]] = {}
        self._roots: dict[str, dict[str, str]] = {}

    def find(self, path: str, module: str, level: int) -> tuple[str, ...]:
        """Return the file of `module` as the file `path` imports it with `level` leading dots; () for none."""
        directory = path.rpartition("/")[0]
        if level or not self._is_package(directory):  # a script imports what lies beside it
            beside = self._beside(directory, module, max(level, 1))
            if level or beside:
                return beside
        return self._by_name(path, module)

    def _by_name(self, path: str, module: str) -> tuple[str, ...]:
        """Return the files of an absolute import: where it is rooted above the importing file, else all it may be."""
        rooted = self._rooted(module)
        if not rooted:
            return ()
        here = f"{dirname(path)}/"
        above = [file for file, root in rooted.items() if not root or here.startswith(f"{root}/")]
        if above:
            return nearest(path, above)
        head = module.partition(".")[0]
        if head in sys.stdlib_module_names:
            return ()
        top = path.partition("/")[0]
        packages = tuple(file for file, root in rooted.items() if self._is_package(join(root, head)))
        return packages or tuple(file for file in rooted if len(rooted) == 1 and file.partition("/")[0] == top)

    def _rooted(self, module: str) -> Mapping[str, str]:
        """Return the files that an absolute name may mean, each with the directory from which it is named so."""
        if module not in self._roots:
            found = self._by_dotted_name.get(module, ())
            self._roots[module] = {file: self._root_of(file, module) for file in found}
        return self._roots[module]

    def _root_of(self, file: str, module: str) -> str:
        """Return the directory from which `module` is the name of a file."""
        stem = file.rpartition(".")[0].removesuffix("/__init__")
        return stem.removesuffix(module.replace(".", "/")).rstrip("/")

    def _beside(self, directory: str, module: str, level: int) -> tuple[str, ...]:
        """Return the file of `module` from a directory; with more than one dot, from one above it."""
        key = directory, module, level
        if key not in self._found:
            base = directory
            for _ in range(level - 1):
                base = dirname(base)
            self._found[key] = self._file(join(base, *module.split(".")) if module else base)
        return self._found[key]

    def _is_package(self, directory: str) -> bool:
        return directory in self._packages

    @cached_property
    def _packages(self) -> frozenset[str]:
        """The directories with an `__init__.py`."""
        return frozenset(dirname(path) for path in self._outlines if path.rpartition("/")[2] == "__init__.py")

    def _file(self, stem: str) -> tuple[str, ...]:
        names = (f"{stem}.py", join(stem, "__init__.py"), f"{stem}.pyi", join(stem, "__init__.pyi"))
        return next(((name,) for name in names if name in self._outlines), ())

    @cached_property
    def _by_dotted_name(self) -> Mapping[str, tuple[str, ...]]:
        """Files by every dotted name they can have: from the root of their package or any plain directory above it."""
        found: dict[str, list[str]] = defaultdict(list)
        for path, outline in self._outlines.items():
            if outline.language is not Language.PYTHON:
                continue
            parts = path.rpartition(".")[0].split("/")
            package_start = len(parts) - 1
            while package_start and self._is_package("/".join(parts[:package_start])):
                package_start -= 1
            if parts[-1] == "__init__":
                parts = parts[:-1]
            for start in range(min(package_start, len(parts) - 1) + 1):
                rest = parts[start:]
                if len(rest) > 1 or start == 0 or self._is_package("/".join(parts)):
                    found[".".join(rest)].append(path)
        return {name: tuple(paths) for name, paths in found.items()}
