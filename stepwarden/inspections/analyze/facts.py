"""Facts and report sections on the structure of a code base."""

from collections.abc import Iterable, Sequence

from stepwarden.inspections.analyze.inventory import Inventory
from stepwarden.inspections.analyze.packages import Packages
from stepwarden.inspections.analyze.structure import Structure
from stepwarden.inspections.shared.fact_text import clip, count, list_some, pack, table
from stepwarden.reports.diagram import Diagram, Edge, Node, fenced

MOST_ROWS = 40  # of one table
MOST_ARROWS = 40  # of the diagram, the heaviest


def structure_facts(found: Structure) -> list[str]:
    """Return what a first reply says of a code base, the most useful first."""
    inventory, units = found.inventory, found.units
    layers = list(_layer_names(found.packages))
    hubs = [f"{unit} {number}" for unit, number in units.hubs[:8]]
    largest = [f"{path} {lines:,}" for path, lines in inventory.largest[:8]]
    return [
        clip(_size_fact(inventory)),
        *([clip(f"Layers: {' > '.join(layers)}")] if len(layers) > 1 else []),
        clip(_cycle_fact(units.cycles)) if units.cycles else "No import cycles.",
        *pack("Most imported: ", hubs, 1),
        *pack("Largest: ", largest, 1),
        *pack("Entry points: ", list(inventory.entry_points), 1),
    ]


def _size_fact(inventory: Inventory) -> str:
    """Return the size in one line: "1 Python file, 72 lines, no tests"."""
    languages = [(language.display_name, number) for language, number in inventory.languages]
    if len(languages) == 1:
        files = count(languages[0][1], f"{languages[0][0]} file")
    else:
        by_language = list_some([f"{number:,} {name}" for name, number in languages])
        files = f"{count(len(inventory.sources), 'file')} ({by_language})"
    tests = count(inventory.test_count, "test file") if inventory.test_count else "no tests"
    return f"{files}, {count(inventory.line_count, 'line')}, {tests}"


def _cycle_fact(cycles: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]) -> str:
    members, path = cycles[0]
    shown = " > ".join(cycle_names([*path, path[0]]))
    largest = ", the largest" if len(cycles) > 1 else ""
    return f"{count(len(cycles), 'import cycle')}{largest} of {len(members)}: {shown}"


def cycle_names(path: Sequence[str]) -> list[str]:
    """Return the names of files without directories, except where the name alone says nothing."""
    parts = [unit.split("/") for unit in path]
    return ["/".join(names[-2:] if names[-1].startswith(("__init__.", "index.")) else names[-1:]) for names in parts]


def _layer_names(packages: Packages) -> Iterable[str]:
    """Yield the layers from the top; packages in a cycle are joined by `=`, unconnected ones are left out."""
    short = packages.short_names
    connected = {package for pair in packages.edges for package in pair}
    for layer in packages.layers:
        cycles = [members for members in packages.cycles if members[0] in layer]
        inside = {package for members in cycles for package in members}
        names = [" = ".join(short[package] for package in members) for members in cycles]
        names += [short[package] for package in layer if package in connected - inside]
        if names:
            yield ", ".join(names)


def structure_sections(found: Structure) -> dict[str, str]:
    """Return the sections of the report: packages with their diagram, cycles, hubs, sizes and entry points."""
    inventory, units = found.inventory, found.units
    sections = {"Structure": _package_section(found)}
    if units.cycles:
        lines = [
            f"- {count(len(members), 'part')}: {_code(' > '.join([*path, path[0]]))}"
            for members, path in units.cycles[:MOST_ROWS]
        ]
        note = "Imports inside functions and for types alone are not counted."
        sections["Import cycles"] = "\n".join([note, "", *lines])
    if units.hubs:
        rows = [(_code(unit), number) for unit, number in units.hubs[:20]]
        sections["Most imported"] = table(("Part", "Imported by"), rows)
    if inventory.largest:
        rows = [(_code(path), lines) for path, lines in inventory.largest[:20]]
        sections["Largest files"] = table(("File", "Lines"), rows)
    if inventory.entry_points:
        sections["Entry points"] = "\n".join(f"- {_code(path)}" for path in inventory.entry_points[:MOST_ROWS])
    return sections


def _package_section(found: Structure) -> str:
    packages, sources = found.packages, found.inventory.sources
    outgoing: dict[str, int] = {}
    incoming: dict[str, int] = {}
    for (start, end), number in packages.edges.items():
        outgoing[start] = outgoing.get(start, 0) + number
        incoming[end] = incoming.get(end, 0) + number
    files: dict[str, list[str]] = {}
    for path, package in packages.by_file.items():
        files.setdefault(package, []).append(path)
    depth = {package: place for place, layer in enumerate(packages.layers, 1) for package in layer}
    rows = [
        (
            depth[package],
            _code(package),
            len(paths),
            sum(sources[path].lines for path in paths),
            outgoing.get(package, 0),
            incoming.get(package, 0),
        )
        for package, paths in sorted(files.items(), key=lambda item: (depth[item[0]], item[0]))
    ][:MOST_ROWS]
    heads = ("Layer", "Package", "Files", "Lines", "Imports", "Imported")
    cycles = [f"Packages in a cycle: {', '.join(map(_code, members))}." for members in packages.cycles]
    return "\n\n".join([table(heads, rows), *cycles, fenced(package_diagram(packages))])


def package_diagram(packages: Packages) -> Diagram:
    """Return the packages and the heaviest of their imports as a diagram from top to bottom."""
    sizes: dict[str, int] = {}
    for package in packages.by_file.values():
        sizes[package] = sizes.get(package, 0) + 1
    ids = {package: f"n{place}" for place, package in enumerate(sorted(sizes))}
    in_cycles = {package for members in packages.cycles for package in members}
    nodes = [
        Node(
            ids[package],
            f"{packages.short_names[package]}\n{count(sizes[package], 'file')}",
            "dynamic" if package in in_cycles else "",
        )
        for package in sorted(sizes)
    ]
    heaviest = sorted(packages.edges.items(), key=lambda item: (-item[1], item[0]))[:MOST_ARROWS]
    edges = [Edge(ids[start], ids[end], str(number)) for (start, end), number in heaviest]
    return Diagram(tuple(nodes), tuple(edges), across=False)


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"
