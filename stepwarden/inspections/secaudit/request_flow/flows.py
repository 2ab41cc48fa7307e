"""The places of a code base that input of a request reaches: inside one function, and through one call."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from stepwarden.inspections.secaudit.request_flow.expressions import ExpressionReader, Value
from stepwarden.inspections.secaudit.request_flow.handlers import input_parameters
from stepwarden.inspections.secaudit.request_flow.syntax import (
    FUNCTIONS,
    LANGUAGES,
    SourceFunction,
    find_functions,
    parse_tree,
)
from stepwarden.inspections.secaudit.request_flow.taint import FlowTracer, Reached
from stepwarden.inspections.secaudit.route_checks.missing_checks import RouteFile
from stepwarden.inspections.secaudit.route_checks.routes import find_router_checks, find_routes
from stepwarden.inspections.secaudit.security_rules import SecurityFinding
from stepwarden.inspections.shared.fact_text import clip
from stepwarden.source.outline import Outline

if TYPE_CHECKING:
    from tree_sitter import Node

ORIGIN_BYTES = 48  # of a source in a fact
MOST_FUNCTIONS = 4_000  # of one file that are read
MOST_CHARACTERS = 400_000  # of a file that is read
_REQUEST_WORDS = re.compile(
    r"\brequest\b|\b(?:req|ctx|context)\.|http\.Request|\bc\.(?:Param|Query|FormValue|req)|\b(?:gin|echo|fiber)\.|searchParams"
    r"|get_(?:query_|body_)?argument|@\w+\.(?:get|post|put|patch|delete|route)\(|\.(?:get|post|put|delete|use)\(\s*[\"'`]/"
)
_IN_FUNCTION = re.compile(
    r"\brequest\.|\b(?:req|ctx)\b|\b[rc]\.[A-Zr]|searchParams|\bmux\.Vars|chi\.URLParam|get_(?:query_|body_)?argument"
)


@dataclass(frozen=True, slots=True)
class TracedPlace:
    """A place that input reaches, and the lines of the function that it stands in."""

    finding: SecurityFinding
    first: int
    last: int


@dataclass
class FlowFinder:
    """Finds flows in `outlines`; `read` gives the text of a file, `until` is the `time.monotonic` to be done by."""

    outlines: Mapping[str, Outline]
    read: Callable[[str], str | None]
    until: float
    found: dict[tuple[str, int], TracedPlace] = field(default_factory=dict[tuple[str, int], TracedPlace])

    def find(self) -> list[TracedPlace]:
        """Return what input reaches, each line once, in the order of files and lines."""
        for path in self.handling:
            if time.monotonic() > self.until:
                break
            for function in self._outermost(path):
                self._trace(function)
        return [self.found[key] for key in sorted(self.found)]

    def find_missing_checks(self) -> Iterator[SecurityFinding]:
        """Yield the routes that lack a check which others of their file have."""
        for path in self.handling:
            if time.monotonic() > self.until:
                return
            language, root = self.outlines[path].language, self._root_of(path)
            if root is not None:
                functions = self._functions_of(path)
                routes = find_routes(path, language, root, functions)
                wide = find_router_checks(language, root, functions) if routes else []
                yield from RouteFile(routes, wide, partial(self._text_of, path)).find()

    def _text_of(self, path: str, name: str) -> str | None:
        """Return the text of the one function that a name of a file means, None where it is not known."""
        holder, _, last = name.rpartition(".")
        if holder:
            return None
        own = self._named(path, last)
        found = own[0] if len(own) == 1 else self._imported(path, last) if not own else None
        return found.text if found is not None else None

    @cached_property
    def handling(self) -> list[str]:
        """The files that handle requests, by their words."""
        return [
            path
            for path, outline in self.outlines.items()
            if outline.language in LANGUAGES
            and outline.bytes <= MOST_CHARACTERS
            and _REQUEST_WORDS.search(self.read(path) or "")
        ]

    @cached_property
    def _functions(self) -> dict[str, list[SourceFunction]]:
        return {}

    @cached_property
    def _roots(self) -> "dict[str, Node | None]":
        return {}

    @cached_property
    def _by_name(self) -> dict[str, dict[str, list[SourceFunction]]]:
        return {}

    def _functions_of(self, path: str) -> list[SourceFunction]:
        known = self._functions.get(path)
        if known is None:
            root = self._root_of(path)
            known = (
                find_functions(path, self.outlines[path].language, root)[:MOST_FUNCTIONS] if root is not None else []
            )
            self._functions[path] = known
        return known

    def _root_of(self, path: str) -> "Node | None":
        if path not in self._roots:
            language = self.outlines[path].language
            readable = language in LANGUAGES and self.outlines[path].bytes <= MOST_CHARACTERS
            self._roots[path] = parse_tree(path, self.read(path) or "", language) if readable else None
        return self._roots[path]

    def _named(self, path: str, name: str) -> list[SourceFunction]:
        """Return the functions of a file that have this name."""
        if path not in self._by_name:
            names = self._by_name[path] = {}
            for function in self._functions_of(path):
                names.setdefault(function.name, []).append(function)
        return self._by_name[path].get(name, [])

    def _outermost(self, path: str) -> Iterator[SourceFunction]:
        """Yield the functions of a file that no other one is round."""
        for function in self._functions_of(path):
            outer = function.node.parent
            while outer is not None and outer.type not in FUNCTIONS:
                outer = outer.parent
            if outer is None:
                yield function
            elif next(input_parameters(function), None) is not None:
                yield function  # a handler inside a factory: its parameters are input

    def _trace(self, function: SourceFunction) -> None:
        inputs = list(input_parameters(function))
        if not inputs and not _IN_FUNCTION.search(function.text):
            return
        carried = {name: Value(frozenset({name})) for item in inputs for name in item.names}
        tracer = FlowTracer(ExpressionReader(function, self._find_callee, self._passed))
        for reached in tracer.trace(carried).reached:
            self._add(function, reached, "")

    def _add(self, function: SourceFunction, reached: Reached, via: str) -> None:
        what = f"{reached.sink.what} from {clip(reached.origin, ORIGIN_BYTES)}{via}"
        finding = SecurityFinding(function.path, reached.line, what, reached.sink.risk, traced=True)
        key = (function.path, reached.line)
        inner = [
            item
            for item in self._functions_of(function.path)
            if item.line <= reached.line <= item.end_line and item.line >= function.line
        ]
        around = inner[-1] if inner else function
        self.found.setdefault(key, TracedPlace(finding, around.line, around.end_line))

    def _find_callee(self, caller: SourceFunction, name: str) -> SourceFunction | None:
        """Return the function that a name means: one of the file, of the own class, or imported by that name."""
        holder, _, last = name.rpartition(".")
        if not last or holder not in {"", "self", "this"}:
            return self._of_module(caller, holder, last) if last and holder else None
        own = [item for item in self._named(caller.path, last) if item.owner == (caller.owner if holder else "")]
        if own:
            return own[0] if len(own) == 1 else None
        return self._imported(caller.path, last) if not holder else None

    def _of_module(self, caller: SourceFunction, holder: str, last: str) -> SourceFunction | None:
        """Return a function of an imported module by its last name: `storage.fetch`."""
        imports = self.outlines[caller.path].imports
        here = {item.alias or item.module.rpartition(".")[2].rpartition("/")[2] for item in imports}
        here |= {alias for item in imports for _, alias in item.names}
        return self._only(last, holder) if holder in here else None

    def _imported(self, path: str, name: str) -> SourceFunction | None:
        outline = self.outlines[path]
        if outline.language.value == "go":
            folder = path.rpartition("/")[0]
            return self._only(name, "", folder)
        for item in outline.imports:
            for there, here in item.names:
                if here == name:
                    return self._only(there, item.module.rpartition(".")[2].rpartition("/")[2])
        return None

    def _only(self, name: str, module: str, folder: str | None = None) -> SourceFunction | None:
        """Return the one function of this name in a file of this module, or of a folder."""
        found: list[SourceFunction] = []
        for path, outline in self.outlines.items():
            stem = path.rpartition("/")[2].partition(".")[0]
            inside = (
                path.rpartition("/")[0] == folder if folder is not None else module in {stem, path.split("/")[-2:][0]}
            )
            if inside and any(item.name == name and not item.parent for item in outline.definitions):
                found += [item for item in self._named(path, name) if not item.owner]
        return found[0] if len(found) == 1 else None

    def _passed(
        self, caller: SourceFunction, called: SourceFunction, line: int, given: Mapping[int, Value]
    ) -> frozenset[str]:
        """Follow input into a called function, no further; return what of it the function returns."""
        carried = {name: value for place, value in given.items() for name in called.parameters[place].names}
        summary = FlowTracer(ExpressionReader(called)).trace(carried)
        own = {origin for value in given.values() for origin in value.origins}
        for reached in summary.reached:
            if reached.origin in own:
                self._add(
                    called, reached, f", by {caller.name or 'the handler'} ({caller.path.rpartition('/')[2]}:{line})"
                )
        return summary.returned & own
