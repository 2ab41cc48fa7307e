"""Which definitions the calls of one file may mean, by its imports."""

from collections.abc import Collection
from pathlib import PurePosixPath

from stepwarden.inspections.testgen.code_index import CodeIndex, Key, called_name
from stepwarden.source.outline import CallSite, Language

FEW = 3  # definitions of one name that a test may mean although it imports none of their files


class CallTargets:
    """The names that the file `path` imports, and what its calls may mean by them."""

    def __init__(self, index: CodeIndex, path: str) -> None:
        self._index = index
        self._path = path
        self._names: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._modules: dict[str, tuple[str, ...]] = {}
        self._imported: set[str] = set()
        outline = index.outlines[path]
        for item in outline.imports:
            files = index.imports.files(path, item)
            self._imported.update(files)
            for name, alias in item.names:
                self._names[alias] = (name, files)
                self._modules.setdefault(alias, files)
            module = item.alias or (item.module if not item.names else "")
            if module:
                self._modules[module] = files
                self._modules.setdefault(module.rpartition("/")[2], files)
        if outline.language is Language.GO:
            self._imported.update(index.imports.siblings(path))
        packages = {PurePosixPath(file).parent.as_posix() for file in self._imported if _is_package(file)}
        self._package_prefixes = tuple(f"{package}/" for package in packages)

    @property
    def imported_files(self) -> frozenset[str]:
        """The files of the project that this one imports."""
        return frozenset(self._imported)

    def names_bound_to(self, files: Collection[str]) -> frozenset[str]:
        """Return the names that the file's imports bind to something of `files`."""
        names = {alias for alias, (_, found) in self._names.items() if any(path in files for path in found)}
        return frozenset(
            names | {alias for alias, found in self._modules.items() if any(path in files for path in found)}
        )

    def of(self, call: CallSite) -> list[Key]:
        """Return the definitions that a call may mean; none where nothing of that name is likely to be meant."""
        called = called_name(self._index.outlines[self._path], call)
        if call.receiver in self._modules:
            exact = self._in_files(called, self._modules[call.receiver])
            if exact:
                return exact
        if not call.receiver and call.name in self._names:
            name, files = self._names[call.name]
            name = call.name if name in {"default", "*"} else name
            return self._in_files(name, files) or self._anywhere(name)
        return self._anywhere(called)

    def imported_functions(self) -> list[Key]:
        """Return the functions that the file imports by name: it uses them, even where it does not call them."""
        return [key for name, files in self._names.values() for key in self._in_files(name, files) if key[1] == name]

    def named(self, name: str) -> list[Key]:
        """Return what a name means that is not called: what it is bound to, or what imported files define."""
        if name in self._names:
            there, files = self._names[name]
            return self._in_files(name if there in {"default", "*"} else there, files) or self._near(there)
        return self._near(name)

    def _in_files(self, name: str, files: tuple[str, ...]) -> list[Key]:
        return [key for key in self._index.named(name) if key[0] in files]

    def _anywhere(self, name: str) -> list[Key]:
        near = self._near(name)
        if near:
            return near
        keys = self._index.named(name)
        return keys if len(keys) <= FEW else []

    def _near(self, name: str) -> list[Key]:
        keys = self._index.named(name)
        return [key for key in keys if key[0] in self._imported or key[0].startswith(self._package_prefixes)]


def _is_package(path: str) -> bool:
    return PurePosixPath(path).name.partition(".")[0] in {"__init__", "index", "mod"}
