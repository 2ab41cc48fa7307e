"""Which files of a tree an import names, by the rules of its language."""

from collections.abc import Mapping
from posixpath import dirname, join, normpath

from stepwarden.source.graph.file_index import FileIndex, nearest
from stepwarden.source.graph.python_modules import PythonModules
from stepwarden.source.graph.script_modules import ScriptModules, subpath
from stepwarden.source.outline import SCRIPTS, Import, Language, SourceFile

_SUFFIXES = {Language.JAVA: ".java", Language.RUST: ".rs", Language.CSHARP: ".cs"}


class Modules:
    """The files of a tree by the names with which imports name them.

    `packages` maps names of packages, as a manifest declares them, to directories of the tree ("" is the root): a Go
    module, a package of a workspace, an alias of a TypeScript configuration (a `*` at the end stands for the rest, also
    in the directory). A name with `$` at the end is that of nothing below it, and maps to files, divided by `|`.
    """

    def __init__(self, outlines: Mapping[str, SourceFile], packages: Mapping[str, str] | None = None) -> None:
        self._index = FileIndex(outlines)
        self._packages = dict(sorted((packages or {}).items(), key=lambda item: -len(item[0])))
        self._python = PythonModules(outlines)
        self._scripts = ScriptModules(outlines, self._packages)

    def files(self, path: str, item: Import) -> tuple[str, ...]:
        """Return the files of the module that `item`, an import in the file `path`, names; () where none is here."""
        return self.module(path, item.module, item.level)

    def module(self, path: str, module: str, level: int = 0) -> tuple[str, ...]:
        """Return the files of `module` as the file `path` would import it, with `level` leading dots in Python."""
        language = self.language(path)
        if language is Language.PYTHON:
            return self._python.find(path, module, level)
        if language in SCRIPTS:
            return self._scripts.find(path, module)
        if language is Language.GO:
            return self._go_package(module)
        if language in {Language.C, Language.CPP}:
            return self._included(path, module)
        suffix = _SUFFIXES.get(language)
        return self._named_by_path(path, module, suffix) if suffix else ()

    def language(self, path: str) -> Language:
        """Return the language of a file of the tree."""
        return self._index.outlines[path].language

    def siblings(self, path: str) -> tuple[str, ...]:
        """Return the files of the same language in the same directory, which are one package in Go."""
        return self._index.siblings(path)

    def _go_package(self, module: str) -> tuple[str, ...]:
        for name, directory in self._packages.items():
            rest = subpath(module, name)
            if rest is not None:
                return self._index.in_directory(join(directory, rest).strip("/"), Language.GO)
        parts = module.split("/")
        if "." in parts[0] and not self._packages:  # without a manifest, the end of the path names the directory
            for start in range(3, len(parts)):
                if found := self._index.in_directory("/".join(parts[start:]), Language.GO):
                    return found
        return ()

    def _included(self, path: str, module: str) -> tuple[str, ...]:
        """Return the file that `#include` names: beside the file, else the nearest whose path ends so."""
        beside = normpath(join(dirname(path), module))
        return (beside,) if beside in self._index else nearest(path, self._index.ending_with(module))

    def _named_by_path(self, path: str, module: str, suffix: str) -> tuple[str, ...]:
        tail = module.replace("::", "/").replace(".", "/") + suffix
        return nearest(path, self._index.ending_with(tail))
