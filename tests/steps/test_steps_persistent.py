"""Persistent collections against the ordinary ones: equal in all that is asked, and every version stays as it was."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.steps.persistent import PersistentList, PersistentMap

LENGTHS = st.lists(st.integers(0, 80), max_size=12)
ITEMS = st.lists(st.dictionaries(st.integers(0, 200), st.integers(), max_size=60), max_size=12)


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, index=st.integers(-500, 500), start=st.integers(-500, 500), stop=st.integers(-500, 500))
def test_a_list_is_read_as_a_tuple_is(lengths: list[int], index: int, start: int, stop: int) -> None:
    plain: tuple[int, ...] = ()
    grown: PersistentList[int] = PersistentList()
    versions: list[tuple[tuple[int, ...], PersistentList[int]]] = []
    for length in lengths:
        more = tuple(range(len(plain), len(plain) + length))
        plain, grown = (*plain, *more), grown.with_items(*more)
        versions.append((plain, grown))
    for items, version in versions:
        assert (len(version), list(version), list(reversed(version))) == (len(items), [*items], [*items[::-1]])
        assert version == items
        assert (version[start:stop], version[::-1]) == (items[start:stop], items[::-1])
        assert _or_error(lambda v=version: v[index]) == _or_error(lambda i=items: i[index])
        assert bool(version) is bool(items)


@settings(max_examples=60, deadline=None)
@given(batches=ITEMS, fork=ITEMS)
def test_a_map_is_read_as_a_dict_is_and_forks_know_nothing_of_each_other(
    batches: list[dict[int, int]], fork: list[dict[int, int]]
) -> None:
    plain: dict[int, int] = {}
    grown: PersistentMap[int, int] = PersistentMap()
    for batch in batches:
        plain, grown = {**plain, **batch}, grown.with_items(batch)
        plain_fork, grown_fork = dict(plain), grown
        for other in fork:
            plain_fork, grown_fork = {**plain_fork, **other}, grown_fork.with_items(other)
        for items, version in ((plain, grown), (plain_fork, grown_fork)):
            assert (len(version), list(version.items())) == (len(items), list(items.items()))
            assert version == items
            assert all(key in version and version[key] == items[key] for key in items)
            assert -1 not in version
            assert version.get(-1, "none") == "none"


def test_one_more_item_copies_few_of_the_others() -> None:
    """The cost of one more item grows with the root of the number there are."""
    copied = {size: _copied(size) for size in (1_000, 100_000)}
    assert copied[1_000] < 250
    assert copied[100_000] < 10 * copied[1_000] * 1.2


def _copied(size: int) -> float:
    """Return how many items are copied for each of the next thousand, on average."""
    grown = PersistentMap(dict.fromkeys(range(size), 0))
    copies = 0
    for key in range(size, size + 1_000):
        grown = grown.with_items({key: 0})
        copies += len(grown._recent) or len(grown)
    return copies / 1_000


def _or_error(read: Any) -> object:
    try:
        return read()
    except IndexError:
        return IndexError
