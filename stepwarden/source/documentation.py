"""Which definitions lack documentation by their languages' own conventions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline


def undocumented(outlines: Mapping[str, Outline], *, everything: bool = False) -> dict[str, tuple[Definition, ...]]:
    """Give, by path, the definitions to document: the public ones, or `everything`; files without any are left out.

    A Go package needs one comment, in whichever file: it is asked for once a directory, where no file has it.
    """
    packages = {file.path for file in _packages(outlines.values())}
    found: dict[str, tuple[Definition, ...]] = {}
    for path, file in outlines.items():
        missing = tuple(
            definition
            for definition in file.definitions
            if not definition.documented
            and (everything or definition.public)
            and (path in packages if _is_package(definition, file) else not definition.exempt)
        )
        if missing and not file.generated:
            found[path] = missing
    return found


def _is_package(definition: Definition, file: Outline) -> bool:
    return file.language is Language.GO and definition.kind is DefinitionKind.MODULE


def _packages(outlines: Iterable[Outline]) -> list[Outline]:
    """Return the file of each undocumented Go package where its comment belongs: doc.go, NAME.go, else the first."""
    members: dict[tuple[str, str], list[tuple[bool, Outline]]] = defaultdict(list)
    for file in outlines:
        for definition in file.definitions:
            if _is_package(definition, file) and not file.path.endswith("_test.go"):
                place = (str(PurePosixPath(file.path).parent), definition.name)
                members[place].append((definition.documented, file))
    chosen: list[Outline] = []
    for (_, name), files in members.items():
        if not any(documented for documented, _ in files):
            by_name = {PurePosixPath(file.path).name: file for _, file in files}
            chosen.append(by_name.get("doc.go") or by_name.get(f"{name}.go") or by_name[min(by_name)])
    return chosen
