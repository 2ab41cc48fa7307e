"""`stepwarden threads` and `stepwarden calibration`, for the owner of the machine."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwarden.cli import main
from stepwarden.cli.output import plain
from stepwarden.storage import Append, HeadChange, NewEvent, Store
from stepwarden.storage.sqlite import newest_driver
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.chat_store import Chat, Turn, append_turn

Make = Callable[..., str]
Output = pytest.CaptureFixture[str]


def command(*arguments: str) -> int:
    """Run a command in this process, as the console script would."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def rows(output: Output) -> list[dict[str, str]]:
    columns, *lines = [line.split("\t") for line in output.readouterr().out.splitlines()]
    return [dict(zip(columns, line, strict=True)) for line in lines]


async def chatted(store_file: Path) -> str:
    """Record a chat of one turn and give its id."""
    store = Store(f"sqlite:///{store_file}")
    try:
        turn = Turn("what is it", "an answer", "d1", asked="wise-1", why="", model="wise-1", provider="acme")
        return (await append_turn(store, Chat("chat-" + "a" * 26), turn, LOCAL)).id
    finally:
        await store.close()


@pytest.fixture(autouse=True)
def _here(here: Path) -> None:
    assert here.is_dir()


def test_the_list_shows_everybodys_threads_in_plain_columns(thread: Make, capsys: Output) -> None:
    names = {thread(principal) for principal in ("local", "anonymous", "ana")}
    assert command("threads", "list") == 0
    listed = rows(capsys)
    assert {row["id"] for row in listed} == names
    assert {row["principal"] for row in listed} == {"local", "anonymous", "ana"}
    assert {row["task"] for row in listed} == {"why does it fail"}


def test_the_list_can_be_narrowed(thread: Make, capsys: Output) -> None:
    first, second = thread(), thread()
    assert command("threads", "abandon", first) == 0
    capsys.readouterr()
    assert command("threads", "list", "--outcome", "open") == 0
    assert [row["id"] for row in rows(capsys)] == [second]
    assert command("threads", "list", "--tool", "planner") == 0
    assert capsys.readouterr().out == ""
    assert command("threads", "list", "--limit", "1") == 0
    assert len(rows(capsys)) == 1


def test_the_list_as_json_says_all_there_is_to_a_thread(thread: Make, capsys: Output) -> None:
    name = thread()
    assert command("threads", "list", "--json") == 0
    (described,) = json.loads(capsys.readouterr().out)
    assert (described["stream"], described["principal"], described["steps"]) == (name, "local", 1)
    assert described["created"].endswith("Z")


def test_no_threads_is_nothing_on_stdout(capsys: Output) -> None:
    assert command("threads", "list") == 0
    assert capsys.readouterr() == ("", "No threads.\n")


def test_a_chat_is_listed_shown_exported_and_verified_and_cannot_be_abandoned(store_file: Path, capsys: Output) -> None:
    chat = asyncio.run(chatted(store_file))
    assert command("threads", "list") == 0
    assert [(row["id"], row["outcome"], row["steps"], row["task"]) for row in rows(capsys)] == [
        (chat, "open", "1", "what is it")
    ]
    assert command("threads", "show", chat) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# chat: what is it\n")
    assert "an answer" in shown
    assert "asked wise-1: what is it" in shown.partition("## History")[2]
    assert command("threads", "export", chat) == 0
    exported = json.loads(capsys.readouterr().out)
    assert exported["thread"] == chat
    assert exported["events"][0]["data"]["answer"] == "an answer"
    assert command("threads", "verify", chat) == 0
    assert command("threads", "abandon", chat) == 1
    assert "is not a thread of steps" in capsys.readouterr().err


def test_a_thread_is_shown_as_a_report_with_its_history(thread: Make, capsys: Output) -> None:
    assert command("threads", "show", thread("ana")) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# debug: why does it fail\n")
    assert "step 1: why does it fail" in shown.partition("## History")[2]


def test_an_export_holds_every_event_with_its_hash(thread: Make, capsys: Output, here: Path) -> None:
    name = thread()
    assert command("threads", "export", name) == 0
    exported = json.loads(capsys.readouterr().out)
    assert exported["thread"] == name
    assert [event["kind"] for event in exported["events"]] == ["opened", "step", "planned"]
    assert all(len(event["hash"]) == 64 for event in exported["events"])
    target = here / "thread.md"
    assert command("threads", "export", name, "--format", "markdown", "--output", str(target)) == 0
    assert capsys.readouterr().out == ""
    assert target.read_text().startswith("# debug: why does it fail\n")


def test_a_thread_is_exported_as_a_page_of_its_own(thread: Make, capsys: Output, here: Path) -> None:
    target = here / "thread.html"
    assert command("threads", "export", thread(), "--format", "html", "--output", str(target)) == 0
    page = target.read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "why does it fail" in page
    assert "<script" not in page


def test_an_export_that_cannot_be_written_is_told_in_a_line(thread: Make, capsys: Output, here: Path) -> None:
    assert command("threads", "export", thread(), "--output", str(here / "no" / "such" / "file")) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("verb", ["show", "export", "abandon", "verify"])
def test_an_unknown_id_is_told_in_one_line(verb: str, capsys: Output) -> None:
    assert command("threads", verb, "debug-nothing") == 1
    assert capsys.readouterr() == ("", "No thread has the id debug-nothing.\n")


def test_an_abandoned_thread_keeps_its_history_and_its_owner(thread: Make, capsys: Output) -> None:
    name = thread("ana")
    assert command("threads", "abandon", name) == 0
    assert command("threads", "verify", name) == 0
    capsys.readouterr()
    assert command("threads", "list", "--json") == 0
    (described,) = json.loads(capsys.readouterr().out)
    assert (described["outcome"], described["principal"], described["version"]) == ("abandoned", "ana", 4)


def test_only_an_open_thread_can_be_abandoned(thread: Make, capsys: Output) -> None:
    name = thread()
    assert command("threads", "abandon", name) == 0
    capsys.readouterr()
    assert command("threads", "abandon", name) == 1
    assert "abandoned already" in capsys.readouterr().err


def test_pruning_takes_old_orphans_and_shows_them_first_when_dry(thread: Make, capsys: Output) -> None:
    name = thread()
    assert command("threads", "prune") == 0
    assert capsys.readouterr() == ("", "0 threads deleted.\n")
    assert command("threads", "prune", "--older-than", "0", "--dry-run") == 0
    assert name in capsys.readouterr().out
    assert command("threads", "prune", "--older-than", "0") == 0
    assert capsys.readouterr().err == "1 thread deleted.\n"
    assert command("threads", "show", name) == 1


def test_a_changed_event_breaks_the_chain_and_is_found(thread: Make, capsys: Output, store_file: Path) -> None:
    sound, changed = thread(), thread()
    assert command("threads", "verify") == 0
    connection = newest_driver().connect(str(store_file))
    connection.execute("UPDATE stepwarden_events SET payload = '{}' WHERE stream = ? AND seq = 2", (changed,))
    connection.commit()
    connection.close()
    capsys.readouterr()
    assert command("threads", "verify") == 1
    assert capsys.readouterr().out == f"{changed}: the chain breaks at event 2\n2 checked, 1 broken.\n"
    assert command("threads", "verify", sound) == 0


def test_calibration_shows_what_finished_threads_took_until_it_is_reset(capsys: Output, store_file: Path) -> None:
    async def finish() -> None:
        store = Store(f"sqlite:///{store_file}")
        for number, steps in enumerate((2, 4, 6)):
            change = HeadChange("debug", "local", "a task", "done", steps, steps, completed=True)
            await store.append(Append(f"debug-{number}", 0, [NewEvent("opened", "{}")], change))
        await store.close()

    asyncio.run(finish())
    assert command("calibration") == 0
    found = {row.pop("tool"): row for row in rows(capsys)}
    assert found["debug"] == {"finished": "3", "median": "4", "p10": "2.4", "p90": "5.6"}
    assert found["planner"] == {"finished": "0", "median": "-", "p10": "-", "p90": "-"}
    assert command("calibration", "--reset") == 0
    capsys.readouterr()
    assert command("calibration") == 0
    assert {row["finished"] for row in rows(capsys)} == {"0"}


def test_what_steers_a_terminal_is_taken_out_of_what_is_shown() -> None:
    assert plain("red \x1b[31mtext\x1b[0m\a and \u202ebackwards\n\tnext") == "red [31mtext[0m and backwards\n\tnext"
