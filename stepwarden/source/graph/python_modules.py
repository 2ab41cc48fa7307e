"""Python's imports: which file of a tree a dotted name means."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from posixpath import dirname, join

from stepwarden.source.graph.file_index import nearest
from stepwarden.source.outline import Language, Outline


class PythonModules:
    """The Python files of `outlines` by the dotted names that they can have."""

    def __init__(self, outlines: Mapping[str, Outline]) -> None:
        self._outlines = outlines

    def find(self, path: str, module: str, level: int) -> tuple[str, ...]:
        """Return the file of `module` as the file `path` imports it with `level` leading dots; () for none."""
        if level:
            base = dirname(path)
            for _ in range(level - 1):
                base = dirname(base)
            return self._file(join(base, *module.split(".")) if module else base)
        if not self._is_package(dirname(path)):  # a script imports what lies beside it
            beside = self._file(join(dirname(path), *module.split(".")))
            if beside:
                return beside
        return nearest(path, self._by_dotted_name.get(module, ()))

    def _is_package(self, directory: str) -> bool:
        return join(directory, "__init__.py") in self._outlines

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
