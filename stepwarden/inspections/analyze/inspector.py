"""analyze's look: how the code base is built, and which of its central parts were looked at."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stepwarden.inspections.analyze.structure import Structure, short_names
from stepwarden.inspections.analyze.type_only_imports import type_lines
from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.fact_lines import packed
from stepwarden.inspections.manifests import package_names
from stepwarden.inspections.scope import clip, count, is_inside, left_out, looked_at, named_paths, table, text_of
from stepwarden.reports.diagram import Diagram, Edge, Node, fenced
from stepwarden.source.graph import Graph
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Phase, Thread

CENTRAL, CYCLES = 6, 2  # files and cycles that bar the finish
ROWS = 40  # of one table
ARROWS = 40  # of the diagram, the heaviest


def inspect(scene: InspectionContext) -> InspectionResult | None:
    """Measure the code base at step 1, and hold its central parts against what was looked at after it."""
    kept: Mapping[str, Any] | None = scene.before.data.get("analyze")
    if kept is not None and not scene.is_first:
        if not kept["central"]:
            return None
        clauses = _clauses(scene.thread, kept)
        return InspectionResult(
            Inspection(facts=tuple(_later(kept, clauses)), actions=_actions(scene, kept), clauses=clauses)
        )
    root = scene.workspace.root or ""
    scan = scene.reader.scan(root, (scene.base,), until=scene.until)
    scope = named_paths(scene.thread)
    outlines = {path: one for path, one in scan.outlines.items() if not scope or is_inside(path, scope)}
    if not outlines and scope:
        outlines = dict(scan.outlines)
    found = _structured(scene, Graph(outlines, package_names(root, scan.others)))
    if not found.sources:
        return None
    kept = {
        "central": [[unit, why] for unit, why in found.central(CENTRAL)],
        "cycles": [list(way) for _, way in found.cycles[:CYCLES]],
    }
    return InspectionResult(
        Inspection(
            facts=(*facts(found), *left_out(scan)),
            actions=_actions(scene, kept),
            clauses=_clauses(scene.thread, kept),
            files=len(found.sources),
            data={"analyze": kept},
            sections=sections(found),
        )
    )


def _structured(scene: InspectionContext, graph: Graph) -> Structure:
    """Return the structure without imports for types; only files that could be in a cycle are read for them."""
    found = Structure(graph)
    tangled = {unit for members, _ in found.cycles for unit in members}
    types: dict[str, frozenset[int]] = {}
    for path in sorted(tangled & set(found.sources)):
        if time.monotonic() > scene.until:
            break
        if lines := type_lines(graph.outlines[path].language, text_of(scene, path) or ""):
            types[path] = lines
    return Structure(graph, types) if types else found


def facts(found: Structure) -> list[str]:
    """Return what a first reply says of a code base, the most telling first."""
    languages = ", ".join(f"{name} {number:,}" for name, number in found.languages[:4])
    rows = list(_rows(found))
    return [
        clip(f"{count(len(found.sources), 'file')} and {found.tests:,} of tests, {found.lines:,} lines: {languages}"),
        *([clip(f"Layers: {' > '.join(rows)}")] if len(rows) > 1 else []),
        clip(f"Import cycles {len(found.cycles)}: {_ways(found)}") if found.cycles else "No import cycles.",
        *packed("Most imported: ", [f"{unit} {number}" for unit, number in found.hubs[:8]], 1),
        *packed("Largest: ", [f"{path} {lines:,}" for path, lines in found.largest[:8]], 1),
        *packed("Comes in at: ", list(found.entries), 1),
    ]


def _rows(found: Structure) -> Iterable[str]:
    """Return the layers from the top; packages in a cycle are tied by `=`, those that nothing ties are left out."""
    short = short_names(found.packages.values())
    tied = {package for pair in found.package_edges for package in pair}
    for layer in found.layers:
        tangled = [members for members in found.package_cycles if members[0] in layer]
        inside = {package for members in tangled for package in members}
        names = [" = ".join(short[package] for package in members) for members in tangled]
        names += [short[package] for package in layer if package in tied - inside]
        if names:
            yield ", ".join(names)


def _ways(found: Structure) -> str:
    members, way = found.cycles[0]
    return f"{len(members)} in the largest, {' > '.join([*_bare(way), _bare(way)[0]])}"


def _bare(way: Sequence[str]) -> list[str]:
    """Return the names of files alone, with their directories where the name says nothing."""
    names = [unit.split("/") for unit in way]
    return ["/".join(parts[-2:] if parts[-1].startswith(("__init__.", "index.")) else parts[-1:]) for parts in names]


def sections(found: Structure) -> dict[str, str]:
    """Return the parts of the report: packages with their picture, cycles, hubs and sizes."""
    parts = {"Structure": _structure(found)}
    if found.cycles:
        lines = [
            f"- {count(len(members), 'part')}: {_code(' > '.join([*way, way[0]]))}"
            for members, way in found.cycles[:ROWS]
        ]
        parts["Import cycles"] = "\n".join(
            ["Imports inside functions and for types alone are not counted.", "", *lines]
        )
    if found.hubs:
        rows = [(_code(unit), number) for unit, number in found.hubs[:20]]
        parts["Most imported"] = table(("Part", "Imported by"), rows)
    if found.largest:
        parts["Largest files"] = table(("File", "Lines"), [(_code(path), lines) for path, lines in found.largest[:20]])
    if found.entries:
        parts["Entry points"] = "\n".join(f"- {_code(path)}" for path in found.entries[:ROWS])
    return parts


def _structure(found: Structure) -> str:
    outgoing: dict[str, int] = {}
    incoming: dict[str, int] = {}
    for (start, end), number in found.package_edges.items():
        outgoing[start] = outgoing.get(start, 0) + number
        incoming[end] = incoming.get(end, 0) + number
    files: dict[str, list[str]] = {}
    for path, package in found.packages.items():
        files.setdefault(package, []).append(path)
    depth = {package: place for place, layer in enumerate(found.layers, 1) for package in layer}
    rows = [
        (
            depth[package],
            _code(package),
            len(paths),
            sum(found.sources[path].lines for path in paths),
            outgoing.get(package, 0),
            incoming.get(package, 0),
        )
        for package, paths in sorted(files.items(), key=lambda item: (depth[item[0]], item[0]))
    ][:ROWS]
    heads = ("Layer", "Package", "Files", "Lines", "Imports", "Imported")
    tangled = [f"Packages in a cycle: {', '.join(map(_code, members))}." for members in found.package_cycles]
    return "\n\n".join([table(heads, rows), *tangled, fenced(package_diagram(found))])


def package_diagram(found: Structure) -> Diagram:
    """Return the packages and the heaviest of their imports as a diagram from the top down."""
    short = short_names(found.packages.values())
    sizes: dict[str, int] = {}
    for package in found.packages.values():
        sizes[package] = sizes.get(package, 0) + 1
    ids = {package: f"n{place}" for place, package in enumerate(sorted(sizes))}
    tangled = {package for members in found.package_cycles for package in members}
    nodes = [
        Node(
            ids[package], f"{short[package]}\n{count(sizes[package], 'file')}", "dynamic" if package in tangled else ""
        )
        for package in sorted(sizes)
    ]
    heaviest = sorted(found.package_edges.items(), key=lambda item: -item[1])[:ARROWS]
    edges = [Edge(ids[start], ids[end], str(number)) for (start, end), number in heaviest]
    return Diagram(tuple(nodes), tuple(edges), across=False)


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"


def _clauses(thread: Thread, kept: Mapping[str, Any]) -> tuple[Clause, ...]:
    """Return the central parts that nobody looked at, and the cycles that no findings speak of."""
    clauses = [Clause("measured", unit, f"{unit} ({why}): not looked at") for unit, why in _unseen(thread, kept)]
    told = " ".join(step.submission.learned for step in thread.live[1:])
    for way in kept["cycles"]:
        names = [str(unit).rpartition("/")[2].partition(".")[0] for unit in way]
        spoken = re.search(r"\bcycl|\bcircular", told, re.IGNORECASE) or sum(name in told for name in names) > 1
        if not spoken:
            clauses.append(Clause("measured", str(way[0]), f"cycle {' > '.join(_bare(way))}: say what it means"))
    return tuple(clauses)


def _unseen(thread: Thread, kept: Mapping[str, Any]) -> list[tuple[str, str]]:
    seen = looked_at(thread)
    return [(unit, why) for unit, why in kept["central"] if not any(is_inside(path, (unit,)) for path in seen)]


def _later(kept: Mapping[str, Any], clauses: Sequence[Clause]) -> Iterable[str]:
    files = len(kept["central"])
    unseen = sum(clause.text.endswith("not looked at") for clause in clauses)
    yield f"Looked at {files - unseen} of {count(files, 'central part')}."


def _actions(scene: InspectionContext, kept: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the next phase is, and what it does here."""
    unseen = [unit for unit, _ in _unseen(scene.thread, kept)]
    phase = scene.step.phase
    if phase is Phase.SURVEY:
        return (
            clip(f"Analysis: read {', '.join(unseen[:2]) or 'what all the rest is built on'}; who imports it, why?"),
        )
    if phase is Phase.DIG:
        return (clip(f"Deep dive: {unseen[0] if unseen else 'the part that decides the question'}, to the last line."),)
    if phase is Phase.PROVE:
        return ("Comparison: hold it against another part, the docs, or a common design.",)
    return ("Synthesis: answer first, then rank what to change.",)
