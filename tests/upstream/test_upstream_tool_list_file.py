"""The file that keeps a server's tools: read back whole, set aside where damaged, never that of another server."""

import json
from pathlib import Path

import pytest
from rigs import listings

from stepwarden.upstream.catalogue.tool import UpstreamTool
from stepwarden.upstream.catalogue.tool_list_file import FILE_BYTES, FORMAT, KnownTools, ToolListFile

TOOL = UpstreamTool(listings.tool("find", "Find one.", {"type": "object"}, readOnlyHint=True))
KNOWN = KnownTools([TOOL.wire], {"find": TOOL}, 12.0)


@pytest.fixture
def file(tmp_path: Path) -> ToolListFile:
    return ToolListFile(tmp_path / "tools" / "jira.json", "a server")


def test_what_was_written_is_read_by_another_process(file: ToolListFile) -> None:
    file.write(lambda _: KNOWN)
    other = ToolListFile(file.path, file.server)
    assert other.changed
    assert other.read() == KNOWN
    assert not other.changed


def test_what_another_process_wrote_meanwhile_is_merged(file: ToolListFile) -> None:
    file.write(lambda _: KNOWN)
    seen: list[KnownTools | None] = []

    def merge(before: KnownTools | None) -> KnownTools:
        seen.append(before)
        return KnownTools([], {}, 13.0)

    ToolListFile(file.path, file.server).write(merge)
    assert seen == [KNOWN]
    assert file.read() == KnownTools([], {}, 13.0)


def test_where_nothing_was_written_nothing_is_known(file: ToolListFile) -> None:
    assert file.read() is None


def test_without_a_path_nothing_is_kept() -> None:
    nowhere = ToolListFile(None, "a server")
    nowhere.write(lambda _: KNOWN)
    assert nowhere.read() is None
    assert not nowhere.changed


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "7",
        json.dumps({"format": FORMAT + 1, "trusted": [], "listed": []}),
        json.dumps({"format": FORMAT, "trusted": {}, "listed": []}),
        json.dumps({"format": FORMAT, "trusted": [], "listed": 3}),
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_damaged_file_is_set_aside_and_written_anew(
    file: ToolListFile, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert file.path is not None
    file.path.parent.mkdir()
    file.path.write_bytes(damage.encode(errors="surrogateescape"))
    assert file.read() is None
    assert not file.path.exists()
    assert file.path.with_suffix(".unreadable").exists()
    assert "is not a list of tools of ours" in caplog.text
    file.write(lambda before: KNOWN if before is None else KnownTools([]))
    assert file.read() == KNOWN


def test_a_file_of_another_server_or_one_too_large_is_left_alone(file: ToolListFile) -> None:
    assert file.path is not None
    file.write(lambda _: KNOWN)
    assert ToolListFile(file.path, "another").read() is None
    assert file.path.exists()
    with file.path.open("ab") as opened:
        opened.truncate(FILE_BYTES + 1)
    assert file.read() is None
    assert file.path.exists()


def test_what_cannot_be_read_or_written_is_logged_and_nothing_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").mkdir()
    blocked = ToolListFile(tmp_path / "in the way", "a server")
    assert blocked.read() is None
    assert "cannot be read" in caplog.text
    below = tmp_path / "file"
    below.write_text("")
    ToolListFile(below / "jira.json", "a server").write(lambda _: KNOWN)
    assert "could not be written" in caplog.text
