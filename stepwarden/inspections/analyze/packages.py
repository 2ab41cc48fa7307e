"""The packages of a code base: directories at the depth that shows its structure, and their layers."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property

from stepwarden.inspections.analyze.units import UnitImports
from stepwarden.source.graph.cycles import components, layers

FEW_PACKAGES, MOST_PACKAGES = 4, 14  # that a picture of layers is made of
SPLIT_SHARE = 0.5  # of all files: a package with more is split into its directories


class Packages:
    """The packages of the files `paths`, and the imports between them."""

    def __init__(self, paths: Collection[str], units: UnitImports) -> None:
        self._units = units
        self.by_file = group_by_package(paths)

    @cached_property
    def edges(self) -> Mapping[tuple[str, str], int]:
        """The number of imports from one package to another."""
        package_of_unit = {self._units.unit(path): package for path, package in self.by_file.items()}
        counted: Counter[tuple[str, str]] = Counter()
        for path, package in self.by_file.items():
            for unit in {self._units.unit(loaded) for loaded in self._units.loads[path]}:
                imported = self.by_file.get(unit) or package_of_unit.get(unit, "")
                if imported and imported != package:
                    counted[package, imported] += 1
        return counted

    @cached_property
    def layers(self) -> Sequence[tuple[str, ...]]:
        """The packages in layers, those that no other imports first; packages in a cycle share a layer."""
        return layers({package: self._targets.get(package, []) for package in sorted(set(self.by_file.values()))})

    @cached_property
    def cycles(self) -> Sequence[tuple[str, ...]]:
        """Packages that import each other."""
        return [members for members in components(self._targets) if len(members) > 1]

    @cached_property
    def short_names(self) -> Mapping[str, str]:
        """Each package by as much of the end of its path as distinguishes it from the others."""
        return shorten_names(self.by_file.values())

    @cached_property
    def _targets(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for start, end in self.edges:
            found[start].append(end)
        return found


def group_by_package(paths: Collection[str]) -> dict[str, str]:
    """Return the package directory of each path; the largest packages are split until none has half of the files."""
    packages = dict.fromkeys(paths, "")
    settled: set[str] = set()
    while True:
        sizes = Counter(packages.values())
        splittable = [package for package, _ in sizes.most_common() if package not in settled]
        if not splittable or len(sizes) >= MOST_PACKAGES:
            break
        largest = splittable[0]
        if len(sizes) >= FEW_PACKAGES and sizes[largest] < SPLIT_SHARE * len(packages):
            break
        finer = {path: _subdirectory(path, largest) for path, package in packages.items() if package == largest}
        parts = set(finer.values())
        if parts == {largest} or len(sizes) - 1 + len(parts) > 2 * MOST_PACKAGES:
            settled.add(largest)
            continue
        if largest in parts:
            settled.add(largest)
        packages |= finer
    return {path: package or "." for path, package in packages.items()}


def _subdirectory(path: str, directory: str) -> str:
    """Return the directory one level below `directory` that contains `path`; `directory` where it is directly in it."""
    rest = path[len(directory) + 1 :] if directory else path
    first, slash, _ = rest.partition("/")
    if not slash:
        return directory
    return f"{directory}/{first}" if directory else first


def shorten_names(names: Iterable[str]) -> dict[str, str]:
    """Return each path with as much of its end as distinguishes it, the whole path where nothing less does."""
    listed = sorted(set(names))
    ends = Counter(end for name in listed for end in _path_ends(name))
    return {name: next((end for end in _path_ends(name) if ends[end] == 1), name) for name in listed}


def _path_ends(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
