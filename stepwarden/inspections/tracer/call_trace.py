"""The two traces: how execution runs on from a definition, and who uses it and what it uses. Pure, over a graph."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from stepwarden.source.call_resolver import Certainty, Resolution
from stepwarden.source.graph import Graph
from stepwarden.source.outline import Definition
from stepwarden.source.symbols import CODE, TYPES, Symbol

DEPTH = 5  # calls that a flow is followed
MOST_HOPS = 160  # of one flow; what comes after is counted
MOST_MEMBERS = 60  # of one class or file, whose users are looked for

KNOWN = frozenset({Certainty.SURE, Certainty.LIKELY})


@dataclass
class Hop:
    """One call of a flow and what it runs; the first one is the definition that is traced.

    `call` is None for the first. `symbol` is what runs, None where that is not known; `seen` says that its own calls
    stand elsewhere in the flow. `lines` are all places of the same call in the body. `outside` and `built_in` are
    calls that leave the tree, the second ones most likely.
    """

    symbol: Symbol | None
    definition: Definition | None = None
    call: Resolution | None = None
    lines: tuple[int, ...] = ()
    depth: int = 0
    seen: bool = False
    cut: int = 0
    hops: list["Hop"] = field(default_factory=list["Hop"])
    outside: list[str] = field(default_factory=list[str])
    built_in: list[str] = field(default_factory=list[str])

    @property
    def is_sure(self) -> bool:
        """Whether what runs is known for sure."""
        return self.call is None or self.call.certainty is Certainty.SURE

    def walk(self) -> Iterator["Hop"]:
        """Return this hop and all after it, each before its own."""
        waiting: list[Hop] = [self]
        while waiting:
            hop = waiting.pop()
            yield hop
            waiting += hop.hops[::-1]


def flow(graph: Graph, symbol: Symbol) -> Hop:
    """Follow the calls from `symbol`, the near ones first, each definition's own calls once."""
    root = Hop(symbol, graph.symbols.definition(symbol))
    waiting = deque([root])
    followed = {symbol}
    left = MOST_HOPS
    while waiting:
        hop = waiting.popleft()
        assert hop.symbol is not None
        for found in _after(graph, hop):
            if left <= 0:
                hop.cut += 1
                continue
            left -= 1
            hop.hops.append(found)
            if found.symbol is None:
                continue
            found.seen = found.symbol in followed
            if not found.seen and found.depth < DEPTH:
                followed.add(found.symbol)
                waiting.append(found)
    return root


def _after(graph: Graph, hop: Hop) -> list[Hop]:
    """Return the hops of one body in line order, the same call once; what leaves the tree goes into `hop`."""
    assert hop.symbol is not None
    found: dict[tuple[str, tuple[Symbol, ...]], Hop] = {}
    for call in graph.calls(hop.symbol):
        if call.certainty is Certainty.OUTSIDE:
            if call.reason != "built in":
                _once(hop.outside, call.text)
        elif "built-in type" in call.reason:
            _once(hop.built_in, call.text)
        else:
            key = (call.text, call.targets)
            known = found.get(key)
            if known is None:
                symbol = call.targets[0] if call.certainty in KNOWN else None
                definition = graph.symbols.definition(symbol) if symbol else None
                found[key] = known = Hop(symbol, definition, call, depth=hop.depth + 1)
            known.lines = (*known.lines, call.call.line)
    return list(found.values())


def _once(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


@dataclass(frozen=True)
class Uses:
    """Who uses a definition, and what it uses. `callers` and `calls` are each by file and line.

    `importers` are (file, line) that import its file, `members` how many definitions of it were looked at, `derived`
    and `bases` classes.
    """

    symbol: Symbol
    definition: Definition | None
    callers: tuple[Resolution, ...]
    calls: tuple[Resolution, ...]
    importers: tuple[tuple[str, int], ...]
    derived: tuple[Symbol, ...]
    bases: tuple[Symbol, ...]
    members: int


def uses(graph: Graph, symbol: Symbol) -> Uses:
    """Return the users of `symbol` and what it uses; a class includes its methods, a file all that it defines."""
    definition = graph.symbols.definition(symbol)
    members = _members(graph, symbol)
    inside = set(members)
    callers = {
        (one.path, one.call.line, one.text): one
        for member in members[:MOST_MEMBERS]
        for one in graph.callers(member)
        if Symbol(one.path, one.call.inside) not in inside or member == symbol
    }
    calls = {
        (one.path, one.call.line, one.text): one
        for member in members
        for one in graph.calls(member)
        if not inside & set(one.targets)
    }
    importers = tuple(
        (one.path, one.line)
        for one in graph.importers(symbol.path)
        if not symbol.qualified or not one.names or {symbol.qualified.split(".")[0], "*", "default"} & set(one.names)
    )
    is_class = definition is not None and definition.kind in TYPES
    return Uses(
        symbol,
        definition,
        tuple(sorted(callers.values(), key=lambda one: (one.path, one.call.line))),
        tuple(sorted(calls.values(), key=lambda one: (one.path, one.call.line))),
        importers,
        graph.symbols.derived.get(symbol, ()) if is_class else (),
        graph.symbols.bases(symbol)[0] if is_class else (),
        len(members),
    )


def _members(graph: Graph, symbol: Symbol) -> list[Symbol]:
    """Return the definition itself and what it holds; nested functions only of classes and files."""
    definition = graph.symbols.definition(symbol)
    if definition is not None and definition.kind in CODE:
        return [symbol]
    names = graph.symbols.defined[symbol.path]
    start = f"{symbol.qualified}." if symbol.qualified else ""
    return [symbol, *(Symbol(symbol.path, name) for name in names if name.startswith(start))]
