"""Which files of a tree an import loads."""

from collections.abc import Callable, Container, Sequence

from stepwarden.source.graph.modules import Modules
from stepwarden.source.outline import Language


class LoadedFiles:
    """What imports load in the tree of `modules`; `names_of` returns the names that a file defines."""

    def __init__(self, modules: Modules, names_of: Callable[[str], Container[str]]) -> None:
        self._modules = modules
        self._names_of = names_of

    def of(self, path: str, module: str, level: int, names: Sequence[str]) -> Sequence[str]:
        """Return the files that the file `path` loads by importing `names` (none: all) from a module.

        In Python, a submodule imported from a package is the submodule.
        """
        files = self._modules.module(path, module, level)
        if not names or self._modules.language(path) is not Language.PYTHON:
            return files
        defined = [self._names_of(file) for file in files]
        found: list[str] = []
        whole = False
        for name in names:
            submodule: tuple[str, ...] = ()
            if name != "*" and not any(name in known for known in defined):
                submodule = self._modules.module(path, f"{module}.{name}" if module else name, level)
            found += submodule
            whole = whole or not submodule
        return [*found, *files] if whole else found
