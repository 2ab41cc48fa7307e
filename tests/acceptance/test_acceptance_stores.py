"""A store that cannot be read or written: an error of the call, a connection that lives, and a file left alone."""

import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stepwarden.storage.sqlite import WAL_SAFE, newest_driver
from tests.support.calls import step, text_of
from tests.support.stdio_server import StdioServer, opened, served, steps_recorded


def state_of(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


def assert_each_call_says(server: StdioServer, words: str) -> None:
    """Assert that calls which need the store fail by name, and those that do not work."""
    for _ in range(2):
        for tool, arguments in (
            ("debug", step(1)),
            ("planner", step(2, "planner-" + "a" * 26)),
            ("status", {}),
            ("status", {"continuation_id": "debug-" + "a" * 26}),
        ):
            result = server.call(tool, arguments)
            assert result["isError"]
            text = text_of(result)
            assert text.startswith("Not recorded. "), text
            assert words in text
            assert "left untouched" in text
            assert "Traceback" not in text
            assert len(text.splitlines()) == 1
        read = server.request("resources/read", uri="stepwarden://threads/debug-" + "a" * 26)
        assert words in read["error"]["message"]
        assert server.request("ping")["result"] == {}
        assert len(server.request("tools/list")["result"]["tools"]) > 10
        assert server.request("prompts/list")["result"]["prompts"]


GARBAGE = {
    "text": b"this is no database, but somebody's notes\n" * 100,
    "a few bytes": b"short",
    "a header and garbage": b"SQLite format 3\x00" + bytes(range(256)) * 40,
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_store_of_garbage_is_told_to_every_call_and_left_as_it_was(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / "stepwarden.db").write_bytes(content)
    with served(home) as (server,):
        assert_each_call_says(server, str(home / "stepwarden.db"))
    assert state_of(home)["stepwarden.db"] == content


def test_the_store_of_another_program_is_left_as_it_was(home: Path) -> None:
    home.mkdir()
    with closing(sqlite3.connect(home / "stepwarden.db")) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.execute("INSERT INTO recipes VALUES ('soup')")
    before = state_of(home)
    with served(home) as (server,):
        assert_each_call_says(server, str(home / "stepwarden.db"))
    assert state_of(home) == before


def test_a_store_of_a_newer_schema_is_told_and_left_as_it_was(home: Path) -> None:
    with served(home) as (server,):
        opened(server)
    with closing(sqlite3.connect(home / "stepwarden.db")) as connection:
        connection.execute("UPDATE stepwarden_meta SET value = '999' WHERE key = 'schema_version'")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = state_of(home)
    with served(home) as (server,):
        assert_each_call_says(server, "newer")
    assert state_of(home) == before


def test_a_store_that_is_put_right_works_without_a_restart(home: Path) -> None:
    home.mkdir()
    (home / "stepwarden.db").write_bytes(GARBAGE["text"])
    with served(home) as (server,):
        assert server.call("debug", step(1))["isError"]
        (home / "stepwarden.db").rename(home / "notes.txt")
        assert server.call("debug", step(1))["structuredContent"]["step_number"] == 1
        assert (home / "notes.txt").read_bytes() == GARBAGE["text"]


def test_a_disk_that_is_full_fails_the_call_and_nothing_before_or_after_it(home: Path) -> None:
    with served(home) as (server,):
        thread = opened(server)
        for number in (2, 3):
            server.call("debug", step(number, thread, findings=f"finding {number}"))
        largest = max(path.stat().st_size for path in home.iterdir() if not path.name.endswith("-acknowledged"))
        process = server.process.pid
        resource.prlimit(process, resource.RLIMIT_FSIZE, (largest + 20_000, resource.RLIM_INFINITY))
        recorded, result = 3, None
        while result is None:
            answer = server.call("debug", step(recorded + 1, thread, findings=f"{recorded + 1}: " + "x" * 5_000))
            if answer["isError"]:
                result = answer
            else:
                recorded += 1
            assert recorded < 100
        text = text_of(result)
        assert text.startswith("Not recorded. ")
        assert "nothing was recorded" in text
        assert "space" in text
        assert "structuredContent" not in result
        refused = step(recorded + 1, thread, findings=f"{recorded + 1}: " + "x" * 5_000)
        assert server.call("debug", refused)["isError"]
        assert server.request("ping")["result"] == {}
        assert steps_recorded(server, thread) == recorded
        resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert server.call("debug", refused)["structuredContent"]["step_number"] == recorded + 1
    with served(home) as (server,):
        assert steps_recorded(server, thread) == recorded + 1
        again = server.call("debug", step(recorded + 2, thread))
        assert again["structuredContent"]["step_number"] == recorded + 2


def test_a_disk_that_is_full_from_the_start_works_after_a_restart_with_room(home: Path) -> None:
    with served(home) as (server,):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
        for _ in range(2):
            result = server.call("debug", step(1))
            assert result["isError"]
            assert text_of(result).startswith("Not recorded. ")
            assert "failed inside" not in text_of(result)
        assert server.request("ping")["result"] == {}
    with served(home) as (server,):
        assert server.call("debug", step(1))["structuredContent"]["step_number"] == 1


def test_a_home_that_cannot_be_made_is_told_to_the_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with served(tmp_path / "file" / "home") as (server,):
        result = server.call("debug", step(1))
        assert result["isError"]
        assert text_of(result).startswith("Not recorded. ")
        assert str(tmp_path / "file") in text_of(result)
        assert server.request("ping")["result"] == {}


def test_a_changed_event_shows_and_the_thread_is_not_taken_for_an_empty_one(home: Path) -> None:
    with served(home) as (server,):
        thread = opened(server)
    with closing(sqlite3.connect(home / "stepwarden.db")) as connection, connection:
        connection.execute("UPDATE stepwarden_events SET payload = '{}' WHERE kind = 'step'")
    with served(home) as (server,):
        result = server.call("debug", step(2, thread))
        assert result["isError"]
        assert text_of(result).startswith("Not recorded. ")
        assert opened(server) != thread


@pytest.mark.skipif(
    newest_driver().sqlite_version_info < WAL_SAFE, reason="this SQLite keeps no log that could be lost"
)
def test_a_host_is_told_which_thread_lost_steps_when_the_log_was_cut_after_a_kill(tmp_path: Path) -> None:
    server = StdioServer(tmp_path / "state").greeted()
    thread = opened(server)
    assert not server.call("debug", step(2, thread))["isError"]
    server.kill()
    server.bury()
    log = tmp_path / "state" / "stepwarden.db-wal"
    log.write_bytes(log.read_bytes()[:-6_000])
    with served(tmp_path / "state") as (again,):
        told = again.call("debug", step(3, thread))
        assert told["isError"]
        assert f"The store lost entries that were recorded before: {thread} (" in text_of(told)
        left = again.call("status", {"continuation_id": thread})
        number = left["structuredContent"]["next_step_number"]
        assert number < 3
        assert not again.call("debug", step(number, thread))["isError"]
