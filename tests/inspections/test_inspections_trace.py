"""The two traces over a graph, as trees of text and as diagrams."""

from inspected_trees import LAYERED, graph_of

from stepwarden.inspections.shared.targets import find_targets
from stepwarden.inspections.tracer.call_trace import MOST_HOPS, find_uses, trace_flow
from stepwarden.inspections.tracer.call_trace_diagram import MOST_BOXES, draw_flow, draw_uses
from stepwarden.inspections.tracer.call_trace_text import (
    flow_text,
    used_text,
    users_text,
)
from stepwarden.reports.diagram import read_mermaid, write_mermaid
from stepwarden.source.graph.symbols import Symbol

SHOW = Symbol("app/web/pages.py", "show")


def test_a_flow_follows_calls_in_their_order_and_marks_what_it_cannot_resolve() -> None:
    lines = flow_text(trace_flow(graph_of(LAYERED), SHOW))
    text = "\n".join(lines)
    assert lines[0].startswith("show  app/web/pages.py:4  [branches at 5]")
    assert "├─ :6 load  app/core/orders.py:10" in text
    assert "│  ├─ :11 read  app/store/files.py:2" in text
    assert "hook  ? dynamic (`hook` is a parameter)" in text
    assert ":8,9 Order.check  app/core/orders.py:8" in text
    assert ":11 show  app/web/pages.py:4  (above)" in text
    assert "outside: os.read" in text


def test_a_flow_of_a_tree_that_calls_everything_stays_within_its_limit_and_says_so() -> None:
    names = [f"f{number}" for number in range(40)]
    body = "".join(f"def {name}():\n" + "".join(f"    {other}()\n" for other in names) for name in names)
    root = trace_flow(graph_of({"a.py": body}), Symbol("a.py", "f0"))
    assert sum(hop.call is not None for hop in root.walk()) == MOST_HOPS
    assert "beyond the limit of this trace" in "\n".join(flow_text(root))
    assert len(draw_flow(root).nodes) == MOST_BOXES


def test_the_diagram_of_a_flow_is_one_that_the_report_can_draw() -> None:
    diagram = draw_flow(trace_flow(graph_of(LAYERED), SHOW))
    assert read_mermaid(write_mermaid(diagram)) == diagram
    marks = {node.label.splitlines()[0]: node.mark for node in diagram.nodes}
    assert (marks["show"], marks["hook"], marks["load"]) == ("target", "dynamic", "")


def test_uses_name_callers_importers_and_what_is_used() -> None:
    graph = graph_of(LAYERED)
    found = find_uses(graph, SHOW)
    assert [(one.path, one.call.line) for one in found.callers] == [
        ("app/__main__.py", 2),
        ("app/web/pages.py", 11),
        ("tests/test_pages.py", 2),
    ]
    assert ("tests/test_pages.py", 1) in found.importers
    text = "\n".join(users_text(found, ["a.py:3"]))
    assert "  :2 pages.show() in the file itself" in text
    assert "named without a call (as a value or in text): a.py:3" in text
    down = "\n".join(used_text(found))
    assert "app/core/orders.py\n  load at :6" in down
    diagram = draw_uses(found, {SHOW: graph.symbols.definition(SHOW)})
    assert read_mermaid(write_mermaid(diagram)) == diagram


def test_the_users_of_a_class_are_those_of_its_methods_too() -> None:
    found = find_uses(graph_of(LAYERED), Symbol("app/core/orders.py", "Order"))
    assert {(one.path, one.call.name) for one in found.callers} == {
        ("app/core/orders.py", "Order"),
        ("app/web/pages.py", "check"),
    }


def test_a_target_may_be_a_name_a_place_or_a_sentence_that_names_one() -> None:
    graph = graph_of(LAYERED)
    load = (Symbol("app/core/orders.py", "load"),)
    for text in (
        "load",
        "app/core/orders.py:load",
        "orders.load",
        "Who calls `load` and why?",
        "app/core/orders.py:11",
    ):
        assert find_targets(graph.symbols, text) == load, text
    assert find_targets(graph.symbols, "Trace how Order.check comes to run") == (
        Symbol("app/core/orders.py", "Order.check"),
    )
    assert find_targets(graph.symbols, "why is the shop slow") == ()
