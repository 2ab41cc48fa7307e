"""Cycles and layers of any directed graph, given as a mapping of each node to those that it leads to."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

_Node = TypeVar("_Node", bound=str)


def components(edges: Mapping[_Node, Iterable[_Node]]) -> list[tuple[_Node, ...]]:
    """Return the strongly connected components, each sorted, targets before sources (Tarjan, without recursion)."""
    index: dict[_Node, int] = {}
    low: dict[_Node, int] = {}
    stack: list[_Node] = []
    on_stack: set[_Node] = set()
    found: list[tuple[_Node, ...]] = []
    nodes = dict.fromkeys([*edges, *(end for ends in edges.values() for end in ends)])
    for root in nodes:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(tuple(edges.get(root, ()))))]
        while work:
            node, ends = work[-1]
            fresh = next((end for end in ends if _visit(node, end, index, low, on_stack)), None)
            if fresh is not None:
                index[fresh] = low[fresh] = len(index)
                stack.append(fresh)
                on_stack.add(fresh)
                work.append((fresh, iter(tuple(edges.get(fresh, ())))))
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == index[node]:
                found.append(_popped(node, stack, on_stack))
    return found


def _visit(node: _Node, end: _Node, index: Mapping[_Node, int], low: dict[_Node, int], on_stack: set[_Node]) -> bool:
    """Note what an edge to a known node means; say whether its end is still to be visited."""
    if end not in index:
        return True
    if end in on_stack:
        low[node] = min(low[node], index[end])
    return False


def _popped(node: _Node, stack: list[_Node], on_stack: set[_Node]) -> tuple[_Node, ...]:
    at = stack.index(node)
    members = tuple(sorted(stack[at:]))
    del stack[at:]
    on_stack.difference_update(members)
    return members


def cycles(edges: Mapping[_Node, Iterable[_Node]]) -> list[tuple[_Node, ...]]:
    """Return the components of more than one node, the largest first."""
    found = [members for members in components(edges) if len(members) > 1]
    return sorted(found, key=lambda members: (-len(members), members))


def shortest_cycle(members: Iterable[_Node], edges: Mapping[_Node, Iterable[_Node]]) -> tuple[_Node, ...]:
    """Return one short way round inside a component, its first node once; () where there is none."""
    inside = set(members)
    for start in sorted(inside):
        before: dict[_Node, _Node] = {}
        queue = [start]
        for node in queue:
            for end in sorted(set(edges.get(node, ())) & inside):
                if end == start:
                    return _way_back(node, before)
                if end not in before:
                    before[end] = node
                    queue.append(end)
    return ()


def _way_back(node: _Node, before: Mapping[_Node, _Node]) -> tuple[_Node, ...]:
    way = [node]
    while way[-1] in before:
        way.append(before[way[-1]])
    return tuple(reversed(way))


def layers(edges: Mapping[_Node, Iterable[_Node]]) -> list[tuple[_Node, ...]]:
    """Return the nodes in layers, from those that nothing leads to down; a cycle's members share a layer.

    Every edge that is in no cycle goes to a lower layer.
    """
    parts = components(edges)
    home = {node: place for place, members in enumerate(parts) for node in members}
    depth = [0] * len(parts)
    for place in range(len(parts) - 1, -1, -1):  # what leads comes last in `parts`
        for node in parts[place]:
            for end in edges.get(node, ()):
                if home[end] != place:
                    depth[home[end]] = max(depth[home[end]], depth[place] + 1)
    found: list[list[_Node]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for place, members in enumerate(parts):
        found[depth[place]].extend(members)
    return [tuple(sorted(layer)) for layer in found]
