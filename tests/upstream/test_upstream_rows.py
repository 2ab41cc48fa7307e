"""Long results are cut at whole rows, whatever form they have."""

import json

import pytest

from stepwarden.upstream.calls.result_pages import ResultPages, cut
from stepwarden.upstream.calls.result_rows import in_rows, repeats, shortened, size_of


def test_json_keeps_its_meaning_and_gets_a_line_for_each_row_of_its_largest_list() -> None:
    value = {"total": 3, "names": ["a"], "issues": [{"key": f"A-{n}", "labels": ["x", "y"]} for n in range(3)]}
    text = in_rows(json.dumps(value))
    assert json.loads(text) == value
    assert text.count("\n") == 4
    assert [line.rstrip(",") for line in text.splitlines()[1:4]] == [json.dumps(row) for row in value["issues"]]  # pyright: ignore


@pytest.mark.parametrize("text", ["plain", "{broken", "[1, 2", '"a"', "", "[" * 100_000])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert in_rows(text) == text


def test_a_page_ends_with_a_whole_line_also_where_that_is_far_from_its_end() -> None:
    text = "a" * 30 + "\n" + "b" * 300
    assert cut(text, 0, 100).text == "a" * 30 + "\n"
    assert len(cut(text, 31, 100).text) == 100  # a line that is longer than a page


def test_a_page_of_a_table_has_its_head() -> None:
    head = "| key | words |\n|---|---|\n"
    pages = ResultPages()
    result = pages.keep("ana", "rig", "Found:\n" + head + "".join(f"| A-{n} | {'w' * 40} |\n" for n in range(50)))
    page = pages.page("ana", result, 0, 500)
    assert page.head == ""
    assert page.next
    later = pages.page("ana", result, page.next, 500)
    assert later.head == head
    assert later.text.startswith("| A-")


def test_a_structure_is_shortened_to_the_same_form() -> None:
    value = {"total": 100, "issues": [{"key": f"A-{n}"} for n in range(100)]}
    fewer = shortened(value, 500)
    assert fewer["total"] == 100
    assert fewer["issues"] == value["issues"][: len(fewer["issues"])]  # pyright: ignore
    assert 10 < len(fewer["issues"]) < 40
    assert size_of(fewer) <= 500
    assert shortened({"result": "line\n" * 1_000}, 500)["result"].endswith("line\n")
    assert shortened(value, 10_000) == value
    with pytest.raises(ValueError, match="nothing"):
        shortened({f"k{n}": n for n in range(1_000)}, 500)


def test_a_text_that_only_repeats_the_structure_is_known() -> None:
    assert repeats('{"a": 1}', {"a": 1})
    assert repeats("done", {"result": "done"})
    assert repeats("[1]", {"result": [1]})
    assert not repeats("A summary", {"a": 1})
