"""Facts of the server's own that can be cited instead of a quote: their places, and their ids within a thread."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

MOST_IDS = 99  # of a thread, so that an id and its space take 4 bytes of a line at most
_WORDS_OF_PATH = 4  # a path with spaces in it has at most so many words
_PLACE = re.compile(r"(\S*?):(\d{1,7})(?!\d|\.\.\.$)")
_BEFORE_PATH = "([{<`'\""


@dataclass(frozen=True, slots=True)
class FactPlace:
    """A line that a fact names; `mark` stands for its words and `file_mark` for the file, as they were then."""

    path: str
    line: int
    mark: str = ""
    file_mark: str = ""


@dataclass(frozen=True, slots=True)
class CitableFact:
    """One of the facts of an inspection, by its index among them, with its places; `id` is `F1`, `F2` ..."""

    fact: int
    places: tuple[FactPlace, ...]
    id: str = ""


def number_facts(
    facts: Sequence[str], citable: Sequence[CitableFact], known: Mapping[str, str]
) -> tuple[CitableFact, ...]:
    """Return the citable of `facts` with their ids; `known` are those that the thread has given, by their facts.

    A fact that is told again keeps its id, no id is given twice, and past MOST_IDS a fact gets none.
    """
    ids = dict(known)
    for item in citable:
        if facts[item.fact] not in ids and len(ids) < MOST_IDS:
            ids[facts[item.fact]] = f"F{len(ids) + 1}"
    return tuple(replace(item, id=ids[facts[item.fact]]) for item in citable if facts[item.fact] in ids)


def written_places(fact: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the lines that a fact names, each with what may be the path, the longest first; `:7` is of the one before.

    A number that is cut off is none.
    """
    paths: tuple[str, ...] = ()
    for found in _PLACE.finditer(fact):
        if word := found[1].lstrip(_BEFORE_PATH):
            before = fact[: found.start()].split(" ")[-_WORDS_OF_PATH:]
            longer = [" ".join([*before[start:-1], found[1]]) for start in range(len(before) - 1)]
            paths = tuple(dict.fromkeys((*longer, found[1], word)))
        if paths:
            yield paths, int(found[2])


def choose_place(places: Sequence[FactPlace], path: str, line: int | None) -> FactPlace | None:
    """Return the place of a fact that a citation means: the first, of that file and line where it names them."""
    return next((one for one in places if path in {"", one.path} and line in {None, one.line}), None)
