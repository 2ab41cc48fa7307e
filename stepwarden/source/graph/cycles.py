"""Cycles and layers of any directed graph, given as a mapping from each node to its targets."""

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
    nodes = dict.fromkeys([*edges, *(target for targets in edges.values() for target in targets)])
    for root in nodes:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(tuple(edges.get(root, ()))))]
        while work:
            node, targets = work[-1]
            fresh = next((target for target in targets if _is_unvisited(node, target, index, low, on_stack)), None)
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
                found.append(_pop_component(node, stack, on_stack))
    return found


def _is_unvisited(
    node: _Node, target: _Node, index: Mapping[_Node, int], low: dict[_Node, int], on_stack: set[_Node]
) -> bool:
    """Return whether a target is still to be visited; of a visited one on the stack, lower `low` of the node."""
    if target not in index:
        return True
    if target in on_stack:
        low[node] = min(low[node], index[target])
    return False


def _pop_component(node: _Node, stack: list[_Node], on_stack: set[_Node]) -> tuple[_Node, ...]:
    start = stack.index(node)
    members = tuple(sorted(stack[start:]))
    del stack[start:]
    on_stack.difference_update(members)
    return members


def cycles(edges: Mapping[_Node, Iterable[_Node]]) -> list[tuple[_Node, ...]]:
    """Return the components of more than one node, the largest first."""
    found = [members for members in components(edges) if len(members) > 1]
    return sorted(found, key=lambda members: (-len(members), members))


def shortest_cycle(members: Iterable[_Node], edges: Mapping[_Node, Iterable[_Node]]) -> tuple[_Node, ...]:
    """Return one short cycle inside a component, its first node once; () where there is none."""
    inside = set(members)
    for start in sorted(inside):
        before: dict[_Node, _Node] = {}
        queue = [start]
        for node in queue:  # grows on the way
            for target in sorted(set(edges.get(node, ())) & inside):
                if target == start:
                    return _path_to(node, before)
                if target not in before:
                    before[target] = node
                    queue.append(target)
    return ()


def _path_to(node: _Node, before: Mapping[_Node, _Node]) -> tuple[_Node, ...]:
    path = [node]
    while path[-1] in before:
        path.append(before[path[-1]])
    return tuple(reversed(path))


def layers(edges: Mapping[_Node, Iterable[_Node]]) -> list[tuple[_Node, ...]]:
    """Return the nodes in layers, those that are no node's target first; the members of a cycle share a layer.

    Every edge outside a cycle goes to a lower layer.
    """
    parts = components(edges)
    part_of = {node: place for place, members in enumerate(parts) for node in members}
    depth = [0] * len(parts)
    for place in range(len(parts) - 1, -1, -1):  # sources come last in `parts`
        for node in parts[place]:
            for target in edges.get(node, ()):
                if part_of[target] != place:
                    depth[part_of[target]] = max(depth[part_of[target]], depth[place] + 1)
    found: list[list[_Node]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for place, members in enumerate(parts):
        found[depth[place]].extend(members)
    return [tuple(sorted(layer)) for layer in found]
