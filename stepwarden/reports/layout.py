"""Where the boxes, arrows and labels of a diagram go: boxes in layers, every arrow in lanes of its own between them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from unicodedata import category, east_asian_width

from stepwarden.reports.diagram import LABEL_CHARS, Diagram, Edge, Node
from stepwarden.reports.layers import find_depths, untangle

GLYPH, SMALL_GLYPH, LINE = 7.3, 6.8, 17.0  # pixels: a letter of the page's 12 px and 11 px monospace, a line
PAD_X, PAD_Y = 12.0, 9.0
GAP_ALONG, GAP_ASIDE = 56.0, 18.0  # between two layers, and between two boxes of a layer
LOOP, LANE = 24.0, 8.0  # the room of an arrow from a box to itself, and of an arrow that passes a layer
LABEL_HEIGHT = 14.0
EDGE_LABEL_CHARS = 18

Point = tuple[float, float]
"""A place in pixels: along the layers and aside, or x and y."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node is drawn, in pixels; `x` and `y` are its upper left corner."""

    node: Node
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ArrowPath:
    """The line of an arrow: from `first` along `parts`, each a straight line (one point) or a curve (three points).

    It ends before the box at `head`, in the direction `toward` (a unit step).
    """

    edge: Edge
    first: Point
    parts: tuple[tuple[Point, ...], ...]
    head: Point
    toward: Point


@dataclass(frozen=True, slots=True)
class Label:
    """The text of an arrow and its middle, with the size that it takes."""

    text: str
    at: Point
    width: float


@dataclass(frozen=True, slots=True)
class Layout:
    """What is drawn where."""

    boxes: Mapping[str, Box]
    routes: Sequence[ArrowPath]
    labels: Sequence[Label]


def lay_out(diagram: Diagram) -> Layout:
    """Return the layout of a diagram.

    Boxes do not overlap, no arrow passes through one, and arrows point forward except in cycles.
    """
    return _Planner(diagram).plan()


def box_lines(node: Node) -> list[str]:
    """Return the lines of text in a box, each cut to its length."""
    lines = node.label.splitlines() or [node.id]
    return [line if len(line) <= LABEL_CHARS else f"{line[: LABEL_CHARS - 1]}…" for line in lines[:3]]


def _cells(text: str) -> int:
    """Return how many letters wide a text is; marks on the letter before have no width."""
    return sum(
        0 if category(char) in {"Mn", "Me", "Cf"} else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def _label_of(edge: Edge) -> str:
    return edge.label if len(edge.label) <= EDGE_LABEL_CHARS else f"{edge.label[: EDGE_LABEL_CHARS - 1]}…"


def _label_width(edge: Edge) -> float:
    return _cells(_label_of(edge)) * SMALL_GLYPH + 6 if edge.label else 0.0


@dataclass(frozen=True, slots=True)
class _Span:
    """What a box or a lane takes of its layer: the along and aside of its middle line, and its size."""

    low: float
    high: float
    start: float
    end: float


_Port = tuple[int, str, bool]
"""The number of an arrow, what it touches, and whether it goes on from there to the next layer."""


class _Planner:
    """Plans one diagram, as if it ran across: `along` is the direction of the layers, `aside` the other one."""

    def __init__(self, diagram: Diagram) -> None:
        self._across = diagram.across
        self._nodes = {node.id: node for node in diagram.nodes}
        edges = list(dict.fromkeys(diagram.edges))
        self._loops = _merge_loops(edge for edge in edges if edge.start == edge.end)
        self._edges = [edge for edge in edges if edge.start != edge.end]
        self._depth = find_depths(list(self._nodes), self._edges)
        self._chains = [self._chain(number, edge) for number, edge in enumerate(self._edges)]
        self._layers = self._fill_layers()
        self._starts: list[float] = []  # of the layers, along
        self._ends: list[float] = []

    def plan(self) -> Layout:
        spans = self._place()
        ports = self._ports(spans)
        boxes = {name: self._box(node, spans[name]) for name, node in self._nodes.items()}
        routes = [
            *(self._route(number, spans, ports) for number in range(len(self._edges))),
            *(self._loop(edge, spans[edge.start]) for edge in self._loops),
        ]
        return Layout(boxes, routes, self._labels(routes, boxes))

    def _chain(self, number: int, edge: Edge) -> list[str]:
        """Return what an arrow passes, from the earlier box to the later one: a lane in each layer between."""
        first, last = sorted((edge.start, edge.end), key=self._depth.__getitem__)
        between = range(self._depth[first] + 1, self._depth[last])
        return [first, *(f"{number}:{layer}" for layer in between), last]

    def _fill_layers(self) -> list[list[str]]:
        layers: list[list[str]] = [[] for _ in range(max(self._depth.values()) + 1)]
        for name in self._nodes:
            layers[self._depth[name]].append(name)
        for chain in self._chains:
            for offset, name in enumerate(chain[1:-1], self._depth[chain[0]] + 1):
                layers[offset].append(name)
        untangle(layers, [pair for chain in self._chains for pair in pairwise(chain)])
        return layers

    def _size(self, name: str) -> Point:
        """Return the size of a box, along and aside; that of a lane is a line's."""
        if name not in self._nodes:
            return 0.0, LANE
        lines = box_lines(self._nodes[name])
        size = max(36.0, max(map(_cells, lines)) * GLYPH + 2 * PAD_X), len(lines) * LINE + 2 * PAD_Y
        return size if self._across else (size[1], size[0])

    def _loop_room(self, name: str) -> Point:
        """Return how far along and aside the arrows from a box to itself and their labels go."""
        widths = [_label_width(edge) for edge in self._loops if edge.start == name]
        if not widths:
            return 0.0, 0.0
        widest = max(widths)
        return (widest, LOOP + (LABEL_HEIGHT if widest else 0)) if self._across else (0.0, LOOP + widest)

    def _place(self) -> dict[str, _Span]:
        sizes = {name: self._size(name) for layer in self._layers for name in layer}
        rooms = {name: self._loop_room(name) for name in self._nodes}
        aside = {name: size[1] + 2 * rooms.get(name, (0.0, 0.0))[1] for name, size in sizes.items()}  # to stay centred
        widths = [sum(aside[name] for name in layer) + GAP_ASIDE * (len(layer) - 1) for layer in self._layers]
        spans: dict[str, _Span] = {}
        start = 0.0
        for number, (layer, width) in enumerate(zip(self._layers, widths, strict=True)):
            depth = max(max(sizes[name][0], rooms.get(name, (0.0, 0.0))[0]) for name in layer)
            at = (max(widths) - width) / 2
            for name in layer:
                along = depth if name not in self._nodes else sizes[name][0]
                low = start if self._across else start + (depth - along) / 2
                side = at + (aside[name] - sizes[name][1]) / 2
                spans[name] = _Span(low, low + along, side, side + sizes[name][1])
                at += aside[name] + GAP_ASIDE
            self._starts.append(start)
            self._ends.append(start + depth)
            start += depth + self._gap(number)
        return spans

    def _gap(self, number: int) -> float:
        """Return the room behind a layer: as long as the labels of the arrows that begin or end there need."""
        if not self._across:
            return GAP_ALONG
        labels = (
            _label_width(edge)
            for edge in self._edges
            if number == self._depth[edge.start] - (self._depth[edge.start] > self._depth[edge.end])
        )
        return max(GAP_ALONG, max(labels, default=0.0) + 24)

    def _ports(self, spans: Mapping[str, _Span]) -> dict[_Port, float]:
        """Return where arrows touch what they pass, aside."""
        sides: dict[tuple[str, bool], list[tuple[float, int]]] = defaultdict(list)
        for number, chain in enumerate(self._chains):
            for one, other in pairwise(chain):
                sides[one, True].append((_middle(spans[other]), number))
                sides[other, False].append((_middle(spans[one]), number))
        ports: dict[_Port, float] = {}
        for (name, leaves), touching in sides.items():
            span = spans[name]
            for place, (_, number) in enumerate(sorted(touching), 1):
                ports[number, name, leaves] = span.start + (span.end - span.start) * place / (len(touching) + 1)
        return ports

    def _route(self, number: int, spans: Mapping[str, _Span], ports: Mapping[_Port, float]) -> ArrowPath:
        edge, chain = self._edges[number], self._chains[number]
        first, last = spans[chain[0]], spans[chain[-1]]
        back = edge.start != chain[0]
        at = first.high + (7 if back else 0), ports[number, chain[0], True]
        begin = at
        parts: list[tuple[Point, ...]] = []
        layer = self._depth[chain[0]]
        for one, other in pairwise(chain):
            out, into = ports[number, one, True], ports[number, other, False]
            leave = max(self._ends[layer], at[0])
            enter = self._starts[layer + 1]
            if other == chain[-1] and not back:
                enter = min(enter, last.low - 7)
            bend = (enter - leave) / 2
            parts += [((leave, out),), ((leave + bend, out), (enter - bend, into), (enter, into))]
            at = (enter, into)
            layer += 1
        end = (last.low - (0 if back else 7), at[1])
        parts.append((end,))
        head = (first.high, begin[1]) if back else (last.low, end[1])
        return self._turned(edge, begin, parts, head, (-1.0, 0.0) if back else (1.0, 0.0))

    def _loop(self, edge: Edge, span: _Span) -> ArrowPath:
        """Return an arrow that leaves a box aside and comes back to the same side."""
        middle = (span.low + span.high) / 2
        reach = min(12.0, (span.high - span.low) / 4)
        begin, end = (middle + reach, span.end), (middle - reach, span.end + 7)
        far = span.end + LOOP
        curve = ((middle + reach + 8, far), (middle - reach - 3, far), end)
        return self._turned(edge, begin, [curve], (middle - reach, span.end), (0.0, -1.0))

    def _turned(
        self, edge: Edge, first: Point, parts: Sequence[tuple[Point, ...]], head: Point, toward: Point
    ) -> ArrowPath:
        """Return the route in x and y."""
        flip = self._flip
        return ArrowPath(edge, flip(first), tuple(tuple(map(flip, part)) for part in parts), flip(head), flip(toward))

    def _flip(self, point: Point) -> Point:
        return point if self._across else (point[1], point[0])

    def _box(self, node: Node, span: _Span) -> Box:
        x, y = self._flip((span.low, span.start))
        right, bottom = self._flip((span.high, span.end))
        return Box(node, x, y, right - x, bottom - y)

    def _labels(self, routes: Sequence[ArrowPath], boxes: Mapping[str, Box]) -> list[Label]:
        placed: list[Label] = []
        for route in routes:
            if route.edge.label:
                width = _label_width(route.edge)
                wanted = self._label_places(route, width, boxes[route.edge.start])
                label = next(
                    found
                    for found in (Label(_label_of(route.edge), at, width) for at in wanted)
                    if not any(_overlap(found, other) for other in placed)
                )
                placed.append(label)
        return placed

    def _label_places(self, route: ArrowPath, width: float, box: Box) -> Iterator[Point]:
        """Yield where a label may stand, the best place first: in the gap where its arrow starts, or at its loop."""
        if route.edge.start == route.edge.end:
            middle = max(box.x + box.width / 2, box.x + width / 2), box.y + box.height + LOOP + LABEL_HEIGHT / 2
            at = middle if self._across else (box.x + box.width + LOOP + width / 2, box.y + box.height / 2)
        else:
            curves = [part for part in route.parts if len(part) == 3]
            back = self._depth[route.edge.start] > self._depth[route.edge.end]
            curve = curves[-1 if back else 0]
            before = [route.first, *(part[-1] for part in route.parts)]
            start = before[route.parts.index(curve)]
            at = (start[0] + curve[-1][0]) / 2, (start[1] + curve[-1][1]) / 2
        step = LABEL_HEIGHT + 2 if self._across else width + 4
        for number in range(10_000):
            shift = step * ((number + 1) // 2) * (1 if number % 2 else -1)
            yield (at[0], at[1] + shift) if self._across else (at[0] + shift, at[1])


def _merge_loops(edges: Iterable[Edge]) -> list[Edge]:
    """Return one arrow for all from a box to itself, with their labels."""
    by_box: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        by_box[edge.start].append(edge)
    return [
        Edge(name, name, ", ".join(edge.label for edge in same if edge.label), all(edge.loose for edge in same))
        for name, same in by_box.items()
    ]


def _middle(span: _Span) -> float:
    return (span.start + span.end) / 2


def _overlap(one: Label, other: Label) -> bool:
    near_x = abs(one.at[0] - other.at[0]) < (one.width + other.width) / 2
    return near_x and abs(one.at[1] - other.at[1]) < LABEL_HEIGHT
