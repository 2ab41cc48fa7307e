"""Steered runs as a host meets them, over real pipes: judged by results, steered by people, and through kills."""

import random
import select
from pathlib import Path
from typing import Any

from run_rig import notes_upstream
from steered_rig import READ_AND_ADD, read_and_add, says, script, splits, suggests, validates

from tests.support.calls import Reply, text_of
from tests.support.stdio_server import StdioServer, served


def called(server: StdioServer, tool: str, **arguments: Any) -> Reply:
    return server.request("tools/call", name=tool, arguments=arguments)["result"]


def told(result: Reply) -> Reply:
    assert not result["isError"], text_of(result)
    return result["structuredContent"]


def test_a_steered_run_waits_for_its_write_and_is_done_once_results_meet_all(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path)
    with served(tmp_path, STEPWARDEN_SCRIPTED=script(tmp_path, read_and_add())) as (server,):
        begun = called(server, "execute", request=READ_AND_ADD)
        first = told(begun)
        assert first["verdict"] == "WAITING for you: allow write notes/add_note"
        assert first["requirements"][1] == "r1 met by main/a1 - Read the notes"
        assert 'alternative 1: notes/add_note {"text": "hello there"} (confidence 40%)' in text_of(begun)
        assert len(text_of(begun).encode()) <= 1_400
        (waiting,) = first["waiting"]
        assert not book.exists()
        done = told(
            called(server, "run", action="approve", run_id=first["run_id"], call="main/a2", confirm=waiting["confirm"])
        )
        assert (done["verdict"], done["answer"]) == ("DONE", "Noted: hello.")
        assert done["requirements"] == [
            "r1 met by main/a1 - Read the notes",
            "r2 met by main/a2 - Add a note that says hello",
        ]
        assert book.read_text() == "hello\n"
        report = server.request("resources/read", uri=f"stepwarden://runs/{first['run_id']}/report")
        text = report["result"]["contents"][0]["text"]
        assert "| r2 | Add a note that says hello | change | main/a2 | met | main/a2 |" in text


def test_a_model_that_lies_ends_as_stopped_and_what_it_claimed_stands_beside_what_was_found(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path)
    request = READ_AND_ADD
    lies = [
        splits(request, ("Read the notes", "find")),  # the change is left out
        suggests(request, 1, "get_current_time", {}, requirements=["r1"]),
        validates(request, 1, ("r1", "main/a1", "20"), ("r2", "main/a1", "20")),
        says(request, "suggest", nothing_left=True, reason="all is done"),
        says(
            request,
            "completion",
            is_complete=True,
            answer="Everything is done!",
            meets=[{"requirement": "r2", "results": ["main/a1"], "quote": "20"}],
        ),
    ]
    with served(tmp_path, STEPWARDEN_SCRIPTED=script(tmp_path, lies)) as (server,):
        end = told(called(server, "execute", request=request, wait_s=30))
    assert end["status"] == "stopped"
    assert end["verdict"].startswith("STOPPED: 0/2 requirements met, and nothing is left to do: all is done")
    assert "r1 open (claimed by main/a1) - Read the notes" in end["requirements"][0]
    assert "nothing was changed" in end["requirements"][1]
    assert not book.exists()


def test_the_mode_can_be_said_and_is_steered_only_where_there_are_upstreams(tmp_path: Path) -> None:
    answer = [{"text": "Hello.", "times": None}]
    with served(tmp_path, STEPWARDEN_SCRIPTED=script(tmp_path, answer)) as (server,):
        assert told(called(server, "execute", request="Say hello"))["answer"] == "Hello."
    notes_upstream(tmp_path)
    with served(tmp_path, STEPWARDEN_SCRIPTED=script(tmp_path, answer)) as (server,):
        assert told(called(server, "execute", request="Say hello again", mode="agent"))["answer"] == "Hello."
        failed = told(called(server, "execute", request="Say hello once more"))
        assert failed["status"] == "failed"
        assert "no model says what to do" in failed["verdict"]
        assert called(server, "execute", request="x", mode="steerd")["isError"]


def test_a_person_chooses_an_alternative_edits_it_looks_and_goes_back_and_what_stands_is_listed(tmp_path: Path) -> None:
    book = notes_upstream(tmp_path)
    with served(tmp_path, STEPWARDEN_SCRIPTED=script(tmp_path, steered())) as (server,):
        first = told(called(server, "execute", request=READ_AND_ADD))
        named = {"run_id": first["run_id"]}
        unknown = called(server, "run", action="choose", choice=7, **named)
        assert "there are: 1" in text_of(unknown)
        chosen = told(called(server, "run", action="choose", choice=1, **named))
        (waiting,) = chosen["waiting"]
        assert (waiting["call"], waiting["arguments"]) == ("main/a3", {"text": "hello there"})
        assert not book.exists()  # it waits for a word of its own
        for nonsense in ({"words": 3}, {}):
            refusal = called(server, "run", action="edit", parameters=nonsense, **named)
            assert "notes/add_note does not take that" in text_of(refusal)
        edited = told(called(server, "run", action="edit", parameters={"text": "hello, edited"}, **named))
        stale = called(server, "run", action="approve", call="main/a3", confirm=waiting["confirm"], **named)
        assert stale["isError"]
        looked = told(called(server, "run", action="analyse", **named))
        assert looked["verdict"] == "PAUSED: analysed for user"
        resumed = told(called(server, "run", action="resume", **named))
        assert resumed["waiting"][0]["confirm"] == edited["waiting"][0]["confirm"]
        point = told(called(server, "run", action="checkpoint", reason="before it is added", **named))
        assert point["verdict"].startswith("WAITING")
        agreed = {"call": "main/a3", "confirm": edited["waiting"][0]["confirm"]}
        done = told(called(server, "run", action="approve", **agreed, **named))
        assert (done["verdict"], book.read_text()) == ("DONE", "hello, edited\n")
        assert "no such" not in text_of(called(server, "run", action="rate", choice=5, reason="fine", **named))
        assert "there are: i1, i2, c1" in text_of(called(server, "run", action="restore", choice="c9", **named))
        back = told(called(server, "run", action="restore", choice="i2", **named))
        assert 'stands: main/a3 notes/add_note {"text": "hello, edited"}' in back["notes"]
        assert back["requirements"][0].startswith("r2 open")
        assert back["waiting"][0]["call"] == "main/a4"
        told(called(server, "run", action="stop", **named))
    assert book.read_text() == "hello, edited\n"


def steered() -> list[dict[str, Any]]:
    """Return what the model says: the change is met by whichever call made it."""
    replies = read_and_add()
    last = replies[4]
    assert last["answer"]["meets"][0]["results"] == ["main/a2"]
    last["answer"]["meets"][0]["results"] = ["main/a3"]
    return [*replies, says(READ_AND_ADD, "analyse", understanding="All but the note is there.", confidence=0.9)]


MODEL_S = 0.08
ROUNDS = 4


def test_a_host_that_is_killed_in_any_phase_leaves_a_run_that_goes_on_and_writes_once(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    book = notes_upstream(tmp_path)
    replies = [
        reply
        for number in range(ROUNDS)
        for reply in read_and_add(f"Read the notes, then add a note that says hello{number}", f"hello{number}")
    ]
    for reply in replies:  # what the notes are by then, nobody knows before
        for claim in reply["answer"].get("meets", ()):
            claim["quote"] = "" if claim["requirement"] == "r2" else "note"
    path = script(tmp_path, replies, MODEL_S)
    for number in range(ROUNDS):
        if book.exists():
            book.write_text(f"a note\n{book.read_text()}")
        else:
            book.write_text("a note\n")
        end = killed_until_it_ends(tmp_path, path, number, chance)
        assert end["status"] == "completed", (seed, end)
        assert book.read_text().splitlines().count(f"hello{number}") == 1, seed


def killed_until_it_ends(home: Path, path: str, number: int, chance: random.Random) -> Reply:
    """Carry one request out by hosts of which the first four are killed at some point each."""
    host = StdioServer(home, STEPWARDEN_SCRIPTED=path).greeted()
    request = f"Read the notes, then add a note that says hello{number}"
    run_id = told(host.call("execute", {"request": request, "wait_s": 0}))["run_id"]
    said: dict[str, Any] = {"action": "wait", "wait_s": 20}
    for _ in range(4):
        sent = host.begin("run", {**said, "run_id": run_id})
        select.select([host.stdout], [], [], chance.uniform(0, 0.5))
        host.kill()
        host.bury()
        host = StdioServer(home, STEPWARDEN_SCRIPTED=path).greeted()
        assert sent
        said = word_for(told(host.call("run", {"action": "look", "run_id": run_id})), home, number)
    while (now := told(host.call("run", {**said, "run_id": run_id})))["status"] in {"running", "paused"}:
        # one whose model was asked three times by processes that were killed rests
        said = {"action": "resume", "wait_s": 20} if now["status"] == "paused" else word_for(now, home, number)
    host.end()
    host.bury()
    return now


def word_for(now: Reply, home: Path, number: int) -> dict[str, Any]:
    """Return what a person says: who looks at the notes where a write is in doubt."""
    for call in now.get("waiting", []) if now["verdict"].startswith("WAITING") else []:
        if call.get("in_doubt"):
            done = f"hello{number}" in (home / "notes.txt").read_text().splitlines()
            verdict = "done" if done else "not_done"
            return {"action": "resolve", "call": call["call"], "verdict": verdict, "wait_s": 20}
        return {"action": "approve", "call": call["call"], "confirm": call["confirm"], "wait_s": 20}
    return {"action": "wait", "wait_s": 20}
