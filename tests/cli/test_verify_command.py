"""`stepwarden threads verify` names every change that it can see, alone and against an anchor."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwarden.cli import main
from stepwarden.storage import GENESIS, Append, HeadChange, HeadQuery, NewEvent, Store, event_hash
from stepwarden.threads.anchors import Anchor, AnchorUnusable
from tests.support.store import raw

Make = Callable[..., str]
Output = pytest.CaptureFixture[str]
E, H = "stepwarden_events", "stepwarden_heads"
COPY_LAST = (
    f"INSERT INTO {E} (stream, seq, at, kind, payload, hash) "
    f"SELECT stream, 4, at, kind, payload, hash FROM {E} WHERE seq = 3"
)


def command(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def change(store_file: Path, *statements: str) -> None:
    connection = raw(store_file)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def rewrite(store_file: Path, stream: str) -> None:
    """Write a whole chain anew, as somebody would who knows the formula."""
    connection, previous = raw(store_file), GENESIS
    rows = connection.execute(f"SELECT seq, at, kind, payload FROM {E} WHERE stream = ? ORDER BY seq", (stream,))
    for seq, at, kind, payload in rows.fetchall():
        said = payload.replace("seen", "sawn")
        previous = event_hash(previous, stream, seq, at, NewEvent(kind, said))
        sql = f"UPDATE {E} SET payload = ?, hash = ? WHERE stream = ? AND seq = ?"
        connection.execute(sql, (said, previous, stream, seq))
    connection.execute(f"UPDATE {H} SET hash = ? WHERE stream = ?", (previous, stream))
    connection.close()


@pytest.fixture(autouse=True)
def _here(here: Path) -> None:
    assert here.is_dir()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"DELETE FROM {H}", "its head is gone"),
        (f"DELETE FROM {E}", "its events are gone"),
        (f"UPDATE {H} SET title = 'another task'", "the head has another title than its events"),
        (f"UPDATE {H} SET kind = 'chat'", "the head has another kind than its events"),
        (
            f"UPDATE {H} SET kind = 'x', title = 'y'",
            "the head has another kind than its events; the head has another title",
        ),
        (f"UPDATE {H} SET state = 'done'", "the head has another outcome than its events"),
        (f"UPDATE {H} SET steps = 5", "the head has another number of steps than its events"),
        (f"UPDATE {H} SET directory = '/elsewhere'", "the head has another directory than its events"),
        (f"UPDATE {H} SET origin = 'debug-x'", "the head has another origin than its events"),
        (f"UPDATE {H} SET finished = 7.0", "the head has another date of its completion than its events"),
        (f"UPDATE {H} SET created = created - 1", "the head has another beginning than its first event"),
        (f"UPDATE {H} SET updated = 5.0", "the head has another time of its last change than its last event"),
        (f"UPDATE {H} SET most_steps = 7", "the head has another greatest number of steps than its events"),
        (COPY_LAST, "the chain breaks at event 4"),
        (f"UPDATE {E} SET payload = CAST(x'ff' AS TEXT) WHERE seq = 2", "the chain breaks at event 2"),
        (f"UPDATE {E} SET at = 'never' WHERE seq = 2", "the chain breaks at event 2"),
    ],
)
def test_what_does_not_follow_from_the_events_is_named(
    thread: Make, capsys: Output, store_file: Path, statement: str, told: str
) -> None:
    name = thread()
    assert command("threads", "verify") == 0
    change(store_file, statement)
    capsys.readouterr()
    assert command("threads", "verify") == 1
    assert f"{name}: {told}" in capsys.readouterr().out


IMPOSSIBLE = [
    ("updated", "1e300"),
    ("updated", "-1e300"),
    ("updated", "'yesterday'"),
    ("created", "x'00ff'"),
    ("finished", "9e999"),
    ("steps", "'many'"),
    ("steps", "-3"),
    ("total_steps", "99999999999999"),
    ("version", "'x'"),
    ("version", "1.5"),
    ("state", "x'ff'"),
    ("kind", "x'ff'"),
    ("principal", "x'ff'"),
    ("hash", "x'ff'"),
    ("directory", "x'00'"),
    ("origin", "x'00'"),
    ("title", "hex(zeroblob(5000))"),
]


@pytest.mark.parametrize(("column", "value"), IMPOSSIBLE)
def test_a_head_with_an_impossible_value_is_listed_and_named_and_keeps_no_other_from_being_read(
    thread: Make, capsys: Output, store_file: Path, column: str, value: str
) -> None:
    broken, other = thread(), thread(task="another task")
    change(store_file, f"UPDATE {H} SET {column} = {value} WHERE stream = '{broken}'")
    capsys.readouterr()
    assert command("threads", "list") == 0
    listed = capsys.readouterr()
    assert broken in listed.out
    assert f"{other}\topen\t1/" in listed.out
    told = f"{broken} was changed outside stepwarden: its head has no possible {column}; "
    assert [line for line in listed.err.splitlines() if line.startswith(told)]
    assert command("threads", "list", "--json") == 0
    rows = {row["stream"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows[broken][{"state": "outcome"}.get(column, column)], rows[broken]["damaged"]) == (None, [column])
    assert rows[other]["damaged"] == []
    assert command("threads", "prune", "--older-than", "3000", "--dry-run") == 0
    assert command("threads", "show", other) == 0
    capsys.readouterr()
    assert command("threads", "verify") == 1
    verified = capsys.readouterr().out
    assert f"{broken}: " in verified
    assert "the head has no possible " in verified
    assert f"{other}: " not in verified


def test_a_head_of_text_that_is_none_is_listed_and_found_by_verify(
    thread: Make, capsys: Output, store_file: Path
) -> None:
    broken, other = thread(), thread(task="another task")
    change(store_file, f"UPDATE {H} SET title = CAST(x'fffe' AS TEXT) WHERE stream = '{broken}'")
    capsys.readouterr()
    assert command("threads", "list") == 0
    assert {line.split("\t")[0] for line in capsys.readouterr().out.splitlines()[1:]} == {broken, other}
    assert command("threads", "verify") == 1
    assert f"{broken}: the head has another title than its events" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"UPDATE {H} SET version = 'x'", "its head has no possible version"),
        (f"UPDATE {H} SET version = 900", "its head counts 900 entries, and 3 are there"),
        (f"UPDATE {E} SET payload = 'x' WHERE seq = 2", "entry 2 cannot be read"),
        (f"UPDATE {E} SET payload = '[]' WHERE seq = 2", "entry 2 cannot be read"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line_that_says_what_to_do(
    thread: Make, capsys: Output, store_file: Path, statement: str, told: str
) -> None:
    name = thread()
    change(store_file, statement)
    capsys.readouterr()
    assert command("threads", "show", name) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert told in said
    assert f"`stepwarden threads verify {name}`" in said


@pytest.mark.parametrize("column", ["created", "updated", "finished", "steps", "total_steps"])
def test_a_thread_whose_head_alone_is_damaged_is_shown_by_its_events(
    thread: Make, capsys: Output, store_file: Path, column: str
) -> None:
    name = thread()
    change(store_file, f"UPDATE {H} SET {column} = 'x'", f"UPDATE {E} SET at = 'x' WHERE seq = 2")
    capsys.readouterr()
    for form in ("json", "markdown", "html"):
        assert command("threads", "export", name, "--format", form) == 0
    assert "seen" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["rewritten", "gone", "principal", "cut"])
def test_what_the_store_cannot_tell_of_itself_its_anchor_tells(
    thread: Make, capsys: Output, store_file: Path, here: Path, what: str
) -> None:
    name, anchor = thread(), here / "anchor"
    assert command("threads", "abandon", name) == 0
    assert command("threads", "verify", "--anchor", str(anchor)) == 0
    if what == "rewritten":
        rewrite(store_file, name)
    elif what == "principal":
        change(store_file, f"UPDATE {H} SET principal = 'eve'")
    else:
        change(store_file, f"DELETE FROM {H}", f"DELETE FROM {E}")
        if what == "cut":
            thread()
    assert command("threads", "verify") == 0, "the store alone shows nothing"
    capsys.readouterr()
    for _ in range(2):  # it goes on to be told
        assert command("threads", "verify", "--anchor", str(anchor)) == 1
        assert capsys.readouterr().out.startswith(f"{name}: ")


def test_an_anchor_grows_with_the_store_and_only_by_what_is_new(thread: Make, capsys: Output, here: Path) -> None:
    anchor = here / "anchor"
    first = thread()
    for added in (1, 0):
        assert command("threads", "verify", "--anchor", str(anchor)) == 0
        assert f"{added} lines added" in capsys.readouterr().err
    thread()
    assert command("threads", "abandon", first) == 0
    assert command("threads", "verify", "--anchor", str(anchor)) == 0
    assert "2 lines added" in capsys.readouterr().err
    assert {path.stat().st_mode & 0o777 for path in (anchor, here / "anchor.key")} == {0o600}


@pytest.mark.parametrize("damage", ["changed", "removed", "other key", "no key"])
def test_an_anchor_that_was_changed_is_refused(thread: Make, capsys: Output, here: Path, damage: str) -> None:
    anchor, key = here / "anchor", here / "anchor.key"
    for _ in range(3):
        thread()
    assert command("threads", "verify", "--anchor", str(anchor)) == 0
    lines = anchor.read_bytes().splitlines(keepends=True)
    if damage == "changed":
        anchor.write_bytes(b"".join(lines).replace(b'"local"', b'"eve"', 1))
    elif damage == "removed":
        anchor.write_bytes(lines[0] + lines[2])
    elif damage == "other key":
        key.write_text("00" * 32)
    else:
        key.unlink()
    capsys.readouterr()
    assert command("threads", "verify", "--anchor", str(anchor)) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_anchor_that_was_emptied_is_told_as_one_that_compared_nothing(
    thread: Make, capsys: Output, here: Path
) -> None:
    anchor = here / "anchor"
    thread()
    assert command("threads", "verify", "--anchor", str(anchor)) == 0
    capsys.readouterr()
    assert command("threads", "verify", "--anchor", str(anchor)) == 0
    assert "It was empty" not in capsys.readouterr().err
    anchor.write_bytes(b"")
    assert command("threads", "verify", "--anchor", str(anchor)) == 0
    assert "1 lines added. It was empty: nothing was compared with it." in capsys.readouterr().err


def test_an_anchor_in_a_directory_that_is_not_there_is_told_as_that(capsys: Output, here: Path) -> None:
    assert command("threads", "verify", "--anchor", str(here / "no" / "anchor")) == 1
    assert f"There is no directory {here / 'no'}." in capsys.readouterr().err


@pytest.mark.asyncio
async def test_of_two_runs_at_once_one_adds_to_the_anchor_and_the_other_is_told(tmp_path: Path) -> None:
    store, anchor, key = Store(f"sqlite:///{tmp_path / 'store.db'}"), tmp_path / "anchor", tmp_path / "anchor.key"
    head = HeadChange("debug", "local", "a task", "open", 1)
    await store.append(Append("debug-a", 0, [NewEvent("opened", "{}")], head))
    heads = await store.heads(HeadQuery(None))
    await store.close()
    first, second = Anchor(anchor, key), Anchor(anchor, key)
    assert first.add(heads) == 1
    with pytest.raises(AnchorUnusable, match="added to by another run meanwhile; run the same again"):
        second.add(heads)
    assert Anchor(anchor, key).add(heads) == 0


def test_a_copy_is_taken_and_put_back_by_commands(thread: Make, capsys: Output, store_file: Path, here: Path) -> None:
    kept, copy = thread(), here / "copy.db"
    assert command("backup", str(copy)) == 0
    told = capsys.readouterr()
    assert "1 thread, 3 events, last changed " in told.out
    assert "Not in it: sign-ins" in told.err
    thread()
    assert command("restore", str(copy)) == 1
    assert "--replace" in capsys.readouterr().err
    assert command("restore", str(copy), "--replace") == 0
    assert "kept as" in capsys.readouterr().err

    async def names() -> list[str]:
        store = Store(f"sqlite:///{store_file}")
        heads = await store.heads(HeadQuery(None))
        await store.close()
        return [head.stream for head in heads]

    assert asyncio.run(names()) == [kept]


def test_a_store_in_postgresql_is_left_to_its_own_tools(
    capsys: Output, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPWARDEN_DATABASE_URL", "postgresql://a:secret@b/c")
    assert command("backup", str(here / "copy.db")) == 1
    assert capsys.readouterr().err == (
        "The store is in PostgreSQL: copy it by pg_dump, and put it back by pg_restore.\n"
    )
