"""Questions about code: what a file defines, where a name is defined, who calls it, what it calls, what tests it."""

from collections.abc import Callable, Iterator, Sequence

from stepwarden.files.paths import shown
from stepwarden.files.text import split_lines
from stepwarden.inspections.context import CannotInspect, InspectedPlace
from stepwarden.inspections.shared.fact_text import count
from stepwarden.inspections.shared.function_users import TEST_DEPTH, tests_above
from stepwarden.inspections.shared.manifests import read_package_names
from stepwarden.inspections.shared.subject import incompleteness, read_text
from stepwarden.inspections.tracer.call_trace import find_uses
from stepwarden.inspections.tracer.call_trace_text import used_text, users_text
from stepwarden.inspections.tracer.target import unknown_facts
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.symbol_search import find_symbols
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import Definition

MOST_DEFINITIONS = 400  # of one file
MOST_CANDIDATES = 20  # definitions of one name
CODE_LINES = 120  # of one definition
MOST_LINES = 200  # of callers, callees or tests
MOST_NAME = 300  # characters

Section = Callable[[InspectedPlace, CodeGraph, Symbol], Sequence[str]]
"""Returns lines about one definition."""


def outline_file(place: InspectedPlace, path: str) -> str:
    """Return what a file defines, with lines and signatures. Raises CannotInspect where it cannot be outlined."""
    name = place.workspace.canonical(path[:MOST_NAME])
    outline = place.reader.outline(place.root, name)
    if outline is None:
        raise CannotInspect(f"{shown(path, 80)} cannot be outlined: there is no such source file, or it is a secret.")
    items = [item for item in outline.definitions if item.qualified]
    lines = [_line_of(item) for item in items[:MOST_DEFINITIONS]]
    if len(items) > MOST_DEFINITIONS:
        lines.append(f"[{len(items) - MOST_DEFINITIONS} more]")
    if outline.broken:
        lines.append(f"Syntax errors at {', '.join(f':{line}' for line in outline.broken[:5])}.")
    head = f"{name}: {outline.language.display_name}, {count(outline.lines, 'line')}"
    return "\n".join([f"{head}, generated" if outline.generated else head, *(lines or ["It defines nothing."])])


def _line_of(item: Definition) -> str:
    depth = item.qualified.count(".")
    signature = item.signature or f"{item.kind.value} {item.name}"
    return f"{item.line}-{item.end_line} {'  ' * depth}{signature}"


def find_definitions(place: InspectedPlace, name: str) -> str:
    """Return where a name is defined, with its code where it is one definition."""
    graph, found, notes = _look_up(place, name)
    if len(found) > 1:
        places = [_place_of(graph, symbol) for symbol in found[:MOST_CANDIDATES]]
        more = [f"[{len(found) - MOST_CANDIDATES} more]"] if len(found) > MOST_CANDIDATES else []
        return "\n".join([*notes, f"{len(found)} definitions have this name; name one of them:", *places, *more])
    return "\n".join([*notes, _place_of(graph, found[0]), *_code_of(place, graph, found[0])])


def _place_of(graph: CodeGraph, symbol: Symbol) -> str:
    item = graph.symbols.definition(symbol)
    return symbol.path if item is None else f"{symbol.spelled} (lines {item.line}-{item.end_line})"


def _code_of(place: InspectedPlace, graph: CodeGraph, symbol: Symbol) -> Iterator[str]:
    item = graph.symbols.definition(symbol)
    if item is None:
        return
    lines = split_lines(read_text(place, symbol.path) or "")[item.line - 1 : item.end_line]
    yield from (f"{number:5} {line[:400]}" for number, line in enumerate(lines[:CODE_LINES], item.line))
    if len(lines) > CODE_LINES:
        yield f"[{len(lines) - CODE_LINES} more lines]"


def list_callers(place: InspectedPlace, name: str) -> str:
    """Return who calls or imports what a name means, by file."""
    return _about_one(place, name, lambda _, graph, symbol: users_text(find_uses(graph, symbol), ()))


def list_callees(place: InspectedPlace, name: str) -> str:
    """Return what the code that a name means calls, by file."""
    return _about_one(place, name, lambda _, graph, symbol: used_text(find_uses(graph, symbol)))


def list_tests(place: InspectedPlace, name: str) -> str:
    """Return the places in tests from which what a name means is reached, itself or through others."""
    return _about_one(place, name, _tests_of)


def _tests_of(place: InspectedPlace, graph: CodeGraph, symbol: Symbol) -> Sequence[str]:
    found = list(dict.fromkeys(tests_above(place, graph, symbol, graph.calls.calls_to(symbol))))
    if not found:
        return [f"No test is seen to reach it in up to {TEST_DEPTH} calls."]
    return [f"Reached from {count(len(found), 'place')} in tests:", *found]


def _about_one(place: InspectedPlace, name: str, section: Section) -> str:
    """Return the lines of `section` about the one definition that a name means, or those that it may mean."""
    graph, found, notes = _look_up(place, name)
    if len(found) > 1:
        return find_definitions(place, name)
    lines = section(place, graph, found[0])
    more = [f"[{len(lines) - MOST_LINES} more]"] if len(lines) > MOST_LINES else []
    return "\n".join([*notes, _place_of(graph, found[0]), *lines[:MOST_LINES], *more])


def _look_up(place: InspectedPlace, name: str) -> tuple[CodeGraph, Sequence[Symbol], list[str]]:
    """Return the graph of the directory, what a name means in it, and what was not read; CannotInspect for nothing."""
    scan = place.reader.scan(place.root, (place.directory,), until=place.until)
    graph = CodeGraph(scan.outlines, read_package_names(place.root, scan.others))
    notes = incompleteness(scan)
    found = find_symbols(graph.symbols, name) if len(name) <= MOST_NAME else ()
    if not found:
        _, *similar = unknown_facts(graph.symbols, name)
        raise CannotInspect("\n".join([*notes, f"Nothing is defined as {shown(name, 80)}.", *similar[:-1], SPELLINGS]))
    return graph, found, notes


SPELLINGS = "A name is written as name, Class.method, path:Class.method or path:line."
