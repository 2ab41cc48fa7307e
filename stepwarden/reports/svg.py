"""Draws a diagram as SVG: boxes in layers and arrows between them, styled by classes of the page, without script."""

from collections.abc import Iterator
from html import escape

from stepwarden.reports.diagram import Diagram
from stepwarden.reports.layout import (
    LABEL_HEIGHT,
    LINE,
    PAD_Y,
    ArrowPath,
    Box,
    Label,
    Layout,
    Point,
    box_lines,
    lay_out,
)

MARGIN = 10.0


def draw(diagram: Diagram, title: str) -> str:
    """Return `diagram` as one `<svg>` element with `title` for screen readers; nothing of it lies outside its frame."""
    layout = lay_out(diagram)
    points = list(_extent(layout))
    left, top = (min(values) - MARGIN for values in zip(*points, strict=True))
    width, height = (
        max(values) - min(values) + 2 * MARGIN + 1  # rounding must not cut a line
        for values in zip(*points, strict=True)
    )
    label = escape(title)
    frame = f'viewBox="{left:.0f} {top:.0f} {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    head = f'<svg class="diagram" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {frame}>'
    parts = [f"{head}<title>{label}</title>"]
    parts += [_arrow(route) for route in layout.routes]
    parts += [_box(box) for box in layout.boxes.values()]
    parts += [_text(item) for item in layout.labels]
    return "".join([*parts, "</svg>"])


def _extent(layout: Layout) -> Iterator[Point]:
    """Yield points that enclose all that is drawn; a curve lies within its own points."""
    for box in layout.boxes.values():
        yield box.x, box.y
        yield box.x + box.width, box.y + box.height
    for route in layout.routes:
        yield route.first
        for part in route.parts:
            yield from part
    for label in layout.labels:
        x, y = label.at
        yield x - label.width / 2, y - LABEL_HEIGHT / 2
        yield x + label.width / 2, y + LABEL_HEIGHT / 2


def _arrow(route: ArrowPath) -> str:
    style = "edge loose" if route.edge.loose else "edge"
    line = f"M{_number(route.first)}" + "".join(
        ("L" if len(part) == 1 else "C") + " ".join(map(_number, part)) for part in route.parts
    )
    (x, y), (along, aside) = route.head, route.toward
    tip = x - along, y - aside
    one = x - 8 * along - 4 * aside, y - 8 * aside - 4 * along
    other = x - 8 * along + 4 * aside, y - 8 * aside + 4 * along
    return (
        f'<path class="{style}" d="{line}"/><path class="head" d="M{_number(one)}L{_number(tip)}L{_number(other)}Z"/>'
    )


def _number(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _text(label: Label) -> str:
    x, y = label.at
    return f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" class="on">{escape(label.text)}</text>'


def _box(box: Box) -> str:
    mark = box.node.mark if box.node.mark in {"target", "dynamic", "outside"} else "plain"
    middle = box.x + box.width / 2
    texts = "".join(
        f'<text x="{middle:.1f}" y="{box.y + PAD_Y + 13 + LINE * index:.1f}" text-anchor="middle" '
        f'class="{"name" if index == 0 else "place"}">{escape(line)}</text>'
        for index, line in enumerate(box_lines(box.node))
    )
    return (
        f'<g class="{mark}"><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="7"/>{texts}</g>'
    )
