"""Diagrams as values, written as Mermaid and read back from it."""

import re
from dataclasses import dataclass
from html import unescape

MOST_NODES = 60  # of one diagram: more are not readable
MOST_EDGES = 300  # likewise
LABEL_CHARS = 44  # of one line of a label

# Characters with a meaning in Mermaid, and their escapes there: `#`, the code point, `;`.
_SPECIAL = re.compile(r"[^\w .,:/()+*=@$'-]")
_ESCAPE = re.compile(r"#(\d{1,7});")
_HEAD = re.compile(r"(?:flowchart|graph) (LR|RL|TD|TB|BT)")
_NODE = re.compile(r'(\w+)\["([^"]*)"\](?::::?(\w+))?')
_EDGE = re.compile(r'(\w+) (-->|-\.->)(?:\|"([^"|]*)"\|)? (\w+)')
_SKIPPED = re.compile(r"(?:classDef|class|linkStyle|style) .*|%%.*|")


@dataclass(frozen=True, slots=True)
class Node:
    """One box: `label` has one to three lines; `mark` is `target`, `dynamic`, `outside` or ""."""

    id: str
    label: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow between two nodes, by their ids; a `loose` one is not certain."""

    start: str
    end: str
    label: str = ""
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Diagram:
    """Boxes and the arrows between them; it runs from left to right, without `across` from top to bottom."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    across: bool = True


def write_mermaid(diagram: Diagram) -> str:
    """Return the diagram as Mermaid source."""
    lines = [f"flowchart {'LR' if diagram.across else 'TD'}"]
    for node in diagram.nodes:
        mark = f":::{node.mark}" if node.mark else ""
        lines.append(f'  {node.id}["{"<br/>".join(_escape(part) for part in node.label.splitlines())}"]{mark}')
    for edge in diagram.edges:
        label = f'|"{_escape(edge.label)}"|' if edge.label else ""
        lines.append(f"  {edge.start} {'-.->' if edge.loose else '-->'}{label} {edge.end}")
    lines += [
        f"  classDef {mark} {style}" for mark, style in _STYLES.items() if any(n.mark == mark for n in diagram.nodes)
    ]
    return "\n".join(lines)


def fenced(diagram: Diagram) -> str:
    """Return the diagram as a fenced block of Markdown."""
    return f"```mermaid\n{write_mermaid(diagram)}\n```"


def read_mermaid(source: str) -> Diagram | None:
    """Return the diagram that `write_mermaid` wrote; None for any other Mermaid, or one too large to draw."""
    lines = [line.strip() for line in source.strip().splitlines()]
    if not lines or not (head := _HEAD.fullmatch(lines[0])) or len(lines) > 20 * MOST_NODES:
        return None
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for line in lines[1:]:
        if match := _NODE.fullmatch(line):
            nodes[match[1]] = Node(match[1], _unescape(match[2]), match[3] or "")
        elif match := _EDGE.fullmatch(line):
            edges.append(Edge(match[1], match[4], _unescape(match[3] or ""), loose=match[2] == "-.->"))
        elif not _SKIPPED.fullmatch(line):
            return None
    if (
        not nodes
        or len(nodes) > MOST_NODES
        or len(edges) > MOST_EDGES
        or any(end not in nodes for edge in edges for end in (edge.start, edge.end))
    ):
        return None
    return Diagram(tuple(nodes.values()), tuple(edges), head[1] in {"LR", "RL"})


_STYLES = {
    "target": "stroke-width:3px",
    "dynamic": "stroke-dasharray:5 4",
    "outside": "opacity:0.6",
}


def _escape(text: str) -> str:
    line = " ".join(text.split())
    line = line if len(line) <= LABEL_CHARS else f"{line[: LABEL_CHARS - 1]}…"
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", line)


def _unescape(text: str) -> str:
    lines = re.split(r"<br */?>", text)[:3]
    return "\n".join(unescape(_ESCAPE.sub(_character, line)) for line in lines)


def _character(match: re.Match[str]) -> str:
    number = int(match[1])
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else "\ufffd"
