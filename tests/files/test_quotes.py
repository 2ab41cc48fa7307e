"""When words count as being in a file, and where."""

import html
import json
import re

import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from stepwarden.files.encodings import decode
from stepwarden.files.nearest import find_nearest_line
from stepwarden.files.quotes import QuoteMatch, is_present, look_up_quote
from stepwarden.files.text import FoldedText, count_solid, fold
from stepwarden.steps.evidence import Verdict
from tests.support.examples import examples
from tests.support.work import calls_in

SOURCE = '''\
"""Totals."""

import math


def total(items, start=0):
    """Add up."""
    result = start
    for item in items:
        result += item.price * item.count
    print("total:\\t" + str(result) + "\\n")
    path = "C:\\\\temp\\\\new"
    return result


def mean(items):
    if not items:
        return 0
    return total(items) / len(items)


def broken(items):
    if not items:
        return 0
    raise ValueError(f"it\u2019s \u201c{math.pi}\u201d \u2014 no")
'''
PAGE = FoldedText.of(SOURCE)


def found(quote: str, line: int | None = None, page: FoldedText = PAGE, name: str = "") -> tuple[str, int | None]:
    finding = look_up_quote(page, quote, line, name)
    return finding.verdict.value, finding.line


@pytest.mark.parametrize(
    ("quote", "line", "verdict", "at"),
    [
        ("result += item.price * item.count", 10, "verified", 10),
        ("result += item.price * item.count", None, "verified", 10),
        ("result += item.price * item.count", 11, "moved", 10),
        ("result += item.price * item.count", 0, "moved", 10),
        ("result += item.price * item.count", 10**9, "moved", 10),
        ("for item in items:\n        result += item.price", 9, "verified", 9),
        ("for item in items:\n        result += item.price", 10, "verified", 9),
        ("for item in items:\n        result += item.price", 11, "moved", 9),
        ("for item in items: result += item.price", 9, "verified", 9),
        ("for item in items:\r\n\tresult\t+=   item.price", 9, "verified", 9),
        ("  \n\n for item in items:\n\n  result += item.price\n\n", 9, "verified", 9),
        ("import math\n\n\ndef total(", 4, "verified", 3),
        ("if not items:\n        return 0", 17, "verified", 17),
        ("if not items:\n        return 0", 24, "verified", 23),
        ("if not items:\n        return 0", 20, "moved", 17),
        ("if not items:\n        return 0", 22, "moved", 23),
        ("if not items:\n        return 0", None, "verified", 17),
        ("Result += item.price * item.count", 10, "refuted", None),
        ("result += item.price ... item.count", 10, "refuted", None),
        ("result += item.price * item.counts", 10, "refuted", None),
    ],
)
def test_a_quote_is_found_word_for_word(quote: str, line: int | None, verdict: str, at: int | None) -> None:
    assert found(quote, line) == (verdict, at)


@pytest.mark.parametrize(
    "quote",
    [
        "    10\t        result += item.price * item.count",
        "10: result += item.price * item.count",
        "10:        result += item.price * item.count",
        "    10→        result += item.price * item.count",
        "10|        result += item.price * item.count",
        "10 |        result += item.price * item.count",
        "> 10 |        result += item.price * item.count",
        "L10: result += item.price * item.count",
        "L10:         result += item.price * item.count\nL11:    print(",
        "line 10: result += item.price * item.count",
        "10-        result += item.price * item.count",
        "10 │         result += item.price * item.count",
        '10\t        result += item.price * item.count\n11\t    print("total:',
        "10: += item.price * item.count",
    ],
)
def test_line_numbers_of_read_tools_are_taken_off_and_serve_as_a_hint(quote: str) -> None:
    assert found(quote) == ("verified", 10)
    assert found(quote, 10) == ("verified", 10)
    assert found(quote, 2) == ("moved", 10)


def test_the_blank_lines_of_a_read_tool_are_taken_off_too() -> None:
    quote = "     3\timport math\n     4\t\n     5\n     6\tdef total(items, start=0):"
    assert found(quote) == ("verified", 3)


def test_the_number_of_the_first_words_counts_where_blank_lines_come_before() -> None:
    page = FoldedText.of("x zero one two three\n\nzero one two three\n")
    assert found("2→\n3→zero one two three", None, page) == ("verified", 3)


def test_line_numbers_choose_among_equal_matches() -> None:
    assert found("    23\t    if not items:\n    24\t        return 0") == ("verified", 23)


def test_a_number_that_is_the_files_own_is_not_taken_for_a_line_number() -> None:
    page = FoldedText.of("fruit:\n  1: apples and oranges\n  2024-01-02 an error occurred\n")
    assert found("1: apples and oranges", 2, page) == ("verified", 2)
    assert found("2: apples and oranges", None, page) == ("verified", 2)  # the line number it stands at
    assert found("3: apples and oranges", None, page) == ("refuted", None)
    assert found("2023-01-02 an error occurred", 3, page) == ("refuted", None)


def test_numbers_are_taken_off_only_where_every_line_has_one() -> None:
    assert found("9: for item in items:\n        result += item.price")[0] == "refuted"


@pytest.mark.parametrize(
    ("quote", "line"),
    [
        ("for item in items:\\n        result += item.price", 9),
        ("for item in items:\\r\\n\\tresult += item.price", 9),
        ('print(\\"total:\\\\t\\" + str(result) + \\"\\\\n\\")', 11),
        ('print(\\"total:\\t\\" + str(result) + \\"\\n\\")', 11),
        ('print("total:\\t" + str(result) + "\\n")', 11),
        ('str(result) + "\\\\n")\\n    path', 11),
        ('path = \\"C:\\\\\\\\temp\\\\\\\\new\\"', 12),
        ("9\\tfor item in items:\\n10\\t    result += item.price", 9),
        ("it\\u2019s \\u201c{math.pi}\\u201d \\u2014 no", 25),
        ('raise ValueError(f"it\'s "{math.pi}" — no")', 25),
        ("“““Add up.””” result = start", 7),
    ],
)
def test_escapes_and_typographic_marks_that_models_add_are_undone(quote: str, line: int) -> None:
    assert found(quote, line) == ("verified", line)


@pytest.mark.parametrize(
    ("quote", "line", "verdict"),
    [
        ("return 0", 18, "verified"),
        ("        return 0", 18, "verified"),
        ("return 0", 24, "verified"),
        ("return 0", 19, "too short"),
        ("return 0", None, "too short"),
        ("    18\t        return 0", None, "verified"),
        ("18: return 0", 18, "verified"),
        ("    19\t        return 0", None, "too short"),
        ("return", 18, "too short"),
        ("import math", 3, "verified"),
        ("import mat", 3, "too short"),
        ("for item in", 9, "too short"),
        ("", 1, "empty"),
        (" \n\t ", 1, "empty"),
        ("\ufeff", 1, "empty"),
    ],
)
def test_a_short_quote_has_to_be_a_whole_line_at_its_number(quote: str, line: int | None, verdict: str) -> None:
    finding = look_up_quote(PAGE, quote, line)
    assert verdict in (finding.verdict.value, *finding.note.split(": ")) or verdict in finding.note
    assert finding.verdict is (Verdict.VERIFIED if verdict == "verified" else Verdict.TOO_SHORT)


@pytest.mark.parametrize(("quote", "line"), [("return 1", 18), ("return 1", None), ("    18\t    return 1", None)])
def test_a_short_quote_that_is_nowhere_in_the_file_is_refuted(quote: str, line: int | None) -> None:
    finding = look_up_quote(PAGE, quote, line)
    assert (finding.verdict, finding.note) == (Verdict.REFUTED, "not in the file")


def test_a_whole_line_without_a_word_of_three_letters_is_too_short() -> None:
    page = FoldedText.of("{\n  x = 1\n}\n")
    assert "too short" in look_up_quote(page, "x = 1", 2).note
    assert "too short" in look_up_quote(page, "}", 3).note


def test_twelve_characters_are_counted_without_spaces() -> None:
    page = FoldedText.of("a b c d e f g h i j k l m n\n")
    assert "too short" in look_up_quote(page, "b c d e f g h i j k l", None).note
    assert look_up_quote(page, "b c d e f g h i j k l m", None).verdict is Verdict.VERIFIED


def test_a_moved_quote_says_where_it_is() -> None:
    assert look_up_quote(PAGE, "result += item.price * item.count", 3) == QuoteMatch(
        Verdict.MOVED, 10, "found at line 10, not 3"
    )


@pytest.mark.parametrize(
    ("target", "line", "nearest"),
    [
        ("result += item.price * item.amount", None, "nearest is line 10: result += item.price * item.count"),
        ("return 0.0 now", 24, "nearest is line 24: return 0"),
        ("retrun reslut", None, "nearest is line 13: return result"),
        ("SELECT name FROM users", None, "nothing like it in the file"),
        ("???????????????", None, "nothing like it in the file"),
    ],
)
def test_the_nearest_line_is_named(target: str, line: int | None, nearest: str) -> None:
    assert find_nearest_line(PAGE, target, line) == nearest


def test_the_line_of_a_quote_that_the_file_does_not_have_is_looked_for() -> None:
    finding = look_up_quote(PAGE, "def total(items, start=0):\n    result = started\n", None)
    assert finding.target == "result = started"


def test_a_nearest_line_is_cut_and_has_nothing_unprintable() -> None:
    page = FoldedText.of("needle \x1b[31m " + "hay " * 100)
    note = find_nearest_line(page, page.line(0)[:150], 1)
    assert note.isprintable()
    assert note.startswith("nearest is line 1: needle \ufffd[31m hay")
    assert len(note) < 110


def test_an_empty_file_has_nothing_in_it() -> None:
    page = FoldedText.of("\n \n")
    assert found("something not there", 1, page) == ("refuted", None)
    assert found("word", 1, page) == ("refuted", None)
    assert find_nearest_line(page, "something", 1) == "nothing like it in the file"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\r\nb\r\nneedle in hay!\r\n", 3), ("a\rb\rneedle in hay!", 3), ("a\x0cb\u2028c\nneedle in hay!", 2)],
)
def test_lines_are_counted_as_editors_count_them(text: str, line: int) -> None:
    assert found("needle in hay!", None, FoldedText.of(text)) == ("verified", line)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        ("gr\u00fcn".encode(), "gr\u00fcn"),
        ("gr\u00fcn".encode("utf-16"), "gr\u00fcn"),
        (b"\xfe\xff" + "gr\u00fcn".encode("utf-16-be"), "gr\u00fcn"),
        (b"gr\xfcn", "gr\u00fcn"),
        (b"a\0b", None),
        (b"\x7fELF\0\0", None),
        (b"\xff\xfea\0b\0c", "ab\ufffd"),
        (b"", ""),
    ],
)
def test_bytes_become_text_or_are_known_as_binary(data: bytes, text: str | None) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("quote", "there"),
    [
        ("result += item.price * item.count", True),
        ("900: result += item.price * item.count", True),
        ("result += item.price * item.gone", False),
        ("return 0", True),
        ("return", False),
        ("    18\t        return 0", True),
        ("gone 0", False),
    ],
)
def test_a_quote_that_held_is_there_still_wherever_it_stands(quote: str, there: bool) -> None:
    assert is_present(PAGE, quote) is there


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
CODE = st.sampled_from(
    ["def ", "\\n", "\\\\", '"', "'", "(x)", "return", "12:", " 7| ", "0", "\t", "    ", "\u201d", "\ufeff"]
)
LINES = st.lists(st.lists(WORDS | CODE, max_size=6).map(" ".join), min_size=1, max_size=12)


def _marked(style: str):
    """Put a mark before every line; `{0}` is its number."""

    def marked(piece: str, line: int) -> str:
        return "\n".join(style.format(line + at) + part for at, part in enumerate(piece.split("\n")))

    return marked


RENDERINGS = {
    "as it is": lambda piece, line: piece,
    "wrapped": lambda piece, line: re.sub(r"\s+", "\n  ", piece),
    "on one line": lambda piece, line: " ".join(piece.split()),
    "indented": lambda piece, line: "\n".join("\t   " + part.strip() for part in piece.split("\n")),
    "crlf": lambda piece, line: piece.replace("\n", "\r\n"),
    "json": lambda piece, line: json.dumps(piece)[1:-1],
    "json, wide": lambda piece, line: json.dumps(piece, ensure_ascii=False)[1:-1],
    "html": lambda piece, line: html.escape(piece),
    "fence": lambda piece, line: f"```python\n{piece}\n```",
    "fence with numbers": lambda piece, line: f"~~~\n{_marked('{}: ')(piece, line)}\n~~~",
    "backticks": lambda piece, line: f"`{piece}`",
    "quotation marks": lambda piece, line: f"\u201c{piece}\u201d",
    "diff": lambda piece, line: f"@@ -1,3 +{line},9 @@ def f\n{_marked('+')(piece, line)}",
    "diff with headings": lambda piece, line: (
        f"diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n{_marked('+')(piece, line)}"
    ),
    "diff of a removal": _marked("-"),
    "ripgrep with its heading": lambda piece, line: f"src/x.py\n{_marked('{}:')(piece, line)}",
    "coloured": lambda piece, line: _marked("\x1b[32m+\x1b[m\x1b[32m")(piece, line).replace("\n", "\x1b[m\n"),
    "dots at the ends": lambda piece, line: f"...\n{piece}\n...",
    **{
        style: _marked(style)
        for style in [
            *(
                "{:6}\t",
                "{}: ",
                "{:5}\u2192",
                "{}|",
                "L{}: ",
                "> {} | ",
                "{:4} \u2502 ",
                "{} ",
                "[{}] ",
                "({}) ",
                "{}. ",
                "{}) ",
            ),
            *(
                "----> {} ",
                "-> {} ",
                "\u2771 {} \u2502 ",
                "| {} | ",
                "src/x.py:{}:",
                "src/x.py-{}-",
                "C:\\a b\\x.py:{}:7:",
            ),
            *("src/x.py:", "> ", "> + ", "* ", "+src/x.py:{}: ", "{:3}  \u2503 "),
            "1f2e3d4c (An Author 2024-01-02 10:11:12 +0100 {:3}) ",
        ]
    },
}


@st.composite
def slices(draw: st.DrawFn) -> tuple[str, str, int]:
    text = "\n".join(draw(LINES))
    assume(text)
    begin = draw(st.integers(0, len(text) - 1))
    piece = text[begin : draw(st.integers(begin + 1, len(text)))]
    assume(count_solid(fold(piece)) >= 12)
    return text, piece, text.count("\n", 0, begin + _lead(piece)) + 1  # said to stand where it starts to show


def _lead(piece: str) -> int:
    return next(at for at, letter in enumerate(piece) if fold(letter))


STYLES = st.lists(st.sampled_from(sorted(RENDERINGS)), min_size=3, max_size=3, unique=True)


@settings(max_examples=examples(150))
@given(sliced=slices(), styles=STYLES)
def test_any_slice_of_a_file_is_verified_at_its_line_however_it_is_written(
    sliced: tuple[str, str, int], styles: list[str]
) -> None:
    text, piece, line = sliced
    first = line - piece[: _lead(piece)].count("\n")
    page = FoldedText.of(text)
    for style in styles:
        quote = RENDERINGS[style](piece, first)
        note(f"{style}: {quote!r}")
        assert found(quote, line, page, "x.py") == ("verified", line)
        assert found(quote, None, page, "x.py")[0] == "verified"
        assert found(quote, line + 1000, page, "x.py")[0] == "moved"
        assert is_present(page, quote, "x.py")


@settings(max_examples=examples(100))
@given(sliced=slices(), styles=STYLES, data=st.data())
def test_a_quote_with_one_word_changed_is_not_verified_however_it_is_written(
    sliced: tuple[str, str, int], styles: list[str], data: st.DataObject
) -> None:
    text, piece, line = sliced
    words = piece.split(" ")
    at = data.draw(st.integers(0, len(words) - 1))
    changed = " ".join([*words[:at], "changedWord", *words[at + 1 :]])
    page = FoldedText.of(text)
    for style in styles:
        quote = RENDERINGS[style](changed, line)
        note(f"{style}: {quote!r}")
        assert look_up_quote(page, quote, line, "x.py").verdict is Verdict.REFUTED
        assert not is_present(page, quote, "x.py")


@pytest.mark.parametrize(
    ("quote", "line"),
    [
        (" for item in items:\n-    result -= item.price\n+    result += item.price * item.count\n", 9),
        ("for item in items:\n-    result -= item.price\n+    result += item.price * item.count\n", 9),
        ("@@ -9,3 +9,3 @@\n-    result -= item.price\n+    result += item.price * item.count\n", 10),
        ('def total(items, start=0):\n    ...\n    print("total:\\t"', 6),
        ('6: def total(items, start=0):\n...\n11:     print("total:\\t"', 6),
        ("def total(items, start=0):\n    # ...\n    for item in items:", 6),
        ("src/x.py-9-    for item in items:\nsrc/x.py:10:        result += item.price", 9),
        ("`for item in items:`\n`result += item.price`", 9),
        ("total(items) / len(items) ...", 19),
        ("it\u00e2\u20ac\u2122s \u00e2\u20ac\u0153{math.pi}\u00e2\u20ac\u009d", 25),
        ("def total\\(items, start=0\\):", 6),
    ],
)
def test_other_forms_of_honest_quotes_are_verified(quote: str, line: int) -> None:
    assert found(quote) == ("verified", line)


@pytest.mark.parametrize(
    "quote",
    [
        " for item in items:\n+    result += item.price * item.counts\n",
        "-    result -= item.price * item.count\n",
        "def total(items, start=0):\n    ...\n    result = item.price * 2 - start",
        "for item in items:\n    ...\ndef total(items, start=0):",  # in this order it is not there
        "- result += item.price * 2\n- return result * 3 + start\nresult += item.price * item.count",
    ],
)
def test_marks_make_no_made_up_quote_true(quote: str) -> None:
    assert found(quote)[0] == "refuted"


def test_the_removed_lines_of_a_diff_are_said_not_to_be_looked_up() -> None:
    match = look_up_quote(PAGE, " for item in items:\n-    x = 1\n+    result += item.price * item.count\n", 9)
    assert (match.verdict, match.note) == (Verdict.VERIFIED, "its removed lines (-) were not looked up")


@pytest.mark.parametrize("unit", [" ", "\n", "-", "`", "1 ", "\\", "\t- ", "x:1:", "(1) \n"])
def test_the_work_on_a_long_quote_grows_with_its_length_alone(unit: str) -> None:
    def work(times: int) -> int:
        return calls_in(lambda: look_up_quote(PAGE, unit * times, 1))

    assert work(40_000) < 3 * work(20_000) + 1_000


@settings(max_examples=examples(30))
@given(text=st.text(), quote=st.text(), line=st.none() | st.integers())
def test_no_text_and_no_quote_makes_it_fail(text: str, quote: str, line: int | None) -> None:
    page = FoldedText.of(text)
    finding = look_up_quote(page, quote, line)
    assert finding.line is None or 1 <= finding.line <= text.count("\n") + text.count("\r") + 1
    if finding.target is not None:
        assert find_nearest_line(page, finding.target, line).isprintable()
    is_present(page, quote)


@pytest.mark.parametrize(
    "quote", ["\ud800\udc00 lone surrogates \udfff", "\\ud800 escaped alone here", "\\u12 not one, no"]
)
def test_broken_characters_are_refuted(quote: str) -> None:
    assert found(quote, 1) == ("refuted", None)


@pytest.mark.parametrize(
    ("unit", "quote"),
    [
        ("x = 1;\n", "x = 1;\n" * 3000 + "y"),
        ("a b ", "a b " * 3000 + "c"),
        ("a", "a" * 3000 + "b"),
        ("alpha beta gamma delta\n", "alpha beta gamma delta epsilon"),
        ("alpha beta gamma delta\n", "alpha beta gamma delta\n" * 3),
    ],
)
@pytest.mark.parametrize("big", [1 << 20, pytest.param(8 << 20, marks=pytest.mark.slow)])
def test_the_work_on_a_big_file_is_that_on_a_small_one(unit: str, quote: str, big: int) -> None:
    def work_at(size: int) -> int:
        page = FoldedText.of(unit * (size // len(unit)))

        def look() -> None:
            finding = look_up_quote(page, quote, 10_000)
            if finding.target is not None:
                find_nearest_line(page, finding.target, 10_000)

        return calls_in(look)

    assert work_at(big) < work_at(1 << 18) * 1.2


def test_a_reading_that_stands_at_the_line_counts_before_one_that_stands_elsewhere() -> None:
    """The line itself begins like one that a tool has numbered."""
    page = FoldedText.of("\n000 000 000 0000 0000 0000\n02: 00 000 000 0000")
    assert found("* 02: 00 000 000 0000", 3, page) == ("verified", 3)
