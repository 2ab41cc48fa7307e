"""What the imports of a file bind in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stepwarden.source.graph.modules import Modules
from stepwarden.source.outline import SCRIPTS, Import, Language, Outline


@dataclass(frozen=True, slots=True)
class Binding:
    """What a name stands for after an import: the `files` of `module`, or `name` in them.

    `files` is empty where the module is outside the tree.
    """

    files: tuple[str, ...]
    module: str
    level: int
    name: str = ""


class ImportBindings:
    """The bindings of each file of `outlines`, worked out once a file."""

    def __init__(self, outlines: Mapping[str, Outline], modules: Modules) -> None:
        self._outlines = outlines
        self._modules = modules
        self._by_path: dict[str, Mapping[str, Binding]] = {}

    def of(self, path: str) -> Mapping[str, Binding]:
        """Return what the imports of a file bind, by the names they have there; `*` binds nothing here."""
        if path not in self._by_path:
            self._by_path[path] = dict(self._bindings(path))
        return self._by_path[path]

    def star_files(self, path: str) -> Iterator[str]:
        """Return the files from which a file imports every name."""
        for item in self._outlines[path].imports:
            if any(name == "*" for name, _ in item.names) and not item.alias:
                yield from self._modules.files(path, item)

    def _bindings(self, path: str) -> Iterator[tuple[str, Binding]]:
        for item in self._outlines[path].imports:
            files = self._modules.files(path, item)
            if item.alias:
                yield item.alias, Binding(files, item.module, item.level)
            elif not item.names and item.module and self._outlines[path].language not in SCRIPTS:
                yield self._module_binding(path, item, files)
            for name, local_name in item.names:
                if name != "*":
                    yield local_name, Binding(files, item.module, item.level, name)

    def _module_binding(self, path: str, item: Import, files: tuple[str, ...]) -> tuple[str, Binding]:
        """Return what `import a.b` binds: in Python its first part, elsewhere the last."""
        if self._outlines[path].language is not Language.PYTHON:
            return _last_part(item.module), Binding(files, item.module, item.level)
        first, dot, _ = item.module.partition(".")
        if not dot:
            return first, Binding(files, item.module, item.level)
        return first, Binding(self._modules.module(path, first), first, 0)


def _last_part(module: str) -> str:
    """Return the name that Go and others bind for a module: its last part, without a major version."""
    parts = [part for part in re.split(r"[/.]|::", module) if part]
    if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]):
        parts.pop()
    return parts[-1] if parts else module
