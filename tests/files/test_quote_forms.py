"""Lines of real files are found in every form in which they are written, and with one word changed in none."""

import sysconfig
import unicodedata
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st
from quote_forms import CHANGES, FORMS, Shown

from stepwarden.files.encodings import decode
from stepwarden.files.quoted_file import QuotedFile
from stepwarden.files.text import count_solid, fold, split_lines
from stepwarden.steps.evidence import HOLDS, Verdict
from tests.support.examples import examples

ROOT = Path(__file__).parents[2]
FILES = [
    *sorted(
        path for folder in ("stepwarden", "tools", "docs", "prompts") for path in (ROOT / folder).rglob("*.[pm][yd]")
    ),
    *(
        Path(sysconfig.get_path("stdlib")) / f"{name}.py"
        for name in ("calendar", "difflib", "pathlib", "re/_parser", "shlex")
    ),
]
LETTERS = {
    "gbk": [
        "# 计算购物车的总价",
        "def total(items):  # 合计",
        "    if not items:",
        "        raise ValueError('购物车是空的')",
    ],
    "shift_jis": [
        "// カートの合計を計算する",
        "int total(Cart *cart) { /* 合計金額 */",
        "    return sum; // 税抜き価格",
        "}",
    ],
    "cp1251": [
        "# Считает сумму корзины",
        "def total(items):",
        "    raise ValueError('Корзина пуста')",
        "    # без скидки",
    ],
    "latin-1": [
        "# Calcule le total du panier (déjà réduit)",
        "def total(éléments):",
        "    return résultat  # à vérifier",
    ],
}
LEAVING_OUT = {form for form in FORMS if form.endswith("between")}  # and with it, maybe, what was changed
FOR_ANY = {"utf-8", "utf-8-sig", "utf-16"}
BREAKS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r", "blank lines with a form feed": "\n\f\n", "tabs": "\n\t"}


@cache
def _content(path: Path) -> tuple[list[str], QuotedFile, str]:
    data = path.read_bytes()
    text = decode(data) or ""
    return split_lines(text), QuotedFile(path.name, data), fold(text)


def _drawn(data: st.DataObject, path: Path) -> Shown:
    """Return some lines of a file that begin and end with words, long enough to be told from others."""
    lines, _, _ = _content(path)
    count = data.draw(st.integers(1, min(12, len(lines))))
    start = data.draw(st.integers(0, len(lines) - count))
    shown = Shown(lines[start : start + count], start + 1, f"src/{path.name}")
    assume(shown.lines[0].strip() and shown.lines[-1].strip() and count_solid(fold(shown.text)) >= 16)
    return shown


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=examples(8))
@given(data=st.data())
def test_lines_of_a_file_are_found_in_every_form(form: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(FILES))
    shown = _drawn(data, path)
    quote = FORMS[form](shown)
    note(f"{path}\n{quote}")
    for line in (None, shown.first):
        match = _content(path)[1].look_up(quote, line, hint=False)
        assert match.verdict in HOLDS, (match, line)


@cache
def _changeable(change: str) -> list[tuple[Path, int]]:
    """Return the lines, by file and index, that have what a change changes, and that are long enough by themselves."""
    return [
        (path, at)
        for path in FILES
        for at, line in enumerate(_content(path)[0])
        if count_solid(fold(line)) >= 16 and CHANGES[change](line) != line
    ]


@pytest.mark.parametrize("change", CHANGES)
@settings(max_examples=examples(20))
@given(data=st.data())
def test_one_change_makes_it_a_line_of_no_file(change: str, data: st.DataObject) -> None:
    path, at = data.draw(st.sampled_from(_changeable(change)))
    lines, file, folded = _content(path)
    start = max(0, at - data.draw(st.integers(0, 6)))
    before, after = lines[start:at], lines[at + 1 : at + 1 + data.draw(st.integers(0, 5))]
    wrong = Shown([*before, *CHANGES[change](lines[at]).split("\n"), *after], start + 1, f"src/{path.name}")
    form = data.draw(st.sampled_from(sorted(set(FORMS) - LEAVING_OUT)))
    quote = FORMS[form](wrong)
    note(f"{path}\n{quote}")
    assume(fold(wrong.text) not in folded)
    # A part of a line stands in it: without the marks around it, and up to a line break that is written as `\n`.
    assume(all(fold(part) not in folded for part in (wrong.text.replace("\\n", "\n"), wrong.text.strip(" \"'`,"))))
    match = file.look_up(quote, wrong.first, hint=False)
    assert match.verdict is Verdict.REFUTED, (form, match)


@pytest.mark.parametrize("breaks", BREAKS)
@settings(max_examples=examples(40))
@given(data=st.data())
def test_lines_are_found_in_whatever_encoding_and_with_whatever_ends(breaks: str, data: st.DataObject) -> None:
    written = data.draw(st.sampled_from(sorted(LETTERS)))
    encoding = data.draw(st.sampled_from([written, *sorted(FOR_ANY)]))
    lines = [f"{line}  // {number}" for number, line in enumerate(LETTERS[written] * 3)]
    if encoding in FOR_ANY:
        lines[1] = data.draw(st.sampled_from([lines[1], f"{lines[1]} \u200b\u00ad{'long ' * 3000}"]))
        lines = [unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD"])), line) for line in lines]
    if data.draw(st.booleans()):
        lines.insert(0, f"# -*- coding: {encoding} -*-")
    file = QuotedFile("cart.py", BREAKS[breaks].join(lines).encode(encoding))
    count, start = data.draw(st.integers(1, 5)), data.draw(st.integers(0, 7))
    step = BREAKS[breaks].count("\n") or 1
    shown = Shown(lines[start : start + count], start * step + 1, "src/cart.py")
    assume(count_solid(fold(shown.text)) >= 16)
    if step > 1:
        shown = replace(shown, lines=[part for line in shown.lines for part in (line, "\f")][:-1])
    quote = FORMS[data.draw(st.sampled_from(sorted(FORMS)))](shown)
    note(f"{encoding}\n{quote[:1000]}")
    match = file.look_up(quote, shown.first, hint=False)
    assert match.verdict is Verdict.VERIFIED, match


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("server.port: the value that was agreed", "server.host: the value that was agreed"),
        (
            '    typer.echo(f"{status.upstream}: {line}"), err=True)',
            '    evil.call(f"{status.upstream}: {line}"), err=True)',
        ),
        ("limits(now):12: one two three four", "limits(never):12: one two three four"),
        ("        return total(items, start) or 0", "        raise total(items, start) or a.b: or 0"),
    ],
)
def test_a_key_or_a_call_before_a_colon_is_no_path_of_grep(line: str, wrong: str) -> None:
    file = QuotedFile("src/cart.py", f"first = 1\n{line}\nlast = 3\n".encode())
    assert file.look_up(line, 2, hint=False).verdict is Verdict.VERIFIED
    for prefix in ("", "cart.py:", "src/cart.py:2:", "C:\\shop\\src\\cart.py:2: "):
        assert file.look_up(prefix + line, 2, hint=False).verdict is Verdict.VERIFIED, prefix
        assert file.look_up(prefix + wrong, 2, hint=False).verdict is Verdict.REFUTED, prefix
