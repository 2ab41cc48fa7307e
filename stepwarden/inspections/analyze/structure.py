"""The build of a code base by its imports: packages, layers, cycles, hubs, entry points. Pure, over a graph."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from posixpath import dirname

from stepwarden.source.cycles import components, layers, shortest_cycle
from stepwarden.source.graph import Graph
from stepwarden.source.outline import Language, Outline
from stepwarden.source.testfiles import is_test_file

FEW_PACKAGES, MOST_PACKAGES = 4, 14  # that a picture of layers is made of
SPLIT_SHARE = 0.5  # of all files: a package with more is looked at one level deeper
LARGE_LINES = 300  # from which a file is named for its size
_ENTRY_FILES = re.compile(
    r"(?:^|/)(?:__main__\.py|manage\.py|wsgi\.py|asgi\.py|main\.(?:py|go|ts|js|rs|c|cc|cpp)|cli\.py|server\.(?:py|ts|js)"
    r"|index\.(?:tsx?|jsx?)|app\.(?:py|tsx?|jsx?)|Program\.cs|Main\.java)$"
)
_ROUTES = re.compile(r"\b(?:route|command|task|get|post|put|delete|websocket|cli|group|receiver|job|tool)\b")


@dataclass(frozen=True)
class Structure:
    """What the imports of `graph` come to; tests and generated files are left out, but for the counts.

    `types` are the lines of imports that a file has for its types alone, by path: nothing is loaded by them.
    """

    graph: Graph
    types: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])

    @cached_property
    def sources(self) -> Mapping[str, Outline]:
        """The files that people write and run, by path."""
        outlines = self.graph.outlines
        return {path: one for path, one in outlines.items() if not one.generated and not is_test_file(path)}

    @cached_property
    def tests(self) -> int:
        """How many test files there are."""
        return sum(is_test_file(path) for path in self.graph.outlines)

    @cached_property
    def lines(self) -> int:
        """The lines of all sources."""
        return sum(one.lines for one in self.sources.values())

    @cached_property
    def languages(self) -> Sequence[tuple[str, int]]:
        """Files by language, the most first."""
        return Counter(one.language.value for one in self.sources.values()).most_common()

    def unit(self, path: str) -> str:
        """Return what is imported as one: the file, in Go its directory."""
        return (dirname(path) or ".") if self.graph.outlines[path].language is Language.GO else path

    @cached_property
    def imports(self) -> Mapping[str, frozenset[str]]:
        """Which sources each source imports when it is loaded."""
        return {
            path: frozenset(
                end for end in self.graph.loads(path, self.types.get(path, frozenset())) if end in self.sources
            )
            for path in self.sources
        }

    @cached_property
    def edges(self) -> Mapping[str, frozenset[str]]:
        """Which unit imports which when it is loaded."""
        found: dict[str, set[str]] = defaultdict(set)
        for path in self.sources:
            mine = self.unit(path)
            found[mine].update(self.unit(other) for other in self.imports[path])
        return {unit: frozenset(ends - {unit}) for unit, ends in found.items()}

    @cached_property
    def cycles(self) -> Sequence[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Units that import each other, the largest first, each with one short way round."""
        found = [members for members in components(self.edges) if len(members) > 1]
        ordered = sorted(found, key=lambda members: (-len(members), members))
        return [(members, shortest_cycle(members, self.edges)) for members in ordered]

    @cached_property
    def hubs(self) -> Sequence[tuple[str, int]]:
        """Units by how many others import them, the most first."""
        counted = Counter(end for ends in self.edges.values() for end in ends)
        return sorted(counted.items(), key=lambda item: (-item[1], item[0]))

    @cached_property
    def largest(self) -> Sequence[tuple[str, int]]:
        """Files of the main languages by lines, the most first."""
        main = {name for name, number in self.languages if number * 10 >= len(self.sources)}
        sized = [
            (path, one.lines)
            for path, one in self.sources.items()
            if one.lines >= LARGE_LINES and one.language.value in main
        ]
        return sorted(sized, key=lambda item: (-item[1], item[0]))

    @cached_property
    def entries(self) -> Sequence[str]:
        """Where execution or a request comes in, by the names of files and functions, and by decorators."""
        found: dict[str, None] = {}
        for path, one in self.sources.items():
            mains = [item for item in one.definitions if item.qualified == "main" and item.line]
            if (
                _ENTRY_FILES.search(path)
                or (mains and self._starts(path))
                or sum(bool(_ROUTES.search(mark)) for item in one.definitions for mark in item.decorators) >= 2
            ):
                found[path] = None
        return sorted(found, key=lambda path: (path.count("/"), path))

    def _starts(self, path: str) -> bool:
        """Whether a function `main` starts a program: everywhere but in the modules of others' programs."""
        language = self.graph.outlines[path].language
        return language in {Language.GO, Language.C, Language.CPP, Language.RUST, Language.JAVA} or any(
            call.name == "main" and not call.inside for call in self.graph.outlines[path].calls
        )

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """The package of each source, at the depth at which there are some and none holds nearly all."""
        return grouped(self.sources)

    @cached_property
    def package_edges(self) -> Mapping[tuple[str, str], int]:
        """How many imports go from one package to another."""
        counted: Counter[tuple[str, str]] = Counter()
        for path in self.sources:
            mine = self.packages[path]
            for other in {self.unit(end) for end in self.imports[path]}:
                its = self.packages.get(other) or self._package_of_unit(other)
                if its and its != mine:
                    counted[mine, its] += 1
        return counted

    def _package_of_unit(self, unit: str) -> str:
        return self._unit_packages.get(unit, "")

    @cached_property
    def _unit_packages(self) -> Mapping[str, str]:
        return {self.unit(path): package for path, package in self.packages.items()}

    @cached_property
    def layers(self) -> Sequence[tuple[str, ...]]:
        """The packages from those that nobody imports down; packages in a cycle share a layer."""
        edges: dict[str, list[str]] = {package: [] for package in sorted(set(self.packages.values()))}
        for start, end in self.package_edges:
            edges[start].append(end)
        return layers(edges)

    @cached_property
    def package_cycles(self) -> Sequence[tuple[str, ...]]:
        """Packages that import each other."""
        edges: dict[str, list[str]] = defaultdict(list)
        for start, end in self.package_edges:
            edges[start].append(end)
        return [members for members in components(edges) if len(members) > 1]

    def central(self, most: int) -> list[tuple[str, str]]:
        """Return the units to look at, each with why: the hubs and the largest files by turns."""
        counts = dict(self.hubs)
        hubs = [(unit, f"imported by {number}") for unit, number in self.hubs if number >= 3]
        large = [(path, f"{lines:,} lines") for path, lines in self.largest]
        if not hubs and not large:
            large = sorted(
                ((p, f"{o.lines:,} lines") for p, o in self.sources.items()), key=lambda i: -counts.get(i[0], 0)
            )
        chosen: dict[str, str] = {}
        for pair in zip(_padded(hubs, len(large)), _padded(large, len(hubs)), strict=True):
            for unit, why in filter(None, pair):
                if len(chosen) < most:
                    chosen.setdefault(unit, why)
        return list(chosen.items())


def _padded(items: list[tuple[str, str]], least: int) -> list[tuple[str, str] | None]:
    return [*items, *[None] * max(0, least - len(items))]


def grouped(paths: Collection[str]) -> dict[str, str]:
    """Map each path to the directory that stands for its package; the largest are split until none holds half."""
    homes = dict.fromkeys(paths, "")
    settled: set[str] = set()
    while True:
        sizes = Counter(homes.values())
        open_ones = [home for home, _ in sizes.most_common() if home not in settled]
        if not open_ones or len(sizes) >= MOST_PACKAGES:
            break
        largest = open_ones[0]
        if len(sizes) >= FEW_PACKAGES and sizes[largest] < SPLIT_SHARE * len(homes):
            break
        finer = {path: _below(path, largest) for path, home in homes.items() if home == largest}
        parts = set(finer.values())
        if parts == {largest} or len(sizes) - 1 + len(parts) > 2 * MOST_PACKAGES:
            settled.add(largest)
            continue
        if largest in parts:
            settled.add(largest)
        homes |= finer
    return {path: home or "." for path, home in homes.items()}


def _below(path: str, home: str) -> str:
    """Return the directory one level below `home` in which `path` lies, `home` itself where it lies directly in it."""
    rest = path[len(home) + 1 :] if home else path
    first, slash, _ = rest.partition("/")
    if not slash:
        return home
    return f"{home}/{first}" if home else first


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Return each path as much of its end as tells it from the others, the whole of it where nothing less does."""
    listed = sorted(set(names))
    ends = Counter(end for name in listed for end in _ends(name))
    return {name: next((end for end in _ends(name) if ends[end] == 1), name) for name in listed}


def _ends(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
