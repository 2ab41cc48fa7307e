"""How far a review came: what its files weigh, which were read or quoted, and what is asked for."""

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from inspected_threads import thread_that
from inspected_trees import function

from stepwarden.inspections.codereview.coverage import (
    LONG_LINES,
    MANY_BRANCHES,
    ReviewedFile,
    coverage_clauses,
    coverage_table,
    kept_files,
    later_facts,
    measure_file,
    opening_facts,
    sort_by_weight,
)
from stepwarden.inspections.context import MOST_CLAUSES
from stepwarden.inspections.shared.fact_text import FACT_BYTES
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Definition, Language, Outline

PATHS = st.text("ab/|`é漢 .", min_size=1, max_size=90)
SUBJECTS = st.lists(
    st.builds(ReviewedFile, PATHS, st.integers(0, 9_999), st.integers(0, 999), st.sampled_from(["", "load:7"])),
    max_size=30,
    unique_by=lambda item: item.path,
)


def measured(*items: Definition) -> ReviewedFile:
    return measure_file("a.py", Outline("a.py", Language.PYTHON, 300, 9_000, "00", definitions=items))


def test_a_file_is_measured_by_its_lines_its_branches_and_its_hardest_function() -> None:
    found = measured(function("short", 1, 5, 3), function("long", 9, LONG_LINES, 2))
    assert found == ReviewedFile("a.py", 300, 3, "long:9", f"{LONG_LINES} lines, 1 branch")
    assert found.weight == 315


def test_functions_just_below_the_limits_are_not_hard() -> None:
    assert measured(function("f", 1, LONG_LINES - 1, MANY_BRANCHES)).hardest == ""
    assert measured(function("f", 1, 1, MANY_BRANCHES + 1)).hardest == "f:1"


def test_a_long_function_is_told_beside_one_that_weighs_more_and_passes_no_limit() -> None:
    assert measured(function("long", 1, LONG_LINES), function("dense", 99, LONG_LINES - 1, 12)).hardest == "long:1"


def test_files_without_functions_or_in_no_known_language_are_still_to_be_read() -> None:
    assert measure_file("a.md", None) == ReviewedFile("a.md", aside=True)
    assert measure_file("a.py", parse_outline("a.py", b"")) == ReviewedFile("a.py")
    asked = coverage_clauses(thread_that(), [ReviewedFile("a.md"), ReviewedFile("b.py", 1)])
    assert [clause.text for clause in asked] == ["read b.py (1 line)", "read a.md"]


def test_windows_line_endings_and_broken_code_are_measured_the_same() -> None:
    code = "def f(x):\n\tif x:\n\t\treturn 'é'\n\ndef g(:\n"
    plain, windows = (
        measure_file("a.py", parse_outline("a.py", code.replace("\n", end).encode())) for end in ("\n", "\r\n")
    )
    assert plain == windows
    assert plain.branches == 1


def test_a_file_counts_once_it_was_read_or_quoted() -> None:
    subjects = [
        ReviewedFile("a.py", 9),
        ReviewedFile("b.py", 8),
        ReviewedFile("c.py", 7, 2, "load:7", "70 lines, 2 branches"),
    ]
    thread = thread_that(read=["a.py"], quoted={"b.py": 3})
    assert later_facts(thread, subjects) == ["Read or quoted 2 of 3 files."]
    assert [clause.text for clause in coverage_clauses(thread, subjects)] == [
        "read c.py (load:7: 70 lines, 2 branches)"
    ]
    assert later_facts(thread, subjects[:2]) == ["Every file was named as read, or quoted."]
    assert coverage_clauses(thread, subjects[:2]) == ()
    assert coverage_table(thread, subjects).split("\n")[2:] == [
        "| `c.py` | 7 | 2 | no |  |  |",
        "| `a.py` | 9 |  | yes |  |  |",
        "| `b.py` | 8 |  | yes | 1 |  |",
    ]


def test_what_is_under_review_is_told_with_its_largest_and_hardest() -> None:
    subjects = [ReviewedFile("a.py", 9), ReviewedFile("b.py", 80, 2, "load:7", "70 lines, 2 branches")]
    assert opening_facts(subjects, "named") == [
        "Under review (named): 2 files, 89 lines.",
        "Complex: b.py:7 load, 70 lines, 2 branches.",
    ]
    more = [*subjects, ReviewedFile("c.py", 7), ReviewedFile("d.py", 5)]  # too many to be named one by one
    assert "Largest: b.py 80, a.py 9, c.py 7 lines." in opening_facts(more, "named")


def test_the_files_past_the_most_clauses_are_counted_in_the_last() -> None:
    subjects = [ReviewedFile(f"{number:02}.py", 100 - number) for number in range(MOST_CLAUSES + 3)]
    asked = coverage_clauses(thread_that(), subjects)
    assert [clause.subject for clause in asked] == [*(item.path for item in subjects[:MOST_CLAUSES]), ""]
    assert asked[-1].text == "not read: 3 smaller files: 12.py, 13.py +1"


@given(SUBJECTS, st.data())
def test_what_was_read_and_what_is_asked_for_are_all_files_and_each_once(
    subjects: Sequence[ReviewedFile], data: st.DataObject
) -> None:
    paths = [item.path for item in subjects]
    read = data.draw(st.lists(st.sampled_from(paths), unique=True)) if paths else []
    thread = thread_that(read=read)
    asked = [clause.subject for clause in coverage_clauses(thread, subjects)]
    named = [subject for subject in asked if subject]
    left = [item.path for item in sort_by_weight(subjects) if item.path not in read]
    assert named == left[:MOST_CLAUSES]
    assert asked[len(named) :] == [""] * (len(left) > MOST_CLAUSES)
    assert coverage_table(thread, subjects).count("\n") == len(subjects) + 1
    assert all(len(line.encode()) <= FACT_BYTES for line in opening_facts(subjects, "named"))
    assert all(len(line.encode()) <= FACT_BYTES for line in later_facts(thread, subjects))


@given(SUBJECTS)
def test_subjects_are_the_same_after_they_were_recorded(subjects: Sequence[ReviewedFile]) -> None:
    recorded = json.loads(json.dumps({"files": [item.kept() for item in subjects]}))
    assert kept_files(recorded) == subjects


@given(st.binary(max_size=200))
def test_any_bytes_are_measured_and_branches_are_never_negative(data: bytes) -> None:
    found = measure_file("a.py", parse_outline("a.py", data))
    assert found.branches >= 0
    assert found.lines >= 0


def test_documents_lock_files_and_generated_ones_are_one_clause_after_the_code() -> None:
    generated = parse_outline("pb.py", b"# @generated by protoc\nclass A: ...\n")
    files = [measure_file(path, outline) for path, outline in (("a.md", None), ("uv.lock", None), ("pb.py", generated))]
    asked = [clause.text for clause in coverage_clauses(thread_that(), [*files, ReviewedFile("b.py", 1)])]
    assert asked == ["read b.py (1 line)", "look through 3 documents, lock or generated files: pb.py, a.md +1"]
    left = coverage_clauses(thread_that(read=["a.md", "pb.py"]), files)
    assert [clause.text for clause in left] == ["read uv.lock"]


def test_what_was_kept_before_documents_were_told_apart_is_still_read() -> None:
    assert kept_files({"files": [["a.md", 0, 0, "", ""]]}) == [ReviewedFile("a.md")]
