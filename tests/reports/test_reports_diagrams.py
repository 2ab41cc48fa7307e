"""Diagrams are written as Mermaid, read back, and drawn without overlap."""

import re
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stepwarden.reports.diagram import MOST_EDGES, MOST_NODES, Diagram, Edge, Node, fenced, read_mermaid, write_mermaid
from stepwarden.reports.layout import Box, lay_out
from stepwarden.reports.prose import prose
from stepwarden.reports.svg import draw

CHAIN = Diagram(
    (Node("n0", "save\nstore.py:12", "target"), Node("n1", 'open["x"]'), Node("n2", "a < b; #1", "dynamic")),
    (Edge("n0", "n1"), Edge("n1", "n2", "by name", loose=True)),
)
FACTORIAL = Diagram((Node("n0", "factorial\nmath.py:3", "target"),), (Edge("n0", "n0", "recursion"),))
MUTUAL = Diagram(
    (Node("n0", "root"), Node("n1", "is_even"), Node("n2", "is_odd"), Node("n3", "another one, with a long name")),
    (
        Edge("n0", "n1"),
        Edge("n0", "n2", "by name"),
        Edge("n1", "n2"),
        Edge("n2", "n1", "back"),
        Edge("n3", "n3"),
        Edge("n2", "n0"),
        Edge("n0", "n3"),
    ),
)
FOREIGN = Diagram(
    (Node("n0", "計算する関数の名前はとても長い" * 4), Node("n1", "حساب_المجموع\nملف.py:4"), Node("n2", "x" * 90)),
    (Edge("n0", "n1", "呼び出し" * 6), Edge("n1", "n2", "نداء غير مؤكد"), Edge("n2", "n0"), Edge("n1", "n1", "自分")),
)
DEEP = Diagram(
    tuple(Node(f"n{index}", f"step {index}") for index in range(40)),
    (*(Edge(f"n{index}", f"n{index + 1}") for index in range(39)), Edge("n39", "n0"), Edge("n3", "n30", "skips")),
)
WIDE = Diagram(
    tuple(Node(f"n{index}", f"called {index}") for index in range(50)),
    tuple(Edge("n0", f"n{index}", str(index)) for index in range(1, 50)),
)
labels = st.text(alphabet='ab.:"<>#;&|[]{}` é漢', min_size=1, max_size=12).map(
    lambda text: " ".join(text.split()) or "x"
)


@st.composite
def diagrams(draw_one: st.DrawFn, *, labelled: bool = False) -> Diagram:
    count = draw_one(st.integers(1, 12))
    nodes = tuple(Node(f"n{index}", draw_one(labels)) for index in range(count))
    ends = st.sampled_from([node.id for node in nodes])
    texts = st.just("") | labels if labelled else st.just("")
    edges = draw_one(st.lists(st.builds(Edge, ends, ends, texts, st.booleans()), max_size=20))
    return Diagram(nodes, tuple(edges), draw_one(st.booleans()))


def test_a_diagram_is_read_back_as_it_was_written() -> None:
    assert read_mermaid(write_mermaid(CHAIN)) == CHAIN


@given(diagrams())
def test_every_diagram_is_read_back_as_it_was_written(diagram: Diagram) -> None:
    assert read_mermaid(write_mermaid(diagram)) == diagram


@given(diagrams())
def test_no_two_boxes_overlap_and_all_are_drawn(diagram: Diagram) -> None:
    boxes = lay_out(diagram).boxes
    assert boxes.keys() == {node.id for node in diagram.nodes}
    for one, other in combinations(boxes.values(), 2):
        apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
        apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert apart_x or apart_y
    assert draw(diagram, "t").count("<rect") == len(boxes)


Point = tuple[float, float]
SHOWN = [FACTORIAL, MUTUAL, FOREIGN, DEEP, WIDE]
both_ways = pytest.mark.parametrize("across", [True, False])


def drawn_paths(svg: str) -> list[list[Point]]:
    """Return the lines of the arrows as points along them, heads left out."""
    return [walked(path) for path in re.findall(r'class="edge[^"]*" d="([^"]+)"', svg)]


def walked(path: str) -> list[Point]:
    points: list[Point] = []
    for letter, text in re.findall(r"([MLC])([^MLC]+)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", text)]
        given = list(zip(numbers[::2], numbers[1::2], strict=True))
        if letter == "C":
            points += [bezier([points[-1], *given], step / 40) for step in range(1, 41)]
        else:
            points += given if not points else [between(points[-1], given[0], step / 10) for step in range(1, 11)]
    return points


def between(one: Point, other: Point, part: float) -> Point:
    return one[0] + (other[0] - one[0]) * part, one[1] + (other[1] - one[1]) * part


def bezier(points: list[Point], part: float) -> Point:
    while len(points) > 1:
        points = [between(one, other, part) for one, other in pairwise(points)]
    return points[0]


def is_inside(point: Point, box: Box) -> bool:
    return box.x + 0.5 < point[0] < box.x + box.width - 0.5 and box.y + 0.5 < point[1] < box.y + box.height - 0.5


def check_drawing(diagram: Diagram) -> None:
    """Everything lies within the frame, no arrow enters a box or turns back, no label covers another or a box."""
    svg, layout = draw(diagram, "t"), lay_out(diagram)
    left, top, width, height = map(float, re.findall(r'viewBox="([^"]+)"', svg)[0].split())
    numbers = [
        (float(x), float(y))
        for path in re.findall(r' d="([^"]+)"', svg)
        for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)
    ]
    corners = [
        (box.x + x * box.width, box.y + y * box.height) for box in layout.boxes.values() for x, y in ((0, 0), (1, 1))
    ]
    texts = [
        (label.at[0] + side * label.width / 2, label.at[1] + side * 7) for label in layout.labels for side in (-1, 1)
    ]
    for x, y in (*numbers, *corners, *texts):
        assert left <= x <= left + width
        assert top <= y <= top + height
    paths = drawn_paths(svg)
    assert len(paths) == len({edge.start if edge.start == edge.end else edge for edge in diagram.edges})
    for points in paths:
        assert not [point for point in points for box in layout.boxes.values() if is_inside(point, box)]
        steps = [(x - a, y - b) for (a, b), (x, y) in pairwise(points) if abs(x - a) + abs(y - b) > 0.25]
        for (a, b), (x, y) in pairwise(steps):
            assert a * x + b * y > -0.05 * abs((a * a + b * b) * (x * x + y * y)) ** 0.5  # no spike
    for one, other in combinations(layout.labels, 2):
        near = abs(one.at[0] - other.at[0]) < (one.width + other.width) / 2 - 0.01
        assert not (near and abs(one.at[1] - other.at[1]) < 13.99)
    for label in layout.labels:
        across = [label.at[0] + step * label.width / 2 for step in (-1, -0.5, 0, 0.5, 1)]
        corners = [(x, label.at[1] + side * 6.5) for x in across for side in (-1, 1)]
        assert not [box for corner in corners for box in layout.boxes.values() if is_inside(corner, box)]


@both_ways
@pytest.mark.parametrize("shown", SHOWN, ids=["factorial", "mutual", "foreign", "deep", "wide"])
def test_recursion_has_no_spikes_and_nothing_is_clipped_or_crossed_out(shown: Diagram, across: bool) -> None:
    check_drawing(Diagram(shown.nodes, shown.edges, across))


@example(MUTUAL)
@given(diagrams(labelled=True))
def test_no_drawing_has_spikes_and_nothing_is_clipped_or_crossed_out(diagram: Diagram) -> None:
    check_drawing(diagram)


@both_ways
def test_calls_both_ways_are_two_lines_apart(across: bool) -> None:
    pair = Diagram((Node("n0", "is_even"), Node("n1", "is_odd")), (Edge("n0", "n1"), Edge("n1", "n0")), across)
    there, back = drawn_paths(draw(pair, "t"))
    aside = 1 if across else 0
    assert min(abs(one[aside] - other[aside]) for one in there for other in back) > 3


def test_a_text_with_more_arrows_than_can_be_told_apart_stays_source() -> None:
    nodes = tuple(Node(f"n{index}", "x") for index in range(40))
    edges = tuple(Edge(one.id, other.id) for one in nodes for other in nodes)[: MOST_EDGES + 1]
    assert read_mermaid(write_mermaid(Diagram(nodes, edges))) is None
    assert read_mermaid(write_mermaid(Diagram(nodes, edges[:-1]))) is not None


def test_arrows_of_a_tree_run_from_left_to_right() -> None:
    boxes = lay_out(CHAIN).boxes
    assert boxes["n0"].x < boxes["n1"].x < boxes["n2"].x


def test_a_drawing_comes_with_its_source_and_words_for_those_who_cannot_see_it() -> None:
    html = prose(fenced(CHAIN), title="Trace")
    assert '<svg class="diagram"' in html
    assert "Trace: 3 boxes, 2 arrows" in html
    assert "<summary>Mermaid source</summary>" in html
    assert "a &lt; b; #1" in html


def test_other_mermaid_and_what_is_too_large_stay_source() -> None:
    for source in ("sequenceDiagram\n  A->>B: x", "flowchart LR\n  click n0 call()", "flowchart LR\n  n0 --> n1", ""):
        assert read_mermaid(source) is None
        assert "<svg" not in prose(f"```mermaid\n{source}\n```")
    many = Diagram(tuple(Node(f"n{index}", "x") for index in range(MOST_NODES + 1)), ())
    assert read_mermaid(write_mermaid(many)) is None
