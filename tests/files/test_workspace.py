"""What a call gets to know of files."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from stepwarden.files import FileFact, RootPolicy, Workspace, open_workspace
from stepwarden.files.workspace import CALL_HINTS
from stepwarden.steps.evidence import Evidence, LineKind, Quote, QuoteContext, Verdict

BODY = "def total(items):\n    return sum(items)\n\n\nlast = total([1, 2, 3])\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.py").write_text(BODY)
    (root / "sub" / "b.py").write_text(BODY.replace("total", "other"))
    (root / ".env").write_text("PASSWORD=correct horse battery\n")
    (root / "data.bin").write_bytes(b"needle in hay\0\1\2")
    (tmp_path / "out.py").write_text(BODY)
    return open_workspace(str(root), RootPolicy((), local=True))


def one(workspace: Workspace, file: str, quote: str = "return sum(items)", line: int | None = None) -> Evidence:
    (evidence,) = workspace.check([Quote(file, quote, line)])
    return evidence


def test_a_quote_comes_back_with_name_line_hash_and_what_it_supports(workspace: Workspace) -> None:
    quote = Quote("./sub/../a.py", "return sum(items)", 1, supports="I2")
    assert workspace.check([quote]) == [
        Evidence(
            "a.py",
            quote.quote,
            Verdict.MOVED,
            2,
            "I2",
            "found at line 2, not 1",
            hashlib.sha256(BODY.encode()).hexdigest(),
            QuoteContext(LineKind.CODE, (2,), ("total",), (1, 2), ("sum", "items"), ("sum",), ("total",)),
        )
    ]


def test_verdicts_come_in_the_order_of_the_quotes(workspace: Workspace) -> None:
    quotes = [
        Quote("a.py", "return sum(items)", 2),
        Quote("sub/b.py", "last = other([1, 2, 3])"),
        Quote("a.py", "last = total([1, 2, 3])", 2),
        Quote("gone.py", "last = total([1, 2, 3])"),
        Quote("sub/b.py", "last = total([1, 2, 3])", supports="hypothesis"),
        Quote("../out.py", "return sum(items)"),
        Quote("a.py", ""),
    ]
    evidence = workspace.check(quotes)
    assert [item.quote for item in evidence] == [quote.quote for quote in quotes]
    assert [item.supports for item in evidence] == [quote.supports for quote in quotes]
    assert [item.verdict.value for item in evidence] == [
        "verified",
        "verified",
        "moved",
        "refuted",
        "refuted",
        "unreachable",
        "too_short",
    ]
    assert evidence[4].note == "nearest is line 5: last = other([1, 2, 3])"
    assert evidence[6].note.startswith("the quote is empty")


def test_no_quotes_give_no_verdicts(workspace: Workspace) -> None:
    assert workspace.check([]) == []
    assert workspace.recheck([]) == []
    assert workspace.survey([]) == {}


def test_a_file_is_read_once_however_many_quotes_cite_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    really = os.open

    def counted(path: str, flags: int, *args: int, **options: int) -> int:
        opened.append(path)
        return really(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", counted)
    monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd | {counted})
    workspace.check([Quote("a.py", f"return sum(items) {number}") for number in range(40)])
    assert opened.count("a.py") == 1


def test_outside_and_secret_give_the_same_whether_they_exist_or_not(workspace: Workspace) -> None:
    names = ["../out.py", "../gone.py", "/etc/passwd", "/etc/gone", ".env", ".env.gone", "sub/.git/config"]
    for quote in ("PASSWORD=correct horse battery", "return sum(items)", "x", ""):
        items = {replace(one(workspace, name, quote, 1), path="") for name in names}
        assert len(items) == 1
        (item,) = items
        assert (item.verdict, item.line, item.sha256) == (Verdict.UNREACHABLE, None, "")
    assert set(workspace.survey(names).values()) == {FileFact(exists=False)}


def test_a_binary_file_is_not_searched(workspace: Workspace) -> None:
    item = one(workspace, "data.bin", "needle in hay")
    assert (item.verdict, item.note) == (Verdict.UNREACHABLE, "a binary file, not searched")
    assert item.sha256


def test_without_a_root_every_quote_is_unreachable() -> None:
    workspace = open_workspace(None, RootPolicy((), local=True))
    item = one(workspace, "/etc/passwd", "root:x:0:0:root")
    assert (item.path, item.verdict) == ("/etc/passwd", Verdict.UNREACHABLE)
    assert workspace.survey(["/etc/passwd"]) == {"/etc/passwd": FileFact(exists=False)}
    assert workspace.recheck([item]) == []


@pytest.mark.parametrize(
    "name", ["", "\0", "a\0.py", "x" * 300, "x" * 9000, "\ud800", "sub", "a.py/", "loop", "..", "/"]
)
def test_no_path_makes_a_call_fail(workspace: Workspace, name: str) -> None:
    assert workspace.root is not None
    Path(workspace.root, "loop").symlink_to("loop")
    canonical = workspace.canonical(name)
    item = one(workspace, canonical)
    assert item.note or item.holds
    workspace.survey([canonical])
    workspace.recheck([item])


def test_a_survey_knows_regular_files_and_their_sizes(workspace: Workspace) -> None:
    assert workspace.root is not None
    Path(workspace.root, "link.py").symlink_to("a.py")
    Path(workspace.root, "out").symlink_to("../out.py")
    os.mkfifo(Path(workspace.root, "pipe"))
    survey = workspace.survey(["a.py", "link.py", "sub", "pipe", "out", "gone.py", ".env", "data.bin"])
    assert {name: fact.bytes for name, fact in survey.items() if fact.exists} == {
        "a.py": len(BODY),
        "link.py": len(BODY),
        "data.bin": 16,
    }
    assert len(survey) == 8


def test_names_are_the_same_from_every_directory_below_a_configured_root(workspace: Workspace) -> None:
    assert workspace.root is not None
    below = open_workspace(workspace.root + "/sub", RootPolicy((workspace.root,), local=False))
    name = below.canonical("b.py")
    assert name == "sub/b.py"
    assert below.check([Quote(name, "return sum(items)", 2)]) == workspace.check([Quote(name, "return sum(items)", 2)])
    assert below.survey([name])[name].exists
    assert below.canonical("../a.py") == "a.py"
    assert below.canonical("../../out.py") == str(Path(workspace.root).parent / "out.py")


def test_a_call_reads_a_bounded_amount(workspace: Workspace) -> None:
    assert workspace.root is not None
    names = [f"big{number}" for number in range(10)]
    for name in names:
        with Path(workspace.root, name).open("wb") as file:
            file.truncate(8 * 1024 * 1024)
    items = workspace.check([Quote(name, "return sum(items)") for name in names])
    assert [item.note for item in items[:8]] == ["a binary file, not searched"] * 8
    assert {item.note for item in items[8:]} == {"not read: this call had already read 64 MiB"}


def test_after_many_refuted_quotes_the_nearest_line_is_looked_for_no_more(workspace: Workspace) -> None:
    items = workspace.check([Quote("a.py", f"return sum(item{number})") for number in range(CALL_HINTS + 5)])
    assert [item.note.startswith("nearest is line 2") for item in items] == [True] * CALL_HINTS + [False] * 5
    assert items[-1].note == "not in the file"


def test_a_recheck_gives_what_has_gone_since(workspace: Workspace) -> None:
    assert workspace.root is not None
    file, other = Path(workspace.root, "a.py"), Path(workspace.root, "sub", "b.py")
    items = workspace.check(
        [
            Quote("a.py", "return sum(items)", 2),
            Quote("a.py", "last = total([1, 2, 3])", 5),
            Quote("sub/b.py", "return sum(items)", 2),
        ]
    )
    assert workspace.recheck(items) == []
    file.write_text("# moved on\n" + BODY)
    assert workspace.recheck(items) == []
    file.write_text(BODY.replace("sum(items)", "sum(items, 0)"))
    assert workspace.recheck(items) == [items[0]]
    other.unlink()
    assert workspace.recheck(items) == [items[0], items[2]]
    file.write_text(BODY)
    assert workspace.recheck(items) == [items[2]]


def test_a_short_quote_that_moved_is_not_stale(workspace: Workspace) -> None:
    assert workspace.root is not None
    file = Path(workspace.root, "c.py")
    file.write_text("pass\nreturn 0\n")
    items = workspace.check([Quote("c.py", "return 0", 2)])
    assert items[0].verdict is Verdict.VERIFIED
    file.write_text("pass\npass\nreturn 0\n")
    assert workspace.recheck(items) == []
    file.write_text("pass\nreturn 01\n")
    assert workspace.recheck(items) == items


def test_what_cannot_be_read_any_more_is_not_called_stale(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.root is not None
    items = workspace.check([Quote("a.py", "return sum(items)", 2)])
    Path(workspace.root, "a.py").unlink()
    Path(workspace.root, "a.py").symlink_to(tmp_path / "out.py")
    assert workspace.recheck(items) == []
    assert open_workspace(None, RootPolicy((), local=False)).recheck(items) == []
