"""What may want another shape: the worst functions, lines that stand twice, and what is asked of them."""

from collections.abc import Mapping
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspected_threads import thread_that
from inspected_trees import function

from stepwarden.inspections.refactor.candidates import (
    LONG_LINES,
    MANY_BRANCHES,
    MOST_FUNCTIONS,
    REPEATED_LINES,
    RefactorCandidate,
    find_large_functions,
    find_repeated_blocks,
)
from stepwarden.inspections.refactor.function_shape import FunctionShape, SharedName, measure_shape
from stepwarden.inspections.refactor.inspector import clauses
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline
from stepwarden.source.syntax import parse_syntax

BLOCK = [f"step_{number}()" for number in range(REPEATED_LINES)]


def outlined(*items: Definition) -> dict[str, Outline]:
    return {"a.py": Outline("a.py", Language.PYTHON, 300, 9_000, "00", definitions=items)}


def test_functions_are_named_from_the_limits_on_the_heaviest_first() -> None:
    found = find_large_functions(
        outlined(
            function("fine", 1, LONG_LINES - 1, MANY_BRANCHES),
            function("long", 60, LONG_LINES, 2),
            function("dense", 200, 9, MANY_BRANCHES + 10),
        )
    )
    assert [(spot.line, spot.what) for spot in found] == [
        (200, "dense: 9 lines, 19 branches"),
        (60, f"long: {LONG_LINES} lines, 1 branch"),
    ]


def test_at_most_so_many_functions_are_named() -> None:
    assert (
        len(
            find_large_functions(
                outlined(*(function("f", 100 * number, LONG_LINES) for number in range(MOST_FUNCTIONS + 4)))
            )
        )
        == MOST_FUNCTIONS
    )


def test_lines_that_stand_in_two_files_are_told_with_both_places() -> None:
    texts = {"a.py": "\n".join(["x = 1", *BLOCK, "y = 2"]), "b.py": "\n".join(["z()", "", *BLOCK, "w = 3"])}
    assert find_repeated_blocks(texts) == [
        RefactorCandidate("b.py", 3, 2 + REPEATED_LINES, f"{REPEATED_LINES} lines, also at a.py:2")
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("indent", ["\t", "    ", "\u00a0"])
def test_indentation_and_line_endings_make_no_difference(ending: str, indent: str) -> None:
    texts = {"a.py": "\n".join(BLOCK), "b.py": ending.join(indent + line for line in BLOCK)}
    assert [(spot.line, spot.end_line) for spot in find_repeated_blocks(texts)] == [(1, REPEATED_LINES)]


def test_a_form_feed_is_no_line_of_its_own() -> None:
    texts = {"a.py": "\n".join(BLOCK), "b.py": "\n".join(["x = '\u2028'", "\x0c", *BLOCK])}
    assert [(spot.line, spot.end_line) for spot in find_repeated_blocks(texts)] == [(3, 2 + REPEATED_LINES)]


def test_fewer_lines_imports_and_brackets_are_no_repetition() -> None:
    assert find_repeated_blocks({"a.py": "\n".join(BLOCK[1:]), "b.py": "\n".join(BLOCK[1:])}) == []
    imports = "\n".join(f"import m{number}" for number in range(20))
    assert find_repeated_blocks({"a.py": imports, "b.py": imports, "c.py": "}\n" * 40, "d.py": ""}) == []


def test_what_repeats_in_one_file_does_not_overlap_with_itself() -> None:
    spots = find_repeated_blocks({"a.py": "call()\n" * (3 * REPEATED_LINES)})
    assert [(spot.line, spot.end_line) for spot in spots] == [
        (REPEATED_LINES + 1, 2 * REPEATED_LINES),
        (2 * REPEATED_LINES + 1, 3 * REPEATED_LINES),
    ]


LINES = st.lists(st.sampled_from(["a()", "  b()", "é = 1", "", "}", "# note"]), max_size=60)


@given(st.dictionaries(st.sampled_from(["a.py", "b.py", "c.py"]), LINES.map("\n".join)))
def test_each_repetition_stands_word_for_word_at_the_place_it_names(texts: Mapping[str, str]) -> None:
    taken: set[tuple[str, int]] = set()
    for spot in find_repeated_blocks(texts):
        length, place = spot.what.split(" lines, also at ")
        path, _, line = place.rpartition(":")
        here = [each.strip() for each in texts[spot.path].split("\n")[spot.line - 1 : spot.end_line]]
        there = [each.strip() for each in texts[path].split("\n")[int(line) - 1 :]]
        said = [each for each in here if each not in {"", "}", "# note"}]
        assert len(said) == int(length) >= REPEATED_LINES
        assert [each for each in there if each not in {"", "}", "# note"}][: len(said)] == said
        lines = {(spot.path, number) for number in range(spot.line, spot.end_line + 1)}
        assert not lines & taken
        taken |= lines


def test_a_spot_is_asked_for_until_its_file_was_read_or_its_lines_quoted() -> None:
    spots = [
        RefactorCandidate("a.py", 10, 70, "f: 61 lines, 2 branches"),
        RefactorCandidate("b.py", 3, 20, "18 lines, also at a.py:9"),
    ]
    asked = [(clause.subject, clause.text) for clause in clauses(thread_that(), spots)]
    assert asked == [
        ("a.py:10", "read a.py:10 f"),
        ("b.py:3", "read b.py:3 also at a.py:9"),
    ]
    assert [clause.subject for clause in clauses(thread_that(read=["a.py"]), spots)] == ["b.py:3"]
    assert [clause.subject for clause in clauses(thread_that(quoted={"b.py": 11}), spots)] == ["a.py:10"]


def shape_of(code: str, path: str = "a.py") -> FunctionShape | None:
    data = dedent(code).lstrip("\n").encode()
    outline, root = parse_outline(path, data), parse_syntax(path, data)
    assert outline is not None
    assert root is not None
    return measure_shape(root, next(item for item in outline.definitions if item.kind is DefinitionKind.FUNCTION))


def test_a_function_is_cut_where_its_parts_share_least_and_what_they_share_is_told() -> None:
    shape = shape_of("""
        def bill(carts, rate):
            '''Return the bill.'''
            rows = []
            total = 0
            for cart in carts:
                for line in cart:
                    total += line
                rows.append(cart)
            taxed = total * rate
            note = str(taxed)
            for cart in rows:
                note += cart
            total = 0
            return note, total
    """)
    assert shape is not None
    assert (shape.depth, shape.deepest) == (2, 6)
    assert shape.cut in {9, 10, 11}
    names = {shared.name: (shared.set_at, shared.read_at) for shared in shape.shared}
    assert names["rows"] == (3, 11)
    assert not {"cart", "line", "carts", "rate"} & names.keys()  # loops have their own, parameters go to both


def test_what_the_second_part_sets_anew_is_not_shared() -> None:
    shape = shape_of("""
        def f(a):
            x = a
            a.send(x)
            a.send(x)
            x = a.other
            a.send(x)
            return x
    """)
    assert shape is not None
    assert (shape.cut, shape.shared) == (5, ())


def test_one_statement_that_is_most_of_a_function_is_cut_inside() -> None:
    shape = shape_of("""
        def f(rows):
            with rows:
                for row in rows:
                    left = row.left
                    left.send()
                    left.send()
                    right = row.right
                    right.send(left)
                    right.send()
    """)
    assert shape is not None
    assert shape.cut == 7
    assert shape.shared == (SharedName("left", 4, 8),)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (
            "a.ts",
            "function f(a) {\n  let total = 0;\n  while (a) {\n    total += a;\n  }\n  send(total);\n  send(1);\n}\n",
        ),
        ("a.go", "package a\nfunc f(a int) {\n\ttotal := 0\n\tfor a > 0 {\n\t\ttotal += a\n\t}\n\tsend(total)\n}\n"),
    ],
)
def test_scripts_and_go_are_measured_too(path: str, code: str) -> None:
    shape = shape_of(code, path)
    assert shape is not None
    assert shape.depth == 1
    assert [shared.name for shared in shape.shared] == ["total"]


def test_an_else_if_is_no_deeper_than_its_if() -> None:
    code = "function f(a) {\n  if (a) { g(); } else if (b) { h(); } else if (c) { i(); }\n}\n"
    shape = shape_of(code, "a.js")
    assert shape is not None
    assert shape.depth == 1
