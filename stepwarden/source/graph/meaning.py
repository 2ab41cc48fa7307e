"""What an expression stands for: objects of classes, or definitions themselves."""

from collections.abc import Iterable
from dataclasses import dataclass

from stepwarden.source.graph.symbols import Symbol


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an expression stands for: objects of `types`, or the definitions `symbols` themselves.

    `depth` counts the collections that the objects are elements of. `outside` says where it comes from when that is not
    the tree. `sure` is False where other values, of which nothing is known, are possible. `on` are the classes on which
    a method in `symbols` was found.
    """

    types: tuple[Symbol, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    depth: int = 0
    outside: str = ""
    sure: bool = True
    on: tuple[Symbol, ...] = ()


def join_meanings(meanings: Iterable[Meaning | None]) -> Meaning | None:
    """Return several meanings as one; where some are unknown the others are not sure."""
    listed = list(meanings)
    known = [one for one in listed if one is not None]
    inside = [one for one in known if one.types or one.symbols]
    if not inside:
        return known[0] if known and len(known) == len(listed) else None
    if len(listed) == 1:
        return inside[0]
    kind = [one for one in inside if bool(one.types) == bool(inside[0].types) and one.depth == inside[0].depth]
    return Meaning(
        tuple(dict.fromkeys(symbol for one in kind for symbol in one.types)),
        tuple(dict.fromkeys(symbol for one in kind for symbol in one.symbols)),
        inside[0].depth,
        sure=len(kind) == len(listed) and all(one.sure for one in kind),
        on=tuple(dict.fromkeys(symbol for one in kind for symbol in one.on)),
    )
