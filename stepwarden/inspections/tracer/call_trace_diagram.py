"""Traces as diagrams."""

from collections.abc import Mapping

from stepwarden.inspections.tracer.call_trace import Hop, Uses
from stepwarden.inspections.tracer.call_trace_text import place_of
from stepwarden.reports.diagram import Diagram, Edge, Node
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import Definition
from stepwarden.source.testfiles import is_test_file

MOST_BOXES = 26  # of one diagram: more are not readable
UNRESOLVED_BOXES = 6  # of them, for unresolved calls


def draw_flow(root: Hop) -> Diagram:
    """Return a flow as a diagram, the calls near the start first."""
    boxes = _Boxes()
    start = boxes.add(root.symbol, root.definition, mark="target")
    assert start is not None
    level = [(root, start)]
    while level:
        below: list[tuple[Hop, str]] = []
        for hop, box in level:
            for after in hop.hops:
                target = _box_of(boxes, after)
                if target is not None:
                    boxes.connect(box, target, loose=not after.is_sure)
                    below.append((after, target))
        level = below
    return boxes.diagram()


def _box_of(boxes: "_Boxes", hop: Hop) -> str | None:
    if hop.symbol is not None:
        return boxes.add(hop.symbol, hop.definition)
    if hop.call is not None and len(hop.call.text) > 2:
        return boxes.add_unresolved(hop.call)
    return None


def draw_uses(found: Uses, definitions: Mapping[Symbol, Definition | None]) -> Diagram:
    """Return users, definition and what it uses as a diagram from left to right."""
    boxes = _Boxes()
    target = boxes.add(found.symbol, found.definition, mark="target")
    assert target is not None
    for caller in sorted(found.callers, key=lambda call: is_test_file(call.path)):
        user = Symbol(caller.path, caller.call.inside)
        box = boxes.add(user, definitions.get(user), room=MOST_BOXES // 2)
        if box is not None and box != target:
            boxes.connect(box, target, loose=caller.certainty is not Certainty.SURE)
    for call in found.calls:
        if call.targets and call.is_known:
            box = boxes.add(call.targets[0], definitions.get(call.targets[0]))
            if box is not None and box != target:
                boxes.connect(target, box, loose=call.certainty is not Certainty.SURE)
    return boxes.diagram()


class _Boxes:
    """The boxes of one diagram up to its limit, each definition once; adding one returns its id, None if it is full."""

    def __init__(self) -> None:
        self._nodes: dict[object, Node] = {}
        self._edges: dict[tuple[str, str], Edge] = {}
        self._unresolved = 0

    def add(
        self, symbol: Symbol | None, definition: Definition | None, *, mark: str = "", room: int = MOST_BOXES
    ) -> str | None:
        if symbol is None:
            return None
        label = symbol.qualified or symbol.path.rpartition("/")[2]
        place = "/".join(place_of(symbol, definition).split("/")[-2:])
        return self._add_box(symbol, f"{label}\n{place}", mark, room)

    def add_unresolved(self, call: Resolution) -> str | None:
        if call.text not in self._nodes:
            self._unresolved += 1
            if self._unresolved > UNRESOLVED_BOXES:
                return None
        return self._add_box(call.text, f"{call.text}\n{call.certainty.value}", "dynamic", MOST_BOXES)

    def _add_box(self, key: object, label: str, mark: str, room: int) -> str | None:
        if key not in self._nodes:
            if len(self._nodes) >= room:
                return None
            self._nodes[key] = Node(f"n{len(self._nodes)}", label, mark)
        return self._nodes[key].id

    def connect(self, start: str, end: str, *, loose: bool) -> None:
        self._edges.setdefault((start, end), Edge(start, end, loose=loose))

    def diagram(self) -> Diagram:
        return Diagram(tuple(self._nodes.values()), tuple(self._edges.values()))
