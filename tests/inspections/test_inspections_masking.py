"""Masking: comments and the insides of strings become blank, and nothing moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.inspections.shared.masked_source import mask_comments, mask_source
from stepwarden.source.outline import Language

LANGUAGES = st.sampled_from(list(Language))
TEXTS = st.text(st.sampled_from("ab(\"'`\\/*#\n\r\t @$Rr_{}é漢\x0c"), max_size=60) | st.text(max_size=40)
# A piece of source, its masked form, and its form without comments; `~` stands for a line ending.
PIECES: dict[Language, list[tuple[str, str, str]]] = {
    Language.PYTHON: [
        ("# it's~", "      ~", "      ~"),
        ('"a # b"', '"     "', '"a # b"'),
        (r"'it\'s'", "'     '", r"'it\'s'"),
        ("'a\\~b'", "'  ~ '", "'a\\~b'"),
        ('"""a "b"~c"""', '"       ~   "', '"""a "b"~c"""'),
    ],
    Language.JAVASCRIPT: [
        ("// it's~", "       ~", "       ~"),
        ("/* '~` */", "    ~    ", "    ~    "),
        ("`a ${b}~c`", "`      ~ `", "`a ${b}~c`"),
        ("= /['\"`]/;", "=        ;", "= /['\"`]/;"),
        ("a / b / c", "a / b / c", "a / b / c"),
    ],
    Language.GO: [("`a\"~'`", "`  ~ `", "`a\"~'`"), ("'\"'", "' '", "'\"'"), (r"'\''", "'  '", r"'\''")],
    Language.JAVA: [('"""a "~b"""', '"     ~   "', '"""a "~b"""'), ('"//"', '"  "', '"//"')],
    Language.RUST: [
        ('r#"a "b" c"#', '  "         ', 'r#"a "b" c"#'),
        ("&'a str", "&'a str", "&'a str"),
        ('"a~b"', '" ~ "', '"a~b"'),
    ],
    Language.CSHARP: [
        ('@"c:\\"', ' "   "', '@"c:\\"'),
        ('$"""c:\\""" + x', '$"       " + x', '$"""c:\\""" + x'),
        ('""""a"""b"""" + x', '"           " + x', '""""a"""b"""" + x'),
    ],
    Language.C: [('"a\\~b"', '"  ~ "', '"a\\~b"'), ("'\\\\' + x", "'  ' + x", "'\\\\' + x")],
    Language.CPP: [
        ('R"(a "b~// c)" + x', ' "     ~     " + x', 'R"(a "b~// c)" + x'),
        ('R"x(a)" b)x" + x', ' "         " + x', 'R"x(a)" b)x" + x'),
    ],
}
PIECES[Language.TYPESCRIPT] = PIECES[Language.JAVASCRIPT]
CODE = ("x = y\n", "call(x)\n", "{\n")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("language", PIECES)
def test_strings_and_comments_are_blanked_and_the_code_round_them_stays(language: Language, ending: str) -> None:
    # what was a line ending of two characters has a blank and a line feed where it was inside
    for piece, masked, shown in PIECES[language]:
        source = f"x = 1;{ending}{piece};{ending}y = 2".replace("~", ending)
        flat = ending.replace("\r", " ")
        assert spaced(mask_source(source, language)) == f"x = 1;{flat}{masked};{flat}y = 2".replace("~", flat)
        assert spaced(mask_comments(source, language)) == f"x = 1;{flat}{shown};{flat}y = 2".replace("~", flat)


def spaced(text: str) -> str:
    return text.replace("\r", " ")


@given(LANGUAGES, TEXTS)
def test_nothing_moves_and_what_is_not_blank_is_what_stood_there(language: Language, text: str) -> None:
    for masked in (mask_source(text, language), mask_comments(text, language)):
        assert len(masked) == len(text)
        assert all(now in {was, " "} for was, now in zip(text, masked, strict=True))
        assert [at for at, letter in enumerate(masked) if letter == "\n"] == [
            at for at, letter in enumerate(text) if letter == "\n"
        ]


@given(LANGUAGES, TEXTS)
def test_without_strings_less_is_left_than_without_comments(language: Language, text: str) -> None:
    code, shown = mask_source(text, language), mask_comments(text, language)
    assert all(one in {other, " "} for one, other in zip(code, shown, strict=True))


@given(LANGUAGES, st.text("abc xyz_019()[]{}=+-,.;\n\t\ré漢"))
def test_code_without_strings_and_comments_stays_as_it_is(language: Language, text: str) -> None:
    assert mask_source(text, language) == text


@given(st.sampled_from(list(PIECES)), st.lists(st.integers(0, 9), max_size=8), st.sampled_from(CODE))
def test_pieces_are_masked_the_same_wherever_they_stand(language: Language, order: list[int], code: str) -> None:
    pieces = [PIECES[language][number % len(PIECES[language])] for number in order]
    source = code.join(f"{piece}\n" for piece, _, _ in pieces).replace("~", "\n")
    masked = code.join(f"{blank}\n" for _, blank, _ in pieces).replace("~", "\n")
    assert mask_source(source, language) == masked


@pytest.mark.parametrize(
    ("language", "text", "masked"),
    [
        (Language.PYTHON, 'x = "open\neval(y)\n', 'x = "    \neval(y)\n'),
        (Language.PYTHON, "x = '''open\neval(y)", "x = '      \n       "),
        (Language.JAVASCRIPT, "x = `open\neval(y)", "x = `    \n       "),
        (Language.C, "x = 1; /* open\nsystem(y);", "x = 1;        \n          "),
        (Language.JAVASCRIPT, "const a = 'it\neval(y)\n", "const a = '  \neval(y)\n"),
    ],
)
def test_an_open_string_ends_where_the_language_ends_it(language: Language, text: str, masked: str) -> None:
    assert mask_source(text, language) == masked


def test_an_empty_file_stays_empty() -> None:
    assert {mask_source("", language) + mask_comments("", language) for language in Language} == {""}


@pytest.mark.parametrize("end", ["", "\\"], ids=["open", "escape"])
@pytest.mark.parametrize(
    ("language", "mark"),
    [
        (Language.PYTHON, '"'),
        (Language.PYTHON, "'"),
        (Language.PYTHON, '"""'),
        (Language.PYTHON, "'''"),
        (Language.JAVASCRIPT, "'"),
        (Language.JAVASCRIPT, "`"),
        (Language.GO, '"'),
        (Language.JAVA, '"""'),
        (Language.RUST, '"'),
        (Language.C, '"'),
    ],
)
def test_a_string_that_is_never_closed_is_blank_to_the_end(language: Language, mark: str, end: str) -> None:
    # so many that a search from each of its quotes would not end
    text = mark + f"a \\{mark[0]}" * 300_000 + end
    assert not mask_source(text, language)[len(mark) :].strip(" \"'`")
    assert mask_source(text, language).count(mark[0]) <= len(mark) + 1
