"""Which layer of a diagram each box belongs to, and in which order those of a layer stand."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from stepwarden.reports.diagram import Edge

SWEEPS = 4  # passes that move boxes near those they are connected to


def find_depths(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the layer of each box: behind all that point to it; arrows that close a cycle are taken the other way."""
    forward: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if edge.end not in forward[edge.start]:
            forward[edge.start].append(edge.end)
    order = _topological(names, forward)
    place = {name: index for index, name in enumerate(order)}
    onward: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        first, last = sorted((edge.start, edge.end), key=place.__getitem__)
        onward[first].add(last)
    depth = dict.fromkeys(order, 0)
    for name in order:
        for end in onward[name]:
            depth[end] = max(depth[end], depth[name] + 1)
    return depth


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


def untangle(layers: list[list[str]], pairs: Sequence[tuple[str, str]]) -> None:
    """Order each layer by the mean position of what its boxes are connected to in the layer before or after."""
    connected: dict[str, list[str]] = defaultdict(list)
    for one, other in pairs:
        connected[one].append(other)
        connected[other].append(one)
    for sweep in range(SWEEPS):
        steps = list(pairwise(layers))
        for fixed, moved in steps if sweep % 2 == 0 else [(later, earlier) for earlier, later in reversed(steps)]:
            place = {name: index for index, name in enumerate(fixed)}
            middle: dict[str, float] = {}
            for index, name in enumerate(moved):
                near = [place[other] for other in connected[name] if other in place]
                middle[name] = sum(near) / len(near) if near else float(index)
            moved.sort(key=middle.__getitem__)
