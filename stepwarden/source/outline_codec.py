"""Outlines as bytes: JSON in columns, each text once, compressed. Half a million values take a fraction of a second."""

import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import repeat
from typing import Any, TypeVar, get_type_hints

from stepwarden.source.outline import CallSite, Definition, DefinitionKind, Import, Language, Outline, Variable

T = TypeVar("T")
Column = Sequence[Any]
_LEVEL = 1  # of zlib: five times smaller already, and fast
_PARTS = ("definitions", "imports", "calls", "variables")


class DamagedOutline(ValueError):
    """These bytes are not an encoded outline."""


def encode(outline: Outline) -> bytes:
    """Return `outline` as bytes that `decode` reads."""
    texts: dict[str, int] = {}
    parts = [_columns(kind, getattr(outline, part), texts) for part, kind in _kinds().items()]
    head = [outline.path, outline.language.value, outline.lines, outline.bytes, outline.sha256]
    whole = [*head, outline.broken, outline.generated, parts, list(texts)]
    return zlib.compress(
        json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"), _LEVEL
    )


def decode(data: bytes) -> Outline:
    """Return the outline that `encode` encoded; raises DamagedOutline for any other bytes."""
    try:
        path, language, lines, size, sha256, broken, generated, parts, texts = json.loads(
            zlib.decompress(data).decode("utf-8", "surrogatepass")
        )
        read = {
            part: _values(kind, columns, texts) for (part, kind), columns in zip(_kinds().items(), parts, strict=True)
        }
        return Outline(path, Language(language), lines, size, sha256, broken=tuple(broken), generated=generated, **read)
    except (ValueError, TypeError, LookupError, AttributeError, zlib.error) as error:
        raise DamagedOutline(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Codec:
    """How the values of a field become a column of JSON values, and back."""

    pack: Callable[[Column, dict[str, int]], Column]
    unpack: Callable[[Column, Sequence[str]], Iterable[Any]]


def _index(text: str, texts: dict[str, int]) -> int:
    return texts.setdefault(text, len(texts))


def _pack_texts(column: Column, texts: dict[str, int]) -> Column:
    return [_index(text, texts) for text in column]


def _pack_lists(column: Column, texts: dict[str, int]) -> Column:
    return [[_index(text, texts) for text in value] for value in column]


def _pack_pairs(column: Column, texts: dict[str, int]) -> Column:
    return [[_index(text, texts) for pair in value for text in pair] for value in column]


def _unpack_lists(column: Column, texts: Sequence[str]) -> Iterable[Any]:
    return (tuple(texts[index] for index in value) if value else () for value in column)


def _unpack_pairs(column: Column, texts: Sequence[str]) -> Iterable[Any]:
    return (tuple((texts[value[at]], texts[value[at + 1]]) for at in range(0, len(value), 2)) for value in column)


_PLAIN = _Codec(lambda column, _: column, lambda column, _: column)
_TEXT = _Codec(_pack_texts, lambda column, texts: map(texts.__getitem__, column))
_KINDS = {kind.value: kind for kind in DefinitionKind}
_CODECS: dict[Any, _Codec] = {
    str: _TEXT,
    int: _PLAIN,
    bool: _PLAIN,
    DefinitionKind: _Codec(
        lambda column, _: [kind.value for kind in column], lambda column, _: map(_KINDS.__getitem__, column)
    ),
    tuple[int, ...]: _Codec(lambda column, _: column, lambda column, _: map(tuple, column)),
    tuple[int, int] | None: _Codec(
        lambda column, _: column, lambda column, _: (None if value is None else tuple(value) for value in column)
    ),
    tuple[str, ...]: _Codec(_pack_lists, _unpack_lists),
    tuple[tuple[str, str], ...]: _Codec(_pack_pairs, _unpack_pairs),
}


@cache
def _kinds() -> dict[str, type[Any]]:
    return dict(zip(_PARTS, (Definition, Import, CallSite, Variable), strict=True))


@cache
def _layout(kind: type[Any]) -> tuple[tuple[str, _Codec, Callable[[Any, Any], None]], ...]:
    """Return the fields of a frozen class with slots: name, codec, and the slot's setter."""
    hints = get_type_hints(kind)
    return tuple((item.name, _CODECS[hints[item.name]], kind.__dict__[item.name].__set__) for item in fields(kind))


def _columns(kind: type[Any], values: Sequence[Any], texts: dict[str, int]) -> list[Any]:
    """Return the number of values, then a column for each field; a column of equal values has one entry."""
    if not values:
        return [0]
    columns: list[Any] = [len(values)]
    for name, codec, _ in _layout(kind):
        column = [getattr(value, name) for value in values]
        same = column.count(column[0]) == len(column)
        columns.append(codec.pack(column[:1] if same else column, texts))
    return columns


def _values(kind: type[T], columns: Sequence[Any], texts: Sequence[str]) -> tuple[T, ...]:
    """Build the values column by column, in C: four times faster than calling the class."""
    count: int = columns[0]
    if count == 0:
        return ()
    made = list(map(object.__new__, repeat(kind, count)))
    for (_, codec, assign), column in zip(_layout(kind), columns[1:], strict=True):
        if len(column) not in {1, count}:
            raise DamagedOutline("columns of different lengths")
        values = codec.unpack(column, texts)
        deque(map(assign, made, values if len(column) == count else repeat(next(iter(values)))), maxlen=0)
    return tuple(made)
