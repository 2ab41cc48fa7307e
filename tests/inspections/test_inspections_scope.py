"""The small parts of every look: facts on one line, counts, tables, and the files that words name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.inspections.shared.fact_text import (
    FACT_BYTES,
    clip,
    count,
    list_some,
    pack,
    table,
)
from stepwarden.inspections.shared.subject import is_inside, paths_mentioned

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.text(), st.integers(3, 200))
def test_a_clipped_text_is_one_line_of_so_many_bytes_and_begins_as_it_did(text: str, most: int) -> None:
    clipped = clip(text, most)
    assert len(clipped.encode()) <= most
    assert clipped.splitlines() in ([], [clipped])
    line = " ".join(text.split())
    assert clipped == line or (clipped.endswith("...") and line.startswith(clipped[:-3]))


@given(
    st.lists(st.text("ab/é漢", min_size=1, max_size=120), min_size=1, max_size=20),
    st.integers(1, 4),
    st.sampled_from(["H: ", ""]),
)
def test_packed_facts_fit_and_say_how_many_items_are_left(items: list[str], most: int, head: str) -> None:
    lines = pack(head, items, most)
    assert len(lines) <= most
    assert all(len(line.encode()) <= FACT_BYTES for line in lines)
    short = all(len(item.encode()) <= FACT_BYTES // 2 for item in items)
    if short:
        told = ", ".join(lines).removeprefix(head)
        shown, _, left = told.partition(" +")
        assert len(shown.split(", ")) + int(left or 0) == len(items)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 branches"), (1, "1 branch"), (2, "2 branches"), (1204, "1,204 branches")]
)
def test_a_count_agrees_with_its_noun(number: int, said: str) -> None:
    assert count(number, "branch", "branches") == said


@given(st.lists(st.text("ab", min_size=1), max_size=9), st.integers(1, 4))
def test_some_items_are_named_and_the_rest_counted(items: list[str], most: int) -> None:
    shown, _, more = list_some(items, most).partition(" +")
    assert (shown.split(", ") if shown else []) == items[:most]
    assert int(more or 0) == max(0, len(items) - most)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_no_cell_breaks_out_of_its_table(rows: list[tuple[str, str]]) -> None:
    lines = table(("A", "B"), rows).split("\n")
    assert len(lines) == len(rows) + 2
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)


def test_columns_of_numbers_stand_to_the_right() -> None:
    assert table(("File", "Lines"), [("a.py", "1,204")]) == "| File | Lines |\n| --- | ---: |\n| a.py | 1,204 |"


@pytest.mark.parametrize(
    ("path", "places", "inside"),
    [
        ("src/a.py", ("src",), True),
        ("src/a.py", ("src/",), True),
        ("src/a.py", ("src/a.py",), True),
        ("src/a.py", (".",), True),
        ("src2/a.py", ("src",), False),
        ("src/a.py", ("a.py",), False),
        ("src/a.py", (), False),
    ],
)
def test_a_path_is_inside_a_directory_and_not_inside_one_of_a_like_name(
    path: str, places: tuple[str, ...], inside: bool
) -> None:
    assert is_inside(path, places) is inside


def test_words_name_a_file_by_as_much_of_its_end_as_is_its_alone() -> None:
    paths = ["src/cart.py", "src/sums.py", "lib/sums.py", "README"]
    assert paths_mentioned("look at cart.py, README and sums.py", paths) == ["src/cart.py"]
    assert paths_mentioned(r"why is lib\sums.py slow?", paths) == ["lib/sums.py"]
    assert paths_mentioned("nothing is named", paths) == paths_mentioned("", paths) == []
