"""Draws a diagram as SVG: boxes in layers and arrows between them, styled by classes of the page, without script."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from unicodedata import east_asian_width

from stepwarden.reports.diagram import LABEL_CHARS, Diagram, Edge, Node

GLYPH, LINE = 7.3, 17.0  # pixels: the width of a letter of the page's 12 px monospace, the height of a line
PAD_X, PAD_Y = 12.0, 9.0
GAP_ALONG, GAP_ASIDE = 56.0, 18.0  # between two layers, and between two boxes of a layer
MARGIN = 10.0
SWEEPS = 4  # passes that move boxes near those they are connected to


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node is drawn, in pixels; `x` and `y` are its upper left corner."""

    node: Node
    x: float
    y: float
    width: float
    height: float


def draw(diagram: Diagram, title: str) -> str:
    """Return `diagram` as one `<svg>` element with `title` for screen readers."""
    boxes = place_boxes(diagram)
    width = max(box.x + box.width for box in boxes.values()) + MARGIN
    height = max(box.y + box.height for box in boxes.values()) + MARGIN
    back = any(_runs_back(edge, boxes, across=diagram.across) for edge in diagram.edges)
    width, height = (width, height + 16) if diagram.across and back else (width + 16 * back, height)
    label = escape(title)
    frame = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    head = f'<svg class="diagram" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {frame}>'
    parts = [f"{head}<title>{label}</title>"]
    edge_of = max((box.y + box.height if diagram.across else box.x + box.width) for box in boxes.values())
    parts += [_arrow(edge, boxes, edge_of + 14, across=diagram.across) for edge in diagram.edges]
    parts += [_box(box) for box in boxes.values()]
    return "".join([*parts, "</svg>"])


def place_boxes(diagram: Diagram) -> Mapping[str, Box]:
    """Return the box of each node by id: none overlap, and arrows point forward except in cycles."""
    layers = _layers(diagram)
    _untangle(layers, diagram.edges)
    sizes = {node.id: _size(node) for node in diagram.nodes}
    nodes = {node.id: node for node in diagram.nodes}
    along, aside = (0, 1) if diagram.across else (1, 0)
    spans = [sum(sizes[name][aside] for name in layer) + GAP_ASIDE * (len(layer) - 1) for layer in layers]
    widest = max(spans)
    boxes: dict[str, Box] = {}
    start = MARGIN
    for layer, span in zip(layers, spans, strict=True):
        depth = max(sizes[name][along] for name in layer)
        side = MARGIN + (widest - span) / 2
        for name in layer:
            size = sizes[name]
            x, y = (start, side) if diagram.across else (side, start + (depth - size[1]) / 2)
            boxes[name] = Box(nodes[name], x, y, *size)
            side += size[aside] + GAP_ASIDE
        start += depth + GAP_ALONG
    return boxes


def _layers(diagram: Diagram) -> list[list[str]]:
    """Return the nodes in layers, each behind all that point to it; arrows that close a cycle do not count."""
    forward: dict[str, list[str]] = defaultdict(list)
    for edge in diagram.edges:
        if edge.start != edge.end and edge.end not in forward[edge.start]:
            forward[edge.start].append(edge.end)
    order = _topological([node.id for node in diagram.nodes], forward)
    place = {name: index for index, name in enumerate(order)}
    depth = dict.fromkeys(order, 0)
    for name in order:
        for end in forward[name]:
            if place[end] > place[name]:
                depth[end] = max(depth[end], depth[name] + 1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in diagram.nodes:
        layers[depth[node.id]].append(node.id)
    return [layer for layer in layers if layer]


def _topological(names: Sequence[str], forward: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names in topological order, cycles cut where they close."""
    done: dict[str, None] = {}
    seen: set[str] = set()
    reached = {end for ends in forward.values() for end in ends}
    for root in sorted(names, key=lambda name: name in reached):
        stack = [(root, False)]
        while stack:
            name, finished = stack.pop()
            if finished:
                done[name] = None
            elif name not in seen:
                seen.add(name)
                stack.append((name, True))
                stack += [(end, False) for end in reversed(forward.get(name, ())) if end not in seen]
    return list(reversed(done))


def _untangle(layers: list[list[str]], edges: Sequence[Edge]) -> None:
    """Order each layer by the mean position of what its boxes are connected to in the layer before or after."""
    connected: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        connected[edge.start].append(edge.end)
        connected[edge.end].append(edge.start)
    for sweep in range(SWEEPS):
        pairs = list(pairwise(layers))
        for fixed, moved in pairs if sweep % 2 == 0 else [(later, earlier) for earlier, later in reversed(pairs)]:
            place = {name: index for index, name in enumerate(fixed)}
            middle: dict[str, float] = {}
            for index, name in enumerate(moved):
                near = [place[other] for other in connected[name] if other in place]
                middle[name] = sum(near) / len(near) if near else float(index)
            moved.sort(key=middle.__getitem__)


def _cells(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _lines(node: Node) -> list[str]:
    lines = node.label.splitlines() or [node.id]
    return [line if len(line) <= LABEL_CHARS else f"{line[: LABEL_CHARS - 1]}…" for line in lines[:3]]


def _size(node: Node) -> tuple[float, float]:
    lines = _lines(node)
    return max(36.0, max(_cells(line) for line in lines) * GLYPH + 2 * PAD_X), len(lines) * LINE + 2 * PAD_Y


def _box(box: Box) -> str:
    mark = box.node.mark if box.node.mark in {"target", "dynamic", "outside"} else "plain"
    middle = box.x + box.width / 2
    texts = "".join(
        f'<text x="{middle:.1f}" y="{box.y + PAD_Y + 13 + LINE * index:.1f}" text-anchor="middle" '
        f'class="{"name" if index == 0 else "place"}">{escape(line)}</text>'
        for index, line in enumerate(_lines(box.node))
    )
    return (
        f'<g class="{mark}"><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="7"/>{texts}</g>'
    )


def _runs_back(edge: Edge, boxes: Mapping[str, Box], *, across: bool) -> bool:
    start, end = boxes[edge.start], boxes[edge.end]
    return end.x <= start.x if across else end.y <= start.y


def _arrow(edge: Edge, boxes: Mapping[str, Box], around: float, *, across: bool) -> str:
    start, end = boxes[edge.start], boxes[edge.end]
    back = _runs_back(edge, boxes, across=across)
    path, (x, y), head = (_across if across else _down)(start, end, around if back else None)
    style = "edge loose" if edge.loose else "edge"
    label = ""
    if edge.label:
        text = edge.label if len(edge.label) <= 18 else f"{edge.label[:17]}…"
        label = f'<text x="{x:.1f}" y="{y - 4:.1f}" text-anchor="middle" class="on">{escape(text)}</text>'
    return f'<path class="{style}" d="{path}"/><path class="head" d="{head}"/>{label}'


def _across(start: Box, end: Box, low: float | None) -> tuple[str, tuple[float, float], str]:
    """Return the line, the position of its label, and the arrowhead; one that points back goes below all, at `low`."""
    if low is not None:
        x0, y0, x1, y1 = start.x + start.width / 2, start.y + start.height, end.x + end.width / 2, end.y + end.height
        if start is end:
            x0, x1 = x0 + 12, x1 - 12
        turn = 14 if x0 >= x1 else -14
        return (
            (
                f"M{x0:.1f} {y0:.1f}Q{x0:.1f} {low:.1f} {x0 - turn:.1f} {low:.1f}H{x1 + turn:.1f}"
                f"Q{x1:.1f} {low:.1f} {x1:.1f} {y1 + 7:.1f}"
            ),
            ((x0 + x1) / 2, low),
            f"M{x1 - 4:.1f} {y1 + 8:.1f}L{x1:.1f} {y1 + 1:.1f}L{x1 + 4:.1f} {y1 + 8:.1f}Z",
        )
    x0, y0, x1, y1 = start.x + start.width, start.y + start.height / 2, end.x, end.y + end.height / 2
    bend = max(24.0, min(60.0, (x1 - x0) / 2))
    return (
        f"M{x0:.1f} {y0:.1f}C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1 - 7:.1f} {y1:.1f}",
        ((x0 + x1) / 2, (y0 + y1) / 2),
        f"M{x1 - 8:.1f} {y1 - 4:.1f}L{x1 - 1:.1f} {y1:.1f}L{x1 - 8:.1f} {y1 + 4:.1f}Z",
    )


def _down(start: Box, end: Box, far: float | None) -> tuple[str, tuple[float, float], str]:
    """Return the same for a diagram from top to bottom; an arrow that points back goes right of all, at `far`."""
    if far is not None:
        x0, y0, x1, y1 = start.x + start.width, start.y + start.height / 2, end.x + end.width, end.y + end.height / 2
        if start is end:
            y0, y1 = y0 - 8, y1 + 8
        turn = 14 if y0 >= y1 else -14
        return (
            (
                f"M{x0:.1f} {y0:.1f}Q{far:.1f} {y0:.1f} {far:.1f} {y0 - turn:.1f}V{y1 + turn:.1f}"
                f"Q{far:.1f} {y1:.1f} {x1 + 7:.1f} {y1:.1f}"
            ),
            (far, (y0 + y1) / 2),
            f"M{x1 + 8:.1f} {y1 - 4:.1f}L{x1 + 1:.1f} {y1:.1f}L{x1 + 8:.1f} {y1 + 4:.1f}Z",
        )
    x0, y0, x1, y1 = start.x + start.width / 2, start.y + start.height, end.x + end.width / 2, end.y
    bend = max(20.0, min(50.0, (y1 - y0) / 2))
    return (
        f"M{x0:.1f} {y0:.1f}C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1 - 7:.1f}",
        ((x0 + x1) / 2, (y0 + y1) / 2),
        f"M{x1 - 4:.1f} {y1 - 8:.1f}L{x1:.1f} {y1 - 1:.1f}L{x1 + 4:.1f} {y1 - 8:.1f}Z",
    )
