"""Where the callers of Python functions do not fit them, and which rely on what a change gave another value."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stepwarden.inspections.shared.faults.call_arguments import (
    CallArguments,
    find_calls,
    find_misfit,
    has_plain_calls,
    is_moved,
)
from stepwarden.inspections.shared.faults.code_fault import CodeFault
from stepwarden.inspections.shared.faults.module_names import bound_names
from stepwarden.inspections.shared.faults.python_functions import PythonFunction, find_functions
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.modules import Modules
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import CallSite, Import, Language
from stepwarden.source.syntax import parse_syntax
from stepwarden.source.testfiles import is_test_file

Place = tuple[str, int]
"""A file and a line."""


@dataclass
class CallerChecks:
    """The checks of one tree: `read` gives the bytes of a file, `until` is the `time.monotonic` of their end."""

    graph: CodeGraph
    read: Callable[[str], bytes | None]
    until: float
    _calls: dict[str, dict[Place, list[CallArguments]]] = field(
        default_factory=dict[str, dict[Place, list[CallArguments]]]
    )

    def find_misfits(self, path: str) -> Iterator[tuple[str, CodeFault]]:
        """Yield (file, fault) of calls that do not fit a function of `path`, there and in what imports it but tests.

        Only a call that would not fit is resolved.
        """
        functions = self._functions(path)
        by_name: dict[str, list[PythonFunction]] = {}
        for function in functions.values():
            by_name.setdefault(function.name, []).append(function)
            if function.name == "__init__":
                by_name.setdefault(function.owner.rpartition(".")[2], []).append(function)
        importers = dict.fromkeys(item.path for item in self.graph.imports.importers_of(path))
        for file in (path, *importers) if functions else ():
            if time.monotonic() > self.until:
                return
            if not is_test_file(file):
                yield from self._misfits_in(file, path, by_name)

    def _misfits_in(
        self, file: str, path: str, by_name: Mapping[str, Sequence[PythonFunction]]
    ) -> Iterator[tuple[str, CodeFault]]:
        outline = self.graph.outlines[file]
        aliases = {alias: name for item in outline.imports for name, alias in item.names}
        for call in outline.calls:
            here = self._arguments(file).get((call.name, call.line), [])
            for function in by_name.get(aliases.get(call.name, call.name), ()) if len(here) == 1 else ():
                why = find_misfit(function, here[0])
                if why and self._runs(file, call, path, function):
                    where = f" ({path}:{function.line})" if file != path else f" (:{function.line})"
                    yield file, CodeFault.at(call.line, why + where, 0)

    def _runs(self, file: str, call: CallSite, path: str, function: PythonFunction) -> bool:
        """Whether a call runs a function for sure."""
        told = self.graph.calls.resolve(file, call)
        symbol = Symbol(path, function.qualified)
        wanted = {symbol, Symbol(path, function.owner)} if function.name == "__init__" else {symbol}
        sure = told.certainty is Certainty.SURE and not told.reason and wanted & set(told.targets)
        return bool(sure) and _passes_object(told, function) and not self._is_made_otherwise(symbol, function)

    def find_broken(self, path: str, qualified: str, before: Sequence[str], after: Sequence[str]) -> list[str]:
        """Return the places that call a function and do not fit it, or pass by position what is another parameter now.

        `before` and `after` are the names of its parameters.
        """
        function = self._functions(path).get(qualified)
        if function is None:
            return []
        cut = 1 if function.is_bound else 0
        return [
            f"{call.path}:{call.call.line}"
            for call, arguments in self._calls_of(path, function)
            if find_misfit(function, arguments)
            or (not arguments.spread and is_moved(before[cut:], after[cut:], arguments))
        ]

    def find_relying(self, path: str, qualified: str, parameters: Sequence[str]) -> list[str]:
        """Return the places that call a function without passing one of these of its parameters."""
        function = self._functions(path).get(qualified)
        if function is None:
            return []
        places = [one.name for one in function.given if one.kind in {"plain", "positional"}]
        return [
            f"{call.path}:{call.call.line}"
            for call, arguments in self._calls_of(path, function)
            if not arguments.spread
            and any(name not in {*places[: arguments.positional], *arguments.keywords} for name in parameters)
        ]

    def _functions(self, path: str) -> Mapping[str, PythonFunction]:
        """Return the functions of a file that calls reach as they are written, by qualified names that are unique."""
        data = self.read(path) if self._is_python(path) else None
        root = parse_syntax(path, data) if data is not None else None
        found: dict[str, PythonFunction] = {}
        twice: set[str] = set()
        for function in find_functions(root) if root is not None else ():
            if function.qualified in found:
                twice.add(function.qualified)
            found[function.qualified] = function
        return {name: one for name, one in found.items() if name not in twice and has_plain_calls(one)}

    def _calls_of(self, path: str, function: PythonFunction) -> Iterator[tuple[Resolution, CallArguments]]:
        """Yield the calls that run a function for sure, with what they pass."""
        symbol = Symbol(path, function.qualified)
        if self.graph.symbols.definition(symbol) is None or self._is_made_otherwise(symbol, function):
            return
        for call in self.graph.calls.calls_to(symbol):
            if call.certainty is not Certainty.SURE or call.reason or not _passes_object(call, function):
                continue
            here = self._arguments(call.path).get((call.call.name, call.call.line), [])
            if len(here) == 1:
                yield call, here[0]

    def _is_made_otherwise(self, symbol: Symbol, function: PythonFunction) -> bool:
        """Whether what makes objects of the class is not its `__init__` alone."""
        if function.name != "__init__":
            return False
        names = self.graph.symbols.definitions[symbol.path]
        owner = names.get(function.owner)
        return f"{function.owner}.__new__" in names or owner is None or bool(owner.decorators)

    def _arguments(self, path: str) -> Mapping[Place, list[CallArguments]]:
        if path not in self._calls:
            found: dict[Place, list[CallArguments]] = {}
            data = self.read(path) if self._is_python(path) else None
            root = parse_syntax(path, data) if data is not None else None
            for call in find_calls(root) if root is not None else ():
                found.setdefault((call.name, call.line), []).append(call)
            self._calls[path] = found
        return self._calls[path]

    def _is_python(self, path: str) -> bool:
        return path in self.graph.outlines and self.graph.symbols.language(path) is Language.PYTHON


def _passes_object(call: Resolution, function: PythonFunction) -> bool:
    """Whether the object is passed by the call's own form, and not as its first argument."""
    receiver, owner = call.call.receiver, function.owner.rpartition(".")[2]
    if function.name == "__init__" and call.call.name == "__init__":
        return receiver in {"super", "super()"}
    if not function.owner or function.name == "__init__" or not function.is_bound:
        return True
    return "classmethod" in function.decorators or receiver.rpartition(".")[2] != owner


@dataclass(frozen=True, slots=True)
class ImportChecks:
    """The checks of imports of one tree."""

    graph: CodeGraph
    modules: Modules
    read: Callable[[str], bytes | None]

    def find_missing(self, path: str) -> Iterator[tuple[str, CodeFault]]:
        """Yield (file, fault) of imports, at the top level of a file, of names that the Python file does not bind."""
        importers = [item for item in self.graph.imports.importers_of(path) if item.names]
        data = self.read(path) if importers and path.endswith(".py") else None
        root = parse_syntax(path, data) if data is not None else None
        bound = bound_names(root) if root is not None and not root.has_error else None
        if bound is None:
            return
        for importer in {item.path: item for item in importers}.values():
            lines = (self.read(importer.path) or b"").split(b"\n")
            for item in self.graph.outlines[importer.path].imports:
                if self.modules.files(importer.path, item) != (path,) or _is_indented(lines, item.line):
                    continue
                for name in self._missing(importer.path, item, bound):
                    yield importer.path, CodeFault.at(item.line, f"imports {name}, which is not in {path}", 0)

    def _missing(self, path: str, item: Import, bound: frozenset[str]) -> Iterator[str]:
        for name, _ in item.names:
            inner = f"{item.module}.{name}" if item.module else name
            if name not in bound and name != "*" and not self.modules.module(path, inner, item.level):
                yield name


def _is_indented(lines: Sequence[bytes], line: int) -> bool:
    """Whether an import stands under a condition, or where its failure is expected."""
    return not 0 < line <= len(lines) or lines[line - 1][:1] in {b" ", b"\t"}
