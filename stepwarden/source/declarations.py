"""Functions of C and C++ that one file declares and another defines, which are one definition."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline

Key = tuple[str, str]
"""The path of a file and the qualified name of a definition in it."""

_CODE = frozenset({DefinitionKind.FUNCTION, DefinitionKind.METHOD})
_LANGUAGES = frozenset({Language.C, Language.CPP})


def find_bodies(outlines: Mapping[str, Outline]) -> dict[Key, tuple[Key, ...]]:
    """Return for each declaration where its bodies are: in a file that includes it or has its name, else the only ones.

    Several bodies are variants, one for each platform. A body is of the same name, and of the same class if it has one.
    """
    declared: list[tuple[str, Definition]] = []
    bodies: dict[tuple[str, ...], list[tuple[str, Definition]]] = defaultdict(list)
    for path, outline in outlines.items():
        if outline.language not in _LANGUAGES:
            continue
        for item in outline.definitions:
            if item.declares:
                declared.append((path, item))
            elif item.kind in _CODE and (item.public or item.kind is DefinitionKind.METHOD):
                bodies[_short(item)].append((path, item))
    found: dict[Key, tuple[Key, ...]] = {}
    for path, item in declared:
        chosen = _bodies_of(path, bodies.get(_short(item), ()), outlines)
        if chosen:
            found[path, item.qualified] = tuple(dict.fromkeys(chosen))
    return found


def _short(item: Definition) -> tuple[str, ...]:
    """Return the name with that of its class: a body names its namespaces too, which a declaration stands in."""
    parts = item.qualified.split(".")
    return tuple(parts[-2:]) if item.kind is DefinitionKind.METHOD else (item.name,)


def _bodies_of(header: str, bodies: Iterable[tuple[str, Definition]], outlines: Mapping[str, Outline]) -> list[Key]:
    name = PurePosixPath(header)
    listed = [(path, item.qualified) for path, item in bodies if path != header]
    including = [key for key in listed if any(_names(one.module, header) for one in outlines[key[0]].imports)]
    same_name = [key for key in listed if PurePosixPath(key[0]).stem == name.stem]
    return including or same_name or (listed if len(listed) == 1 else [])


def _names(module: str, header: str) -> bool:
    """Whether an `#include` of `module` may mean the file `header`."""
    plain = "/".join(part for part in module.split("/") if part not in {".", ".."})
    return bool(plain) and (header == plain or header.endswith(f"/{plain}"))
