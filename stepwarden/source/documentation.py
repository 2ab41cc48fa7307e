"""Which definitions lack documentation by their languages' own conventions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from stepwarden.source.declarations import Key, find_bodies
from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline


def find_undocumented(
    outlines: Mapping[str, Outline], *, everything: bool = False
) -> dict[str, tuple[Definition, ...]]:
    """Return by path the undocumented definitions that are public, or `everything`; files without any are left out.

    A Go package needs one comment in any of its files: a missing one is reported for one file of its directory. A
    function of C or C++ that is declared in one file and defined in another is documented in either, and reported once.
    """
    packages = {file.path for file in _undocumented_packages(outlines.values())}
    elsewhere = _documented_elsewhere(outlines)
    found: dict[str, tuple[Definition, ...]] = {}
    for path, file in outlines.items():
        missing = tuple(
            definition
            for definition in file.definitions
            if not definition.documented
            and (path, definition.qualified) not in elsewhere
            and (everything or definition.public)
            and (path in packages if is_package(definition, file) else not definition.exempt)
        )
        if missing and not file.generated:
            found[path] = missing
    return found


def _documented_elsewhere(outlines: Mapping[str, Outline]) -> set[Key]:
    """Return the declarations and bodies of C and C++ that need no documentation: the other has it, or is asked."""
    found: set[Key] = set()
    bodies = find_bodies(outlines)
    if not bodies:
        return found
    paths = {path for key, its in bodies.items() for path in (key[0], *(path for path, _ in its))}
    items = {(path, item.qualified): item for path in paths for item in outlines[path].definitions}
    for key, its in bodies.items():
        if items[key].documented or any(items[body].documented for body in its):
            found |= {key, *its}
        elif not any(items[body].exempt for body in its):
            found.add(key)
    return found


def is_package(definition: Definition, file: Outline) -> bool:
    """Whether a definition is the package of a Go file, which one file documents for all."""
    return file.language is Language.GO and definition.kind is DefinitionKind.MODULE


def _undocumented_packages(outlines: Iterable[Outline]) -> list[Outline]:
    """Return for each undocumented Go package the file for its comment: doc.go, NAME.go, else the first."""
    members: dict[tuple[str, str], list[tuple[bool, Outline]]] = defaultdict(list)
    for file in outlines:
        for definition in file.definitions:
            if is_package(definition, file) and not file.path.endswith("_test.go"):
                package = (str(PurePosixPath(file.path).parent), definition.name)
                members[package].append((definition.documented, file))
    chosen: list[Outline] = []
    for (_, name), files in members.items():
        if not any(documented for documented, _ in files):
            by_name = {PurePosixPath(file.path).name: file for _, file in files}
            chosen.append(by_name.get("doc.go") or by_name.get(f"{name}.go") or by_name[min(by_name)])
    return chosen
