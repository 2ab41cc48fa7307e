"""Paths as hosts and models write them: one name for one file."""

import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.files import RootPolicy, Workspace, open_workspace
from stepwarden.files.written_paths import WrittenPath, find_places, read_written
from stepwarden.steps.evidence import Quote, Verdict
from tests.support.examples import examples

BODY = "def total(items):\n    return sum(items)\n"
FILES = (
    "src/app.py",
    "src/b/app.py",
    "src/app/(shop)/[id]/page.tsx",
    "a/own.py",
    "with space.py",
    "odd:12",
    "Makefile",
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in FILES:
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(BODY)
    (tmp_path / "shop" / ".env").write_text("TOKEN=1\n")
    (tmp_path / "out.py").write_text(BODY)
    return open_workspace(str(tmp_path / "shop"), RootPolicy((), local=True))


@pytest.mark.parametrize(
    ("written", "name", "line", "last"),
    [
        ("src/app.py", "src/app.py", None, None),
        ("src/app.py:12", "src/app.py", 12, 12),
        ("src/app.py:12:5", "src/app.py", 12, 12),
        ("src/app.py:12-20", "src/app.py", 12, 20),
        ("src/app.py:L12-L20", "src/app.py", 12, 20),
        ("src/app.py#L12", "src/app.py", 12, 12),
        ("src/app.py#L12-L20", "src/app.py", 12, 20),
        ("src/app.py#L12C3-L20C1", "src/app.py", 12, 20),
        ("src/app.py?plain=1#L12", "src/app.py", 12, 12),
        ("src/app.py(12,5)", "src/app.py", 12, 12),
        ("src/app.py (lines 3-9)", "src/app.py", 3, 9),
        ("src/app.py, line 12", "src/app.py", 12, 12),
        ("src/app.py lines 3 to 9", "src/app.py", 3, 9),
        ("src/app.py::test_total[1-2]", "src/app.py", None, None),
        ("src/app.py:Cart.total()", "src/app.py", None, None),
        ("src/app.py:", "src/app.py", None, None),
        (" src/app.py\n", "src/app.py", None, None),
        ("`src/app.py`", "src/app.py", None, None),
        ("`src/app.py:12`", "src/app.py", 12, 12),
        ('"src/app.py",', "src/app.py", None, None),
        ("<src/app.py>", "src/app.py", None, None),
        ("**src/app.py**", "src/app.py", None, None),
        ("@src/app.py", "src/app.py", None, None),
        ("@/src/app.py", "src/app.py", None, None),
        ("#file:src/app.py", "src/app.py", None, None),
        ("[app.py:12](src/app.py#L12)", "src/app.py", 12, 12),
        ("[page](src/app/(shop)/[id]/page.tsx)", "src/app/(shop)/[id]/page.tsx", None, None),
        ("src/app/(shop)/[id]/page.tsx:3", "src/app/(shop)/[id]/page.tsx", 3, 3),
        ("src\\app.py", "src/app.py", None, None),
        ("src\\\\app.py:12", "src/app.py", 12, 12),
        (".\\src\\app.py", "src/app.py", None, None),
        ("file://{root}/src/app.py", "src/app.py", None, None),
        ("file://localhost{root}/with%20space.py#L2", "with space.py", 2, 2),
        ("file:{root}/src/app.py", "src/app.py", None, None),
        ("vscode://file{root}/src/app.py:12:5", "src/app.py", 12, 12),
        ("a/src/app.py", "src/app.py", None, None),
        ("b/src/app.py", "src/app.py", None, None),
        ("a/own.py", "a/own.py", None, None),
        ("b/a/own.py", "a/own.py", None, None),
        ("a/a/own.py:7", "a/own.py", 7, 7),
        ("/src/app.py", "src/app.py", None, None),
        ("shop/src/app.py", "src/app.py", None, None),
        ("/workspaces/shop/src/app.py:3", "src/app.py", 3, 3),
        ("odd:12", "odd:12", None, None),
        ("Makefile:3", "Makefile", 3, 3),
        ("src", "src", None, None),
        # what is not there has the name that its letters say
        ("src/gone.py:12", "src/gone.py", 12, 12),
        ("`src/gone.py`", "src/gone.py", None, None),
        ("src\\gone.py", "src/gone.py", None, None),
        ("a/gone.py", "a/gone.py", None, None),
        ("/gone/gone.py", "/gone/gone.py", None, None),
        ("[id]/page.tsx", "[id]/page.tsx", None, None),
    ],
)
def test_a_file_has_one_name_however_it_is_written(
    workspace: Workspace, written: str, name: str, line: int | None, last: int | None
) -> None:
    written = written.replace("{root}", workspace.root or "")
    assert workspace.locate(written) == WrittenPath(name, line, last)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD", "mixed"])
def test_a_name_is_found_in_whatever_form_of_unicode_it_is_stored(
    tmp_path: Path, form: Literal["NFC", "NFD"], stored: Literal["NFC", "NFD", "mixed"]
) -> None:
    name = "d\u00e9j\u00e0/\u00fcber.py"
    first, _, last = name.partition("/")
    forms: tuple[Literal["NFC", "NFD"], Literal["NFC", "NFD"]] = (
        ("NFD", "NFC") if stored == "mixed" else (stored, stored)
    )
    kept = f"{unicodedata.normalize(forms[0], first)}/{unicodedata.normalize(forms[1], last)}"
    (tmp_path / kept).parent.mkdir()
    (tmp_path / kept).write_text(BODY)
    workspace = open_workspace(str(tmp_path), RootPolicy((), local=True))
    assert workspace.canonical(unicodedata.normalize(form, name)) == kept
    assert workspace.canonical(unicodedata.normalize(form, "d\u00e9j\u00e0/gone.py")).endswith("/gone.py")


@pytest.mark.parametrize(
    "written", ["../out.py", "{tmp}/out.py", "file://{tmp}/out.py", ".env:1", "`.env`", "/etc/passwd:1"]
)
def test_no_way_of_writing_reveals_or_opens_what_is_barred(workspace: Workspace, tmp_path: Path, written: str) -> None:
    name = workspace.canonical(written.replace("{tmp}", str(tmp_path)))
    assert not workspace.survey([name])[name].exists
    (item,) = workspace.check([Quote(name, "return sum(items)")])
    assert item.verdict is Verdict.UNREACHABLE


def test_a_working_directory_may_be_a_uri_or_stand_in_quotation_marks(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    for written in (f"file://{tmp_path}/a%20b", f'"{tmp_path}/a b"', f" {tmp_path}/a b\n", f"`{tmp_path}/a b/`"):
        assert open_workspace(written, RootPolicy((), local=True)).root == str(tmp_path / "a b")


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("see src/a.py:10-20.", [("src/a.py", 10, 20)]),
        ("`src/a.py`:3 and src\\b.py:4", [("src/a.py", 3, 3), ("src/b.py", 4, 4)]),
        ("a.py#L5-L9; a.py, lines 3-9 and (a.py:7:2)", [("a.py", 5, 9), ("a.py", 3, 9), ("a.py", 7, 7)]),
        ("`a.py` line 4, a.py (lines 5 to 6)", [("a.py", 4, 4), ("a.py", 5, 6)]),
        ("no place: at all, 12", []),
    ],
)
def test_places_are_found_in_a_text(text: str, places: list[tuple[str, int, int]]) -> None:
    assert [(place.path, place.line, place.last) for place in find_places(text)] == places


@settings(max_examples=examples(60))
@given(text=st.text(), extra=st.sampled_from(["", ":1", "`", "(", "#L", "file://", "[a](", "::"]))
def test_no_text_makes_reading_a_path_fail(text: str, extra: str) -> None:
    assert read_written(text + extra)[0] == WrittenPath(text + extra)
    list(find_places(extra + text))


@pytest.mark.parametrize("unit", [" ", "(", ":1", "a:", "[](", "`", "@", "\\", "/", "#L1"])
def test_a_path_of_any_length_is_read_at_once(unit: str) -> None:
    assert len(read_written(unit * 4_000)) < 20
    assert read_written(unit * (256 * 1024))[0].path == unit * (256 * 1024)
    assert sum(1 for _ in find_places(unit * 20_000)) < 20_001


def test_evidence_takes_its_line_from_the_path(workspace: Workspace) -> None:
    place = workspace.locate("src/app.py:2")
    (item,) = workspace.check([Quote(place.path, "return sum(items)", place.line)])
    assert (item.path, item.verdict, item.line) == ("src/app.py", Verdict.VERIFIED, 2)
