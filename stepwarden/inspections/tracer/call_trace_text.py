"""Traces as text trees and as diagrams."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from stepwarden.inspections.scope import count, some
from stepwarden.inspections.tracer.call_trace import Hop, Uses
from stepwarden.reports.diagram import Diagram, Edge, Node
from stepwarden.source.call_resolver import Certainty, Resolution
from stepwarden.source.outline import Definition
from stepwarden.source.symbols import Symbol
from stepwarden.source.testfiles import is_test_file

BOXES = 26  # of one diagram: more cannot be read
UNSURE_BOXES = 6  # of them, calls that are not resolved
SHOWN = 12  # names of calls that leave the tree, in one line
LINE_CHARS = 160


def place(symbol: Symbol, definition: Definition | None) -> str:
    """Return where a definition stands: `path:line`."""
    return f"{symbol.path}:{definition.line}" if definition else symbol.path


def tree(root: Hop) -> list[str]:
    """Return a flow as lines of text: each call with its line, what it runs and where that is."""
    assert root.symbol is not None
    lines = [f"{root.symbol.qualified or root.symbol.path}  {place(root.symbol, root.definition)}{_branches(root)}"]
    lines += _below(root, "")
    return lines


def _below(hop: Hop, indent: str) -> Iterator[str]:
    rows: list[Hop | str] = [*hop.hops]
    if hop.cut:
        rows.append(f"{count(hop.cut, 'more call')}, past the limit of this trace")
    if hop.built_in:
        rows.append(f"unknown objects, most likely of built-in types: {some(hop.built_in, SHOWN)}")
    if hop.outside:
        rows.append(f"outside: {some(hop.outside, SHOWN)}")
    for number, row in enumerate(rows, 1):
        last = number == len(rows)
        told = row if isinstance(row, str) else _told(row)
        yield f"{indent}{'└─' if last else '├─'} {_cut(told)}"
        if not isinstance(row, str):
            yield from _below(row, f"{indent}{'   ' if last else '│  '}")


def _told(hop: Hop) -> str:
    assert hop.call is not None
    at = f":{','.join(map(str, hop.lines[:4]))}{'...' if len(hop.lines) > 4 else ''}"
    if hop.symbol is None:
        return f"{at} {hop.call.text}  ? {unsure(hop.call)}"
    name = hop.symbol.qualified or hop.symbol.path
    told = f"{at} {name}  {place(hop.symbol, hop.definition)}"
    if hop.call.certainty is Certainty.LIKELY:
        told += f"  likely: {hop.call.reason}"
    elif hop.call.reason:
        told += f"  {hop.call.reason}"
    return f"{told}  (above)" if hop.seen else f"{told}{_branches(hop)}"


def _branches(hop: Hop) -> str:
    lines = sorted(set(hop.definition.branches)) if hop.definition else []
    return f"  [branches at {some([str(line) for line in lines], 5)}]" if lines else ""


def unsure(call: Resolution) -> str:
    """Return why a call is not resolved, with the places that it may mean."""
    told = "dynamic" if call.certainty is Certainty.DYNAMIC else f"one of {len(call.targets)}"
    places = f": {some([target.spelled for target in call.targets], 3)}" if call.targets else ""
    return f"{told}{places}{f' ({call.reason})' if call.reason else ''}"


def flow_diagram(root: Hop) -> Diagram:
    """Return a flow as a diagram, the near calls first."""
    boxes = _Boxes()
    start = boxes.of(root.symbol, root.definition, mark="target")
    assert start is not None
    level = [(root, start)]
    while level:
        below: list[tuple[Hop, str]] = []
        for hop, here in level:
            for after in hop.hops:
                if after.symbol is not None:
                    there = boxes.of(after.symbol, after.definition)
                elif after.call is not None and len(after.call.text) > 2:
                    there = boxes.unsure(after.call)
                else:
                    there = None
                if there is not None:
                    boxes.tie(here, there, loose=not after.is_sure)
                    below.append((after, there))
        level = below
    return boxes.diagram()


def uses_diagram(found: Uses, definition_of: dict[Symbol, Definition | None]) -> Diagram:
    """Return users, definition and what it uses as a diagram from left to right."""
    boxes = _Boxes()
    target = boxes.of(found.symbol, found.definition, mark="target")
    assert target is not None
    for caller in sorted(found.callers, key=lambda one: is_test_file(one.path)):
        user = Symbol(caller.path, caller.call.inside)
        there = boxes.of(user, definition_of.get(user), room=BOXES // 2)
        if there is not None and there != target:
            boxes.tie(there, target, loose=caller.certainty is not Certainty.SURE)
    for call in found.calls:
        if call.targets and call.certainty in {Certainty.SURE, Certainty.LIKELY}:
            there = boxes.of(call.targets[0], definition_of.get(call.targets[0]))
            if there is not None and there != target:
                boxes.tie(target, there, loose=call.certainty is not Certainty.SURE)
    return boxes.diagram()


class _Boxes:
    """Collects the boxes of one diagram up to its limit, each definition once."""

    def __init__(self) -> None:
        self._nodes: dict[object, Node] = {}
        self._edges: dict[tuple[str, str], Edge] = {}
        self._unsure = 0

    def of(
        self, symbol: Symbol | None, definition: Definition | None, *, mark: str = "", room: int = BOXES
    ) -> str | None:
        if symbol is None:
            return None
        label = symbol.qualified or symbol.path.rpartition("/")[2]
        where = "/".join(place(symbol, definition).split("/")[-2:])
        return self._box(symbol, f"{label}\n{where}", mark, room)

    def unsure(self, call: Resolution) -> str | None:
        if call.text not in self._nodes:
            self._unsure += 1
            if self._unsure > UNSURE_BOXES:
                return None
        return self._box(call.text, f"{call.text}\n{call.certainty.value}", "dynamic", BOXES)

    def _box(self, key: object, label: str, mark: str, room: int) -> str | None:
        if key not in self._nodes:
            if len(self._nodes) >= room:
                return None
            self._nodes[key] = Node(f"n{len(self._nodes)}", label, mark)
        return self._nodes[key].id

    def tie(self, start: str, end: str, *, loose: bool) -> None:
        self._edges.setdefault((start, end), Edge(start, end, loose=loose))

    def diagram(self) -> Diagram:
        return Diagram(tuple(self._nodes.values()), tuple(self._edges.values()))


def users_text(found: Uses, mentions: Sequence[str]) -> list[str]:
    """Return who uses a definition, by file."""
    by_file: dict[str, list[Resolution]] = defaultdict(list)
    for caller in found.callers:
        by_file[caller.path].append(caller)
    imported = dict(found.importers)
    lines: list[str] = []
    for path in sorted({*by_file, *imported}):
        lines.append(f"{path}{f'  imports it at :{imported[path]}' if path in imported else ''}")
        lines += [f"  {line}" for line in _callers(by_file.get(path, ()))]
    if found.derived:
        lines.append(f"derived classes: {some([one.spelled for one in found.derived], SHOWN)}")
    if mentions:
        lines.append(f"named without a call (as a value, in text or a comment): {some(mentions, SHOWN)}")
    return lines or ["nobody in this tree, as far as its text tells"]


def _callers(found: Iterable[Resolution]) -> Iterator[str]:
    for one in found:
        note = "" if one.certainty is Certainty.SURE else f"  {one.certainty.value}: {one.reason}"
        yield _cut(f":{one.call.line} {one.text}() in {one.call.inside or 'the file itself'}{note}")


def used_text(found: Uses) -> list[str]:
    """Return what a definition uses, by file; calls that are not resolved and those that leave the tree after them."""
    by_file: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    open_ones: list[str] = []
    outside: dict[str, None] = {}
    for one in found.calls:
        if one.certainty is Certainty.OUTSIDE or "built-in type" in one.reason:
            outside[one.text] = None
        elif one.certainty in {Certainty.SURE, Certainty.LIKELY}:
            by_file[one.targets[0].path][one.targets[0].qualified].append(one.call.line)
        else:
            open_ones.append(f":{one.call.line} {one.text}  ? {unsure(one)}")
    lines: list[str] = []
    for path, names in sorted(by_file.items()):
        lines.append(path)
        lines += [f"  {name or 'the file'} at :{some([str(line) for line in at], 6)}" for name, at in names.items()]
    if found.bases:
        lines.append(f"bases: {some([one.spelled for one in found.bases], SHOWN)}")
    lines += [_cut(line) for line in open_ones[:40]]
    if outside:
        lines.append(_cut(f"outside or built in: {some(list(outside), SHOWN)}"))
    return lines or ["nothing that can be seen"]


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARS else f"{text[: LINE_CHARS - 3]}..."
