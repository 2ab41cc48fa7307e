"""The two traces: what runs when a definition runs, and who uses it and what it uses."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import CODE, Symbol
from stepwarden.source.outline import Definition

MOST_DEPTH = 5  # calls that a flow follows
MOST_HOPS = 160  # of one flow; further calls are only counted
MOST_MEMBERS = 60  # of one class or file, whose users are searched


@dataclass
class Hop:
    """One call of a flow and what it runs; the first hop is the traced definition itself.

    `call` is None for the first. `symbol` is what runs, None where that is unknown; `repeated` says that its own calls
    are listed elsewhere in the flow. `lines` are all lines of the same call in the body. `cut` counts calls beyond
    MOST_HOPS. `outside` are calls that leave the tree, `built_in` those that most likely do.
    """

    symbol: Symbol | None
    definition: Definition | None = None
    call: Resolution | None = None
    lines: tuple[int, ...] = ()
    depth: int = 0
    repeated: bool = False
    cut: int = 0
    hops: list["Hop"] = field(default_factory=list["Hop"])
    outside: list[str] = field(default_factory=list[str])
    built_in: list[str] = field(default_factory=list[str])

    @property
    def is_sure(self) -> bool:
        """Whether what runs is certain."""
        return self.call is None or self.call.certainty is Certainty.SURE

    def walk(self) -> Iterator["Hop"]:
        """Yield this hop and all below it, in the order of the calls."""
        waiting: list[Hop] = [self]
        while waiting:
            hop = waiting.pop()
            yield hop
            waiting += hop.hops[::-1]


def trace_flow(graph: CodeGraph, symbol: Symbol) -> Hop:
    """Follow the calls from `symbol`, breadth first; the calls of each definition are followed once."""
    root = Hop(symbol, graph.symbols.definition(symbol))
    waiting = deque([root])
    followed = {symbol}
    left = MOST_HOPS
    while waiting:
        hop = waiting.popleft()
        assert hop.symbol is not None
        for found in _hops_from(graph, hop):
            if left <= 0:
                hop.cut += 1
                continue
            left -= 1
            hop.hops.append(found)
            if found.symbol is None:
                continue
            found.repeated = found.symbol in followed
            if not found.repeated and found.depth < MOST_DEPTH:
                followed.add(found.symbol)
                waiting.append(found)
    return root


def _hops_from(graph: CodeGraph, hop: Hop) -> list[Hop]:
    """Return the hops of one body in the order of lines, equal calls joined; calls out of the tree go into `hop`."""
    assert hop.symbol is not None
    found: dict[tuple[str, tuple[Symbol, ...]], Hop] = {}
    for call in graph.calls.made_by(hop.symbol):
        if call.certainty is Certainty.OUTSIDE:
            if not call.built_in:
                _add_once(hop.outside, call.text)
        elif call.built_in:
            _add_once(hop.built_in, call.text)
        else:
            key = (call.text, call.targets)
            known = found.get(key)
            if known is None:
                symbol = call.targets[0] if call.is_known else None
                definition = graph.symbols.definition(symbol) if symbol else None
                found[key] = known = Hop(symbol, definition, call, depth=hop.depth + 1)
            known.lines = (*known.lines, call.call.line)
    return list(found.values())


def _add_once(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


@dataclass(frozen=True)
class Uses:
    """Who uses a definition, and what it uses; `callers` and `calls` are sorted by file and line.

    `maybe` are calls by its name that lead nowhere: callers may be among them. `importers` are pairs of (file, line)
    that import its file, `derived` and `bases` classes.
    """

    symbol: Symbol
    definition: Definition | None
    callers: tuple[Resolution, ...]
    calls: tuple[Resolution, ...]
    importers: tuple[tuple[str, int], ...]
    derived: tuple[Symbol, ...]
    bases: tuple[Symbol, ...]
    maybe: tuple[Resolution, ...] = ()


def find_uses(graph: CodeGraph, symbol: Symbol) -> Uses:
    """Return who uses `symbol` and what it uses; a class includes its methods, a file all that it defines."""
    members = _members(graph, symbol)
    inside = set(members)
    callers = {
        (call.path, call.call.line, call.text): call
        for member in members[:MOST_MEMBERS]
        for call in graph.calls.calls_to(member)
        if Symbol(call.path, call.call.inside) not in inside or member == symbol
    }
    calls = {
        (call.path, call.call.line, call.text): call
        for member in members
        for call in graph.calls.made_by(member)
        if not inside & set(call.targets)
    }
    is_class = graph.symbols.is_type(symbol)
    return Uses(
        symbol,
        graph.symbols.definition(symbol),
        tuple(sorted(callers.values(), key=_place_of)),
        tuple(sorted(calls.values(), key=_place_of)),
        tuple(_find_importers(graph, symbol)),
        graph.hierarchy.derived.get(symbol, ()) if is_class else (),
        graph.hierarchy.bases(symbol)[0] if is_class else (),
        graph.calls.calls_that_may_mean(symbol) if symbol.qualified else (),
    )


def _place_of(call: Resolution) -> tuple[str, int]:
    return call.path, call.call.line


def _find_importers(graph: CodeGraph, symbol: Symbol) -> Iterator[tuple[str, int]]:
    """Yield the imports of the file of `symbol` that may import it."""
    names = {symbol.qualified.split(".")[0], "*", "default"}
    for item in graph.imports.importers_of(symbol.path):
        if not symbol.qualified or not item.names or names & set(item.names):
            yield item.path, item.line


def _members(graph: CodeGraph, symbol: Symbol) -> list[Symbol]:
    """Return the definition itself and, of a class or a file, what is defined in it."""
    definition = graph.symbols.definition(symbol)
    if definition is not None and definition.kind in CODE:
        return [symbol]
    names = graph.symbols.definitions[symbol.path]
    start = f"{symbol.qualified}." if symbol.qualified else ""
    return [symbol, *(Symbol(symbol.path, name) for name in names if name.startswith(start))]
