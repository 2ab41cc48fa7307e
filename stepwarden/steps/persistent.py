"""Persistent collections: frozen values that grow by an item in constant time, and share what they have in common.

A thread gets a few items with every step. A tuple or a dict copied for each would make a step cost more the longer the
thread, and the fold of a long one quadratic. Each collection here is two ordinary ones: a large one that many versions
share, and a small one with the latest items, which alone is copied until it is full.

A draft is the mutable builder of one, and of a dataclass that holds some: it changes in place, for whoever adds much at
once and drops every version but the last.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar, cast, overload

_Item = TypeVar("_Item")
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_Frozen = TypeVar("_Frozen")

_RECENT_AT_LEAST = 32


def _is_full(recent: int, shared: int) -> bool:
    """Return whether so many recent items should join the shared ones: past twice the root of their number.

    Copying the recent ones each time, and all of them once in a while, then costs about the same.
    """
    return recent > _RECENT_AT_LEAST and recent * recent > 4 * shared


class PersistentList(Sequence[_Item], Generic[_Item]):
    """A sequence that `with_items` returns a longer version of; equal to any sequence of equal items."""

    __slots__ = ("_recent", "_shared")

    def __init__(self, shared: Iterable[_Item] = (), recent: tuple[_Item, ...] = ()) -> None:
        self._shared: Sequence[_Item] = tuple(shared)
        self._recent = recent

    def with_items(self, *items: _Item) -> "PersistentList[_Item]":
        """Return the sequence with more items at its end."""
        recent = (*self._recent, *items)
        if _is_full(len(recent), len(self._shared)):
            return PersistentList((*self._shared, *recent))
        return PersistentList(self._shared, recent)

    def draft(self) -> "PersistentList[_Item]":
        """Return a draft with the same items."""
        return _ListDraft(self)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._shared) + len(self._recent)

    @overload
    def __getitem__(self, index: int) -> _Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[_Item, ...]: ...
    def __getitem__(self, index: int | slice) -> _Item | tuple[_Item, ...]:
        """Return one item, or those of a slice as a tuple; one near the end costs the same at any length."""
        size = len(self._shared)
        if isinstance(index, slice):
            start, stop, stride = index.indices(len(self))
            if stride == 1 and start >= size:
                return self._recent[start - size : max(stop - size, 0)]
            return tuple(self)[index]
        if index < 0:
            index += size + len(self._recent)
            if index < 0:
                raise IndexError(index)
        return self._shared[index] if index < size else self._recent[index - size]

    def __iter__(self) -> Iterator[_Item]:
        """Return the items in order."""
        return chain(self._shared, self._recent)

    def __eq__(self, other: object) -> bool:
        """Return whether `other` is a sequence of equal items."""
        if not isinstance(other, PersistentList | tuple | list):
            return NotImplemented
        if self is other:
            return True
        return tuple(self) == tuple(cast("Iterable[object]", other))

    __hash__ = None  # pyright: ignore[reportAssignmentType] - as a list: no value of a thread is hashed

    def __repr__(self) -> str:
        """Return the items as a call that makes them."""
        return f"PersistentList({tuple(self)!r})"


class PersistentMap(Mapping[_Key, _Value], Generic[_Key, _Value]):
    """A mapping that `with_items` returns a larger version of; keys stay in the order they first came in."""

    __slots__ = ("_recent", "_shared")

    def __init__(
        self, shared: Mapping[_Key, _Value] | None = None, recent: Mapping[_Key, _Value] | None = None
    ) -> None:
        self._shared: Mapping[_Key, _Value] = shared if shared is not None else {}
        self._recent: Mapping[_Key, _Value] = recent if recent is not None else {}

    def with_items(self, items: Mapping[_Key, _Value]) -> "PersistentMap[_Key, _Value]":
        """Return the mapping with more items; a key that is there already gets its new value."""
        recent = {**self._recent, **items}
        if _is_full(len(recent), len(self._shared)):
            return PersistentMap({**self._shared, **recent})
        return PersistentMap(self._shared, recent)

    def draft(self) -> "PersistentMap[_Key, _Value]":
        """Return a draft with the same items."""
        return _MapDraft(self)

    def __getitem__(self, key: _Key) -> _Value:
        """Return the value of a key; raises KeyError for one that is not there."""
        return self._recent[key] if key in self._recent else self._shared[key]

    def __contains__(self, key: object) -> bool:
        """Return whether a key is there."""
        return key in self._recent or key in self._shared

    def __iter__(self) -> Iterator[_Key]:
        """Return the keys in the order they first came in."""
        return chain(self._shared, (key for key in self._recent if key not in self._shared))

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._shared) + sum(key not in self._shared for key in self._recent)

    def __repr__(self) -> str:
        """Return the items as a call that makes them."""
        return f"PersistentMap({dict(self)!r})"


class _ListDraft(PersistentList[_Item]):
    __slots__ = ("_items",)

    def __init__(self, items: Iterable[_Item]) -> None:
        super().__init__()
        self._shared = self._items = list(items)

    def with_items(self, *items: _Item) -> PersistentList[_Item]:
        self._items.extend(items)
        return self

    def frozen(self) -> PersistentList[_Item]:
        return PersistentList(self._items)


class _MapDraft(PersistentMap[_Key, _Value]):
    __slots__ = ("_items",)

    def __init__(self, items: Mapping[_Key, _Value]) -> None:
        self._items = dict(items)
        super().__init__(self._items)

    def with_items(self, items: Mapping[_Key, _Value]) -> PersistentMap[_Key, _Value]:
        self._items.update(items)
        return self

    def frozen(self) -> PersistentMap[_Key, _Value]:
        return PersistentMap(self._items)


class CollectionDraft:
    """Marks the drafts of a frozen dataclass: `evolve` changes them in place. Each has the dataclass as second base."""


def drafted(value: object, kind: type[_Frozen]) -> _Frozen:
    """Return a draft of a frozen dataclass, of `kind`, whose persistent collections are drafts too."""
    draft = object.__new__(kind)
    vars(draft).update(vars(value))
    for name, each in vars(value).items():
        if isinstance(each, PersistentList | PersistentMap):
            vars(draft)[name] = each.draft()
    return draft


def frozen(draft: object, kind: type[_Frozen]) -> _Frozen:
    """Return what a draft has become, of `kind`, without any drafts."""
    value = object.__new__(kind)
    vars(value).update(vars(draft))
    for name, each in vars(draft).items():
        if isinstance(each, _ListDraft | _MapDraft):
            vars(value)[name] = each.frozen()
    return value


def evolve(value: _Frozen, **changes: Any) -> _Frozen:
    """Return a copy of a frozen dataclass without slots with some fields changed, as `dataclasses.replace` does.

    Eight times as fast: a thread has thirty fields and changes a few of them with every event. A draft is changed
    itself.
    """
    return evolve_by(value, changes)


def evolve_by(value: _Frozen, changes: Mapping[str, Any]) -> _Frozen:
    """Return what `evolve` does, of changes by the names of their fields."""
    if isinstance(value, CollectionDraft):
        vars(value).update(changes)
        return value
    copy = object.__new__(type(value))
    vars(copy).update(vars(value))
    vars(copy).update(changes)
    return copy
