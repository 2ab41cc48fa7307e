"""Which files a scan reads, and which it names instead."""

import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_driver import Made, until

from stepwarden.source.outline import Language
from stepwarden.source.scan import selection
from stepwarden.source.scan.reader import Reader
from stepwarden.source.scan.result import Scan


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    opened = Reader(tmp_path / "cache")
    yield opened
    opened.close()


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made.at(tmp_path.resolve() / "work")


def left_out(scan: Scan) -> dict[str, int]:
    return {part.why: part.count for part in scan.left_out}


def scan_of(reader: Reader, made: Made, *paths: str) -> Scan:
    return reader.scan(str(made.top), paths, until=until())


def test_source_is_outlined_and_the_rest_is_named(reader: Reader, made: Made) -> None:
    made.write("src/cart.py", "def total(): ...\n")
    made.write("README.md", "# Shop\n")
    scan = scan_of(reader, made)
    assert list(scan.outlines) == ["src/cart.py"]
    assert [d.name for d in scan.outlines["src/cart.py"].definitions if d.name] != []
    assert scan.others == ("README.md",)
    assert scan.complete
    assert scan.left_out == ()


def test_what_git_ignores_is_not_read_unless_it_is_tracked(reader: Reader, made: Made) -> None:
    made.write("kept/a.py", "")
    made.write("kept/forced.py", "")
    made.write(".gitignore", "*.gen.py\n/out/\n!important.gen.py\n")
    made.write("kept/.gitignore", "forced.py\nlocal.py\n")
    made.git("add", "-f", "kept/forced.py")
    for name in ("x.gen.py", "important.gen.py", "out/a.py", "kept/local.py", "deep/out/b.py"):
        made.write(name, "")
    made.git("config", "core.excludesFile", "/dev/null")
    (made.top / ".git" / "info").mkdir(exist_ok=True)
    (made.top / ".git" / "info" / "exclude").write_text("deep/\n")
    assert list(scan_of(reader, made).outlines) == ["important.gen.py", "kept/a.py", "kept/forced.py"]


def test_ignore_rules_count_where_there_is_no_repository(reader: Reader, tmp_path: Path) -> None:
    made = Made(tmp_path.resolve() / "plain")
    made.write(".gitignore", "build/\n*.tmp.py\n")
    made.write("sub/.gitignore", "here.py\n")
    for name in ("a.py", "build/b.py", "c.tmp.py", "sub/here.py", "sub/there.py"):
        made.write(name, "")
    assert list(scan_of(reader, made).outlines) == ["a.py", "sub/there.py"]


def test_a_directory_that_an_outer_repository_ignores_is_read(reader: Reader, made: Made) -> None:
    made.write(".gitignore", "*\n")
    made.write("project/a.py", "")
    scan = reader.scan(str(made.top / "project"), until=until())
    assert list(scan.outlines) == ["a.py"]


def test_a_part_of_a_repository_has_the_rules_of_the_whole(reader: Reader, made: Made) -> None:
    made.write(".gitignore", "gen.py\n")
    made.write("sub/gen.py", "")
    made.write("sub/a.py", "")
    made.write("other.py", "")
    assert list(reader.scan(str(made.top / "sub"), until=until()).outlines) == ["a.py"]
    assert list(scan_of(reader, made, "sub").outlines) == ["sub/a.py"]


def test_repositories_inside_are_read_with_their_own_rules(reader: Reader, made: Made) -> None:
    made.commit(a_dot_py="")
    inner = Made.at(made.top / "inner.d")
    inner.write(".gitignore", "gen.py\n")
    inner.write("gen.py", "")
    inner.write("b.py", "")
    plain = Made(made.top.parent / "several")
    for name in ("one", "two"):
        Made.at(plain.top / name).write("c.py", "")
    assert list(scan_of(reader, made).outlines) == ["a.py", "inner.d/b.py"]
    assert list(reader.scan(str(plain.top), until=until()).outlines) == ["one/c.py", "two/c.py"]


def test_a_submodule_is_read(reader: Reader, made: Made, tmp_path: Path) -> None:
    inner = Made.at(tmp_path / "elsewhere")
    inner.commit(b_dot_py="x = 1\n")
    made.git("-c", "protocol.file.allow=always", "submodule", "-q", "add", str(inner.top), "vendor.d/inner")
    assert list(scan_of(reader, made).outlines) == ["vendor.d/inner/b.py"]


def test_a_broken_repository_is_read_like_a_plain_directory(reader: Reader, made: Made) -> None:
    made.commit(a_dot_py="")
    made.write(".gitignore", "gen.py\n")
    made.write("gen.py", "")
    (made.top / ".git" / "HEAD").write_text("nonsense")
    assert list(scan_of(reader, made).outlines) == ["a.py"]


def test_a_file_that_is_named_is_read_though_git_ignores_it(reader: Reader, made: Made) -> None:
    made.write(".gitignore", "gen.py\n")
    made.write("gen.py", "")
    assert list(scan_of(reader, made, "gen.py").outlines) == ["gen.py"]


def test_languages_are_chosen(reader: Reader, made: Made) -> None:
    made.write("a.py", "")
    made.write("b.go", "package b\n")
    scan = reader.scan(str(made.top), until=until(), languages={Language.PYTHON})
    assert list(scan.outlines) == ["a.py"]


def test_without_git_a_directory_is_walked_and_that_is_said(
    reader: Reader, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write("a.py", "")
    made.write(".hidden/b.py", "")
    made.write("node_modules/x/c.js", "")
    monkeypatch.setenv("PATH", "/nowhere")
    scan = scan_of(reader, made)
    assert list(scan.outlines) == ["a.py"]
    assert any("git is not installed" in part.why for part in scan.left_out)


def test_secrets_links_and_devices_are_never_read(reader: Reader, made: Made, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.py").write_text("password = 1\n")
    made.write("a.py", "")
    made.write(".env", "KEY=1\n")
    made.write(".ssh/helper.py", "")
    (made.top / "link.py").symlink_to(outside / "private.py")
    (made.top / "linked").symlink_to(outside)
    os.mkfifo(made.top / "pipe.py")
    scan = scan_of(reader, made)
    assert list(scan.outlines) == ["a.py"]
    assert scan.others == ()
    told = left_out(scan)
    assert told["secret by its name"] == 2
    assert sum(told.values()) >= 4
    for path in ("linked/private.py", "link.py", "pipe.py", "../outside/private.py", str(outside / "private.py")):
        assert not scan_of(reader, made, path).outlines
        assert reader.outline(str(made.top), path) is None


def test_a_directory_that_became_a_link_leads_nowhere(reader: Reader, made: Made, tmp_path: Path) -> None:
    made.commit(src__a_dot_py="x = 1\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("private = 1\n")
    (made.top / "src" / "a.py").unlink()
    (made.top / "src").rmdir()
    (made.top / "src").symlink_to(outside)
    assert not scan_of(reader, made).outlines


def test_large_files_are_named(reader: Reader, made: Made) -> None:
    made.write("big.py", b"x = 1\n" * 500_000)
    made.write("a.py", "")
    scan = scan_of(reader, made)
    assert list(scan.outlines) == ["a.py"]
    assert left_out(scan) == {"larger than 2 MiB": 1}


def test_odd_names_and_odd_bytes_are_read(reader: Reader, made: Made) -> None:
    made.write("ünï cödé.py", "def f(): ...\n")
    made.write('quo"te\n.py', "def g(): ...\n")
    made.write("latin.py", b"# \xe9\ndef h(): ...\n")
    with open(os.fsencode(str(made.top)) + b"/b\xff.py", "wb") as file:  # noqa: PTH123 - no text can name it
        file.write(b"def i(): ...\n")
    scan = scan_of(reader, made)
    names = [d.name for outline in scan.outlines.values() for d in outline.definitions if d.name in set("fghi")]
    assert sorted(names) == ["f", "g", "h", "i"]


def test_more_files_than_a_scan_takes_are_counted(reader: Reader, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MOST_SOURCES", 5)
    for number in range(9):
        made.write(f"f{number}.py", "")
    scan = scan_of(reader, made)
    assert list(scan.outlines) == [f"f{number}.py" for number in range(5)]
    assert not scan.complete
    assert sum(part.count for part in scan.left_out) == 4


def test_time_that_is_up_leaves_out_what_was_not_read_and_goes_on_the_next_time(reader: Reader, made: Made) -> None:
    for number in range(40):
        made.write(f"f{number:02}.py", f"x = {number}\n")
    scan = reader.scan(str(made.top), until=until(-1))
    assert not scan.complete
    assert scan.left_out[0].why == "not listed in time"
    assert len(scan_of(reader, made).outlines) == 40


def test_a_closed_reader_ends_what_it_scans(made: Made) -> None:
    for number in range(200):
        made.write(f"f{number:03}.py", f"x = {number}\n" * 50)
    reader = Reader(None)
    reader.close()
    scan = scan_of(reader, made)
    assert not scan.complete
    reader.close()


def test_two_scans_of_one_root_at_once_agree(reader: Reader, made: Made) -> None:
    for number in range(60):
        made.write(f"f{number:02}.py", f"def f{number}(): ...\n")
    scans: list[Scan] = []
    threads = [threading.Thread(target=lambda: scans.append(scan_of(reader, made))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(scan.outlines) for scan in scans] == [60] * 4


def test_a_file_without_permission_is_named(reader: Reader, made: Made) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = made.write("a.py", "")
    path.chmod(stat.S_IWUSR)
    assert not scan_of(reader, made).outlines


def test_scanning_leaves_no_process_behind(reader: Reader, made: Made) -> None:
    for number in range(60):
        made.write(f"f{number:02}.py", "x = 1\n")
    scan_of(reader, made)
    mine = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True, check=False
    )
    assert "stepwarden.source.worker" not in mine.stdout
