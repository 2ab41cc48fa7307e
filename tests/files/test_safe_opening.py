"""What a name inside the root may lead to, and that nothing else is opened."""

import errno
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwarden.files import safe_open
from stepwarden.files.safe_open import (
    BARRED,
    FILE_BYTES,
    NO_NAME,
    Unread,
    locate_file,
    measure_file,
    open_inside,
    read_file,
)
from stepwarden.steps.evidence import Verdict

OPENERS = [
    pytest.param(open_inside, id="walking"),
    pytest.param(lambda root, parts: safe_open._open_by_path(str(Path(root, *parts))), id="plainly"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.py").write_text("inside a\n")
    (root / "sub" / "b.py").write_text("inside b\n")
    (root / ".env").write_text("KEY=1\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "o.py").write_text("outside\n")
    return root


def note(root: Path, name: str) -> tuple[Verdict, str]:
    unread = read_file(str(root), name)
    assert isinstance(unread, Unread)
    assert isinstance(measure_file(str(root), name), Unread)
    return unread.verdict, unread.note


@pytest.mark.parametrize("name", ["a.py", "./a.py", "sub/../a.py", "{root}/a.py", "sub/b.py"])
def test_a_regular_file_inside_is_read(root: Path, name: str) -> None:
    name = name.replace("{root}", str(root))
    content = read_file(str(root), name)
    assert isinstance(content, bytes)
    assert content.startswith(b"inside")
    assert measure_file(str(root), name) == len(content)


@pytest.mark.parametrize(
    ("link", "target", "name"),
    [
        ("link.py", "a.py", "link.py"),
        ("sub/up.py", "../a.py", "sub/up.py"),
        ("dir", "sub", "dir/b.py"),
        ("whole.py", "{root}/sub/b.py", "whole.py"),
        ("round", "../root", "round/sub/b.py"),
    ],
)
def test_a_link_that_stays_inside_is_followed(root: Path, link: str, target: str, name: str) -> None:
    (root / link).symlink_to(target.replace("{root}", str(root)))
    assert isinstance(read_file(str(root), name), bytes)


@pytest.mark.parametrize(
    ("link", "target", "name"),
    [
        ("link.py", "../out/o.py", "link.py"),
        ("dir", "../out", "dir/o.py"),
        ("dir", "../out", "dir/missing.py"),
        ("dangling", "../nowhere/x.py", "dangling"),
        ("null", "/dev/null", "null"),
        ("etc", "/etc", "etc/passwd"),
        ("top", "/", "top/etc/hostname"),
        ("notes.txt", ".env", "notes.txt"),
        ("notes.txt", ".ssh/missing", "notes.txt"),
    ],
)
def test_a_link_to_outside_or_to_a_secret_is_barred(root: Path, link: str, target: str, name: str) -> None:
    (root / link).symlink_to(target)
    assert read_file(str(root), name) == BARRED
    assert measure_file(str(root), name) == BARRED


@pytest.mark.parametrize(
    ("existing", "missing"),
    [
        ("../out/o.py", "../out/missing.py"),
        ("../out", "../nowhere"),
        ("/etc/passwd", "/etc/no-such-file"),
        ("/dev/null", "/dev/no-such-device"),
        (".env", ".env.missing"),
        (".env", "sub/.git/config"),
        ("{root}-too", "{root}/../x"),
    ],
)
def test_nobody_learns_what_exists_outside_or_in_secret(root: Path, existing: str, missing: str) -> None:
    names = [name.replace("{root}", str(root)) for name in (existing, missing)]
    assert [read_file(str(root), name) for name in names] == [BARRED, BARRED]


def test_the_disk_is_not_asked_about_what_lies_outside_by_name(root: Path) -> None:
    (root.parent / "back.py").symlink_to(root / "a.py")
    assert read_file(str(root), "../back.py") == BARRED


@pytest.mark.parametrize(
    ("name", "where"),
    [("gone.py", "the root"), ("sub/gone.py", "'sub'"), ("a.py/b", "'a.py'"), ("no/such/x.py", "'no/such'")],
)
def test_a_missing_file_inside_is_refuted(root: Path, name: str, where: str) -> None:
    assert note(root, name) == (Verdict.REFUTED, f"no such file in {where}")


@pytest.mark.parametrize("name", ["sub", ".", "sub/..", "dir"])
def test_a_directory_is_refuted(root: Path, name: str) -> None:
    (root / "dir").symlink_to("sub")
    assert note(root, name) == (Verdict.REFUTED, "is a directory, quote a file")


def test_a_pipe_is_refuted_without_waiting_for_it(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert note(root, "pipe") == (Verdict.REFUTED, "not a regular file")


def test_a_socket_is_refuted(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.chdir(root)  # the name of a socket is at most about 100 bytes long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        assert note(root, "s") == (Verdict.REFUTED, "not a regular file")


def test_links_that_never_end_give_a_verdict(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    for index in range(1500):
        (root / f"chain{index}").symlink_to(f"chain{index + 1}")
    assert {note(root, name)[0] for name in ("loop", "one", "chain0")} == {Verdict.UNREACHABLE}
    assert note(root, "loop/x.py")[0] is Verdict.REFUTED


@pytest.mark.parametrize("name", ["", "a\0.py", "\0", "x" * 5000, "x/" * 100_000, "\ud800.py"])
def test_what_cannot_be_a_name_is_refuted(root: Path, name: str) -> None:
    assert read_file(str(root), name) == NO_NAME
    assert measure_file(str(root), name) == NO_NAME


def test_a_name_longer_than_the_system_takes_is_no_such_file(root: Path) -> None:
    assert note(root, "x" * 300) == (Verdict.REFUTED, "no such file in the root")


@pytest.fixture
def plain_user() -> Iterator[None]:
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_a_file_without_permission_is_unreachable(plain_user: None) -> None:
    with tempfile.TemporaryDirectory() as root:
        closed = Path(root, "closed.py")
        closed.write_text("x")
        closed.chmod(0)
        unread = read_file(os.path.realpath(root), "closed.py")
    assert unread == Unread(Verdict.UNREACHABLE, "permission to read it is denied")


@pytest.mark.parametrize(("size", "is_read"), [(FILE_BYTES, True), (FILE_BYTES + 1, False), (1 << 40, False)])
def test_a_file_larger_than_the_cap_is_not_read(root: Path, size: int, is_read: bool) -> None:
    with (root / "big").open("wb") as file:
        file.truncate(size)
    content = read_file(str(root), "big")
    assert isinstance(content, bytes) is is_read
    assert is_read or content == Unread(Verdict.UNREACHABLE, "larger than 8 MiB, not read")
    assert measure_file(str(root), "big") == size


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("swapped", ["a.py", "sub/b.py", "sub"])
def test_a_part_swapped_for_a_link_after_resolving_is_not_followed(root: Path, opener, swapped: str) -> None:
    name = "sub/b.py" if swapped == "sub" else swapped
    parts = locate_file(str(root), name)
    assert isinstance(parts, tuple)
    (root / swapped).rename(root / "moved")
    target = root.parent / "out" / "b.py"
    target.write_text("outside\n")
    (root / swapped).symlink_to(target.parent if swapped == "sub" else target)
    with pytest.raises(OSError) as refused:  # noqa: PT011
        opener(str(root), parts)
    assert refused.value.errno in {errno.ELOOP, errno.ENOTDIR}


def test_a_root_swapped_for_a_link_is_not_followed(root: Path) -> None:
    (root.parent / "out" / "a.py").write_text("outside\n")
    root.rename(root.parent / "moved")
    root.symlink_to(root.parent / "out")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        open_inside(str(root), ("a.py",))


@pytest.mark.parametrize("opener", OPENERS)
def test_no_descriptor_is_left_open_whatever_is_asked(root: Path, opener) -> None:
    (root / "link").symlink_to("a.py")
    os.mkfifo(root / "pipe")
    before = len(list(Path("/dev/fd").iterdir()))
    for parts in [("a.py",), ("sub",), ("link",), ("pipe",), ("gone",), ("sub", "b.py"), ("sub", "no", "x"), ()]:
        try:
            os.close(opener(str(root), parts))
        except OSError:
            continue
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize("opener", OPENERS)
def test_both_ways_to_open_give_the_file(root: Path, opener) -> None:
    with os.fdopen(opener(str(root), ("sub", "b.py"))) as file:
        assert file.read() == "inside b\n"


def test_a_file_in_a_directory_that_cannot_be_listed_is_read(root: Path) -> None:
    (root / "sub").chmod(0o311)
    assert isinstance(read_file(str(root), "sub/b.py"), bytes)


def test_a_hard_link_to_a_file_outside_is_not_read(root: Path) -> None:
    os.link(root.parent / "out" / "o.py", root / "sub" / "o.py")
    verdict, words = note(root, "sub/o.py")
    assert (verdict, "hard link" in words) == (Verdict.UNREACHABLE, True)


def test_hard_links_inside_the_root_and_those_of_installers_are_read(root: Path) -> None:
    os.link(root / "a.py", root / "sub" / "again.py")
    (root / "node_modules" / "left-pad").mkdir(parents=True)
    os.link(root.parent / "out" / "o.py", root / "node_modules" / "left-pad" / "index.js")
    for name in ("a.py", "sub/again.py", "node_modules/left-pad/index.js"):
        assert isinstance(read_file(str(root), name), bytes)
