"""What a scan keeps: known again by its stamp, then by hash; a file on disk that is wrong is made anew."""

import gc
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_driver import Made, until
from later_clock import LaterClock

from stepwarden.source.file_parser import parse_outline
from stepwarden.source.file_summary import encode_summary, summarize
from stepwarden.source.outline_codec import DamagedOutline, decode, encode
from stepwarden.source.scan import entry as scan_entry
from stepwarden.source.scan.cache import CHUNK_FILES, CacheFile, fingerprint
from stepwarden.source.scan.entry import FileEntry, Stamp, read_entry
from stepwarden.source.scan.reader import INLINE_FILES, Reader
from stepwarden.source.scan.result import FROZEN_OUTLINES, Outlines, Scan, Summaries

FEW, MANY = INLINE_FILES - 4, INLINE_FILES + 4  # files that a scan reads by itself; that it starts workers for
SAMPLE = '''"""Module."""
import os as system
from . import a as b


class C(Base):
    """Says what."""

    @property
    async def m(self, x: int = 1) -> int:
        if x and self.y:
            return helper.call(x)
        return self.m(x)
'''


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return filled(tmp_path, FEW)


def filled(tmp_path: Path, count: int) -> Made:
    made = Made.at(tmp_path.resolve() / "work")
    for number in range(count):
        made.write(f"f{number:02}.py", f"def f{number}(): ...\n")
    for path in made.top.glob("*.py"):
        os.utime(path, ns=(10**18, 10**18))
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def reader(cache: Path) -> Iterator[Reader]:
    opened = Reader(cache)
    yield opened
    opened.close()


def cached(cache: Path) -> Path:
    (file,) = cache.glob("*.outlines")
    return file


def names(reader: Reader, made: Made) -> list[str]:
    scan = reader.scan(str(made.top), until=until())
    definitions = [item for outline in scan.outlines.values() for item in outline.definitions]
    return [item.name for item in definitions if item.qualified]


def test_an_outline_is_the_same_after_a_way_through_bytes() -> None:
    read = parse_outline("a.py", SAMPLE.encode())
    assert read is not None
    assert read.calls
    assert read.imports
    again = decode(encode(read))
    assert again == read
    assert hash(again) == hash(read)


@pytest.mark.parametrize("data", [b"", b"x", b"\x80\x04N.", encode(parse_outline("a.py", b"x = 1\n"))[:-3]])  # type: ignore[arg-type]
def test_other_bytes_are_no_outline(data: bytes) -> None:
    with pytest.raises(DamagedOutline):
        decode(data)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_second_process_reads_what_the_first_kept(reader: Reader, tmp_path: Path, cache: Path, count: int) -> None:
    made = filled(tmp_path, count)
    first = names(reader, made)
    assert names(Reader(cache), made) == first
    assert cache.stat().st_mode & 0o077 == 0
    assert cached(cache).stat().st_mode & 0o077 == 0


def test_what_is_kept_is_not_written_again_where_nothing_changed(
    reader: Reader, made: Made, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_entry, "time", LaterClock())
    names(reader, made)
    before = cached(cache).stat()
    names(Reader(cache), made)
    after = cached(cache).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_changed_files_are_parsed_again(reader: Reader, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_entry, "time", LaterClock())
    names(reader, made)
    kept = reader._roots.get(str(made.top))  # pyright: ignore[reportPrivateUsage]
    before = dict(kept.entries)
    made.write("f00.py", "def g0(): ...\n")
    (made.top / "f01.py").touch()
    names(reader, made)
    assert {name for name, entry in kept.entries.items() if entry is not before[name]} == {"f00.py", "f01.py"}
    assert {name for name, entry in kept.entries.items() if entry.blob is not before[name].blob} == {"f00.py"}


def test_a_file_whose_size_and_time_are_set_back_is_read_again(reader: Reader, made: Made) -> None:
    names(reader, made)
    path = made.write("f00.py", "def g0(): ...\n")
    os.utime(path, ns=(10**18, 10**18))
    assert names(reader, made)[0] == "g0"


def test_a_file_of_another_time_is_read_again(reader: Reader, made: Made) -> None:
    names(reader, made)
    made.write("f00.py", "def g0(): ...\n")
    assert names(reader, made)[0] == "g0"


def test_a_file_that_was_just_written_is_hashed_the_next_time(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    made.write("now.py", "x = 1\n")
    entry = read_entry(str(made.top), "now.py", None)
    assert isinstance(entry, FileEntry)
    assert entry.stamp is None
    monkeypatch.setattr(scan_entry, "time", LaterClock())
    settled = read_entry(str(made.top), "now.py", entry)
    assert isinstance(settled, FileEntry)
    assert settled.stamp == Stamp.of((made.top / "now.py").stat())
    assert settled.blob is entry.blob  # the same bytes are not parsed twice


def test_a_time_proves_nothing_before_it_is_over() -> None:
    seconds = 1_000 * 10**9
    fine, coarse = Stamp(1, 5, seconds + 1, 2), Stamp(1, 5, seconds, 2)
    assert [fine.proves(seconds + after) for after in (0, 10**7, 10**8)] == [False, False, True]
    assert [coarse.proves(seconds + after) for after in (0, 10**9, 3 * 10**9)] == [False, False, True]
    assert not Stamp(1, seconds + 10**12, 5, 2).proves(seconds)  # a time to come


def test_new_renamed_and_deleted_files_are_noticed(reader: Reader, made: Made) -> None:
    names(reader, made)
    (made.top / "f00.py").rename(made.top / "z.py")
    (made.top / "f01.py").unlink()
    made.write("new.py", "def new(): ...\n")
    found = names(reader, made)
    assert "f1" not in found
    assert found[-2:] == ["new", "f0"]


def test_a_part_that_is_scanned_leaves_the_rest_kept(reader: Reader, made: Made, cache: Path) -> None:
    names(reader, made)
    made.write("f00.py", "def g0(): ...\n")
    reader.scan(str(made.top), ["f00.py"], until=until())
    assert len(CacheFile(cache, str(made.top), fingerprint()).load()) == FEW


@pytest.mark.parametrize("damage", ["cut", "turned", "foreign", "empty"])
def test_a_damaged_file_is_made_anew(reader: Reader, made: Made, cache: Path, damage: str) -> None:
    first = names(reader, made)
    file = cached(cache)
    data = file.read_bytes()
    turned = data[:-40] + bytes([data[-40] ^ 1]) + data[-39:]
    file.write_bytes({"cut": data[:-7], "turned": turned, "foreign": b"hello", "empty": b""}[damage])
    assert names(Reader(cache), made) == first
    assert CacheFile(cache, str(made.top), fingerprint()).load().keys() == {f"f{number:02}.py" for number in range(FEW)}


def test_what_older_code_kept_is_not_used(made: Made, cache: Path) -> None:
    entry = FileEntry(Stamp(1, 2, 3, 4), "0" * 64)
    CacheFile(cache, str(made.top), "older").save({"f00.py": entry})
    assert CacheFile(cache, str(made.top), "newer").load() == {}
    assert CacheFile(cache, str(made.top), "older").load() == {"f00.py": entry}


def test_no_more_than_a_chunk_is_parsed_or_packed_in_one_call(cache: Path) -> None:
    """One call of C holds every thread up, the event loop's too."""
    entries = {f"f{number}.py": FileEntry(None, "0" * 64, b"o" * number, b"s") for number in range(2 * CHUNK_FILES + 1)}
    file = CacheFile(cache, "/r", "mark")
    file.save(entries)
    assert file.load() == entries
    data = cached(cache).read_bytes()
    at, counts = data.index(b"\n") + 1, list[int]()
    while at < len(data):
        text_bytes, body_bytes, _ = struct.unpack_from(">III", data, at)
        at += 12
        counts.append(len(json.loads(data[at : at + text_bytes]).get("names", ())))
        at += text_bytes + body_bytes
    assert counts == [0, CHUNK_FILES, CHUNK_FILES, 1]


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(made: Made, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(names(Reader(tmp_path / "file" / "cache"), made)) == FEW


def test_files_nobody_used_for_long_are_removed(reader: Reader, made: Made, cache: Path) -> None:
    cache.mkdir()
    old, half = cache / "old.outlines", cache / "half.new"
    for path in (old, half):
        path.write_text("x")
        os.utime(path, (1, 1))
    (cache / "other").write_text("somebody's")
    names(reader, made)
    assert sorted(path.name for path in cache.iterdir()) == sorted(["other", cached(cache).name])


def test_summaries_of_a_whole_tree_are_not_looked_through_for_garbage() -> None:
    outline = parse_outline("a.py", SAMPLE.encode())
    assert outline is not None
    entry = FileEntry(None, "0", b"", encode_summary(summarize(outline, SAMPLE.encode())))
    scan = Scan("/r", {}, Summaries({f"f{number}.py": entry for number in range(FROZEN_OUTLINES)}))
    found = scan.summaries_of(scan.summaries)
    assert found == dict(scan.summaries)
    assert not {id(one) for one in found.values()} & set(map(id, gc.get_objects()))


def test_outlines_that_are_kept_are_not_looked_through_for_garbage() -> None:
    outline = parse_outline("a.py", SAMPLE.encode())
    assert outline is not None
    entry = FileEntry(None, "0", encode(outline))
    outlines = Outlines({f"f{number}.py": entry for number in range(FROZEN_OUTLINES)}, {})
    kept = {id(one) for one in outlines.values()}
    assert len(kept) == FROZEN_OUTLINES
    assert not kept & set(map(id, gc.get_objects()))
