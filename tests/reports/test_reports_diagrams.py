"""Diagrams are written as Mermaid, read back, and drawn without overlap."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from stepwarden.reports.diagram import MOST_NODES, Diagram, Edge, Node, fenced, read_mermaid, write_mermaid
from stepwarden.reports.prose import prose
from stepwarden.reports.svg import draw, place_boxes

CHAIN = Diagram(
    (Node("n0", "save\nstore.py:12", "target"), Node("n1", 'open["x"]'), Node("n2", "a < b; #1", "dynamic")),
    (Edge("n0", "n1"), Edge("n1", "n2", "by name", loose=True)),
)
labels = st.text(alphabet='ab.:"<>#;&|[]{}` é漢', min_size=1, max_size=12).map(
    lambda text: " ".join(text.split()) or "x"
)


@st.composite
def diagrams(draw_one: st.DrawFn) -> Diagram:
    count = draw_one(st.integers(1, 12))
    nodes = tuple(Node(f"n{index}", draw_one(labels)) for index in range(count))
    ends = st.sampled_from([node.id for node in nodes])
    edges = draw_one(st.lists(st.builds(Edge, ends, ends, st.just(""), st.booleans()), max_size=20))
    return Diagram(nodes, tuple(edges), draw_one(st.booleans()))


def test_a_diagram_is_read_back_as_it_was_written() -> None:
    assert read_mermaid(write_mermaid(CHAIN)) == CHAIN


@given(diagrams())
def test_every_diagram_is_read_back_as_it_was_written(diagram: Diagram) -> None:
    assert read_mermaid(write_mermaid(diagram)) == diagram


@given(diagrams())
def test_no_two_boxes_overlap_and_all_are_drawn(diagram: Diagram) -> None:
    boxes = place_boxes(diagram)
    assert boxes.keys() == {node.id for node in diagram.nodes}
    for one, other in combinations(boxes.values(), 2):
        apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
        apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert apart_x or apart_y
    assert draw(diagram, "t").count("<rect") == len(boxes)


def test_arrows_of_a_tree_run_from_left_to_right() -> None:
    boxes = place_boxes(CHAIN)
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
