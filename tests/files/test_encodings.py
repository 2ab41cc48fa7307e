"""Which encoding the bytes of a file are in."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.files import RootPolicy, open_workspace
from stepwarden.files.encodings import declared_encoding, decode, encoding_of
from stepwarden.steps.evidence import Quote, Verdict
from tests.support.examples import examples

CODE = "#include <stdio.h>\nint main(void) {\n    int n = 0;\n    return n;\n}\n" * 4
RUSSIAN = "/* \u0415\u0441\u043b\u0438 \u043e\u0448\u0438\u0431\u043a\u0430, \u043a\u043e\u0434 */"
COMMENTS = {
    "latin-1": "// param\u00e8tre non renseign\u00e9 / \u00dcbergabe der L\u00e4nge",
    "cp1252": "const char *m = \u201cA\u00f1o inv\u00e1lido\u201d;",
    "gbk": "/* \u5982\u679c\u5931\u8d25\u5219\u8fd4\u56de\u9519\u8bef\u7801 */",
    "shift_jis": "/* \u8868\u793a\u306b\u5931\u6557\u3057\u305f\u3068\u304d\u30a8\u30e9\u30fc\u3092\u8fd4\u3059 */",
    "euc_jp": "/* \u5931\u6557\u3057\u305f\u3068\u304d\u306f\u30a8\u30e9\u30fc\u3092\u8fd4\u3059 */",
    "cp1251": RUSSIAN,
    "koi8-r": RUSSIAN,
    "euc_kr": "/* \uc2e4\ud328\ud558\uba74 \uc624\ub958 \ucf54\ub4dc\ub97c \ubc18\ud658\ud55c\ub2e4 */",
    "big5": "/* \u5982\u679c\u5931\u6557\u5247\u50b3\u56de\u932f\u8aa4\u78bc */",
    "cp1250": "// p\u0159\u00edli\u0161 \u017elu\u0165ou\u010dk\u00fd k\u016f\u0148",
}


@pytest.mark.parametrize("encoding", COMMENTS)
def test_a_comment_is_read_in_the_encoding_of_its_file_though_none_is_declared(encoding: str) -> None:
    text = f"{CODE}{COMMENTS[encoding]}\n{CODE}"
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", COMMENTS)
def test_a_quote_of_any_line_holds_in_any_encoding_and_a_changed_one_does_not(tmp_path: Path, encoding: str) -> None:
    text = f"x = 1\n{COMMENTS[encoding]}\n"
    workspace = open_workspace(str(tmp_path), RootPolicy((), local=True))
    for declared in ("", f"# -*- coding: {encoding} -*-\n"):
        (tmp_path / "a.c").write_bytes((declared + text).encode(encoding))
        (item,) = workspace.check([Quote("a.c", COMMENTS[encoding])])
        assert item.verdict is Verdict.VERIFIED
        as_read = (declared + text).encode(encoding).decode("utf-8", "replace").split("\n")[-2]
        (item,) = workspace.check([Quote("a.c", as_read)])
        assert item.verdict is Verdict.VERIFIED
        (item,) = workspace.check([Quote("a.c", "int wrong = 17 + 4;")])
        assert item.verdict is Verdict.REFUTED
        (item,) = workspace.check([Quote("a.c", "/* \u00bfd\u00f3nde est\u00e1n las llaves? */")])
        assert item.verdict in {Verdict.REFUTED, Verdict.UNREACHABLE}


def test_letters_that_a_host_lost_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(
        "# coding: cp1251\nMESSAGE = '\u0446\u0435\u043d\u0430 \u0442\u0443\u0442'\n".encode("cp1251")
    )
    workspace = open_workspace(str(tmp_path), RootPolicy((), local=True))
    (item,) = workspace.check([Quote("a.py", "MESSAGE = '\ufffd\ufffd\ufffd\ufffd\ufffd'", 2)])
    assert (item.verdict, item.note) == (
        Verdict.UNREACHABLE,
        "quote the letters of the file instead of \ufffd; it is in cp1251",
    )
    (tmp_path / "b.py").write_text("MESSAGE = 'plain words'\n")
    (item,) = workspace.check([Quote("b.py", "MESSAGE = '\ufffd\ufffd\ufffd\ufffd\ufffd'", 1)])
    assert item.verdict is Verdict.REFUTED


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("# -*- coding: gbk -*-", "gb18030"),
        ("# vim: set fileencoding=shift_jis :", "cp932"),
        ("# encoding: ISO-8859-1", "cp1252"),
        ('<?xml version="1.0" encoding="windows-1251"?>', "cp1251"),
        ('<meta charset="euc-kr">', "cp949"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=big5">', "big5"),
        ('@charset "iso-8859-15";', "iso8859_15"),
        ('"Content-Type: text/plain; charset=KOI8-R\\n"', "koi8_r"),
        ("# coding: utf-8", ""),
        ("# coding: rot13", ""),
        ("# coding: base64", ""),
        ("# coding: nonsense", ""),
        ("encoding = get()", ""),
        ("x = 1", ""),
    ],
)
def test_what_a_file_says_of_its_encoding_is_understood(head: str, name: str) -> None:
    assert declared_encoding(f"{head}\nx".encode()) == name


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("gr\u00fcn".encode(), "utf-8"),
        ("# coding: latin-1\ngr\u00fcn".encode(), "utf-8"),  # it says so, but is not
        (b"\xef\xbb\xbfx", "utf-8"),
        ("x\u00fc".encode("utf-16"), "utf-16"),
        ("x\u00fc".encode("utf-32"), "utf-32"),
        (("\u00fcber alles " * 20).encode() + b"\xff", "utf-8"),  # one broken byte in a file that is
        (b"\xfc\xfe\xfd\xff\x81\x8d" * 9, "utf-8"),  # nothing
        ("# coding: iso-2022-jp\n\u8868\u793a".encode("iso-2022-jp"), "iso2022_jp"),
    ],
)
def test_utf_8_is_what_text_is_unless_something_shows_otherwise(data: bytes, encoding: str) -> None:
    assert encoding_of(data) == encoding


@settings(max_examples=examples(60))
@given(data=st.binary())
def test_no_bytes_make_decoding_fail(data: bytes) -> None:
    text = decode(data)
    assert text is None or "\0" not in text
