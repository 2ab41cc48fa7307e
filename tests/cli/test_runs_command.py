"""`stepwarden run` and `stepwarden runs`: what a person types, and reads."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from stepwarden.storage import Append, HeadChange, NewEvent, Store, kinds
from tests.support import processes
from tests.support.processes import SCRIPT, Ended, environment
from tests.support.terminal import TerminalProcess

NOTES_SERVER = Path(__file__).parents[1] / "agents" / "notes_server.py"
SUM = {"name": "calculate", "arguments": {"expression": "6 * 7"}}
NOTE = {"name": "notes/add_note", "arguments": {"text": "one"}}


def as_agent(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command; a run is an agent's, with an upstream too."""
    return (*words, "--mode", "agent") if words[0] == "run" else words


class Person:
    """Somebody who types commands; the model answers by a script, which every command begins anew."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.script = home / "script.json"
        self.work = home / "work"
        self.work.mkdir()
        (home / "state").mkdir()

    def scripted(self, *replies: Mapping[str, Any]) -> None:
        """Let the model answer so, the latest of a conversation first."""
        told = [{"times": None, **reply} for reply in replies]
        self.script.write_text(json.dumps({"replies": told}))

    def has_notes(self) -> Path:
        """Let there be an upstream with notes, and return the file of them."""
        book = self.home / "notes.txt"
        entry = {"command": sys.executable, "args": [str(NOTES_SERVER), str(book)]}
        (self.home / "state" / "upstreams.json").write_text(json.dumps({"upstreams": {"notes": entry}}))
        return book

    def types(self, *words: str, **more: str) -> Ended:
        """Run a command without a terminal."""
        variables = environment(self.home / "state", STEPWARDEN_SCRIPTED=str(self.script), **more)
        return processes.run([str(SCRIPT), *as_agent(words)], variables, self.work)

    def terminal(self, *words: str, columns: int = 100, **more: str) -> TerminalProcess:
        """Run a command on a terminal."""
        variables = environment(self.home / "state", STEPWARDEN_SCRIPTED=str(self.script), **more)
        return TerminalProcess([str(SCRIPT), *as_agent(words)], variables, self.work, columns)

    def listed(self, *options: str) -> list[dict[str, Any]]:
        """Return what `runs list` says."""
        return json.loads(self.types("runs", "list", "--json", *options).stdout)


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def id_of(done: Ended) -> str:
    return done.stdout.split(":")[0]


def test_without_a_model_two_settings_and_the_demo_are_named(person: Person) -> None:
    done = processes.run([str(SCRIPT), "run", "say hello"], environment(person.home / "state"), person.work)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "OPENAI_API_KEY" in done.stderr
    assert "CUSTOM_API_URL" in done.stderr
    assert "stepwarden demo run" in done.stderr


def test_where_too_much_would_be_read_the_option_that_helps_is_named(person: Person) -> None:
    person.scripted({"text": "never"})
    done = person.types("run", "say hello", "--directory", str(person.home))
    assert (done.returncode, "--directory" in done.stderr) == (1, True)


def test_in_a_pipe_a_run_is_plain_lines_with_its_limits_steps_calls_and_answer(person: Person) -> None:
    person.scripted({"when": "42", "text": "It is 42."}, {"text": "I calculate.", "calls": [SUM]})
    done = person.types("run", "six times seven")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].endswith(": scripted")
    assert lines[1].startswith("Used: 0 of 15 steps")
    assert lines[2] == "1. I calculate."
    assert lines[3].startswith('   calculate {"expression":"6 * 7"}: done')
    assert "DONE" in lines
    assert lines[lines.index("DONE") + 1] == "It is 42."
    assert "\x1b" not in done.stdout


def test_the_list_says_what_each_run_waits_for_and_show_gives_the_literal_command(person: Person) -> None:
    book = person.has_notes()
    person.scripted(
        {"when": "added one", "text": "Noted."},
        {"when": "note it", "calls": [NOTE]},
        {"text": "Nothing to do."},
    )
    done = person.types("run", "be idle")
    waiting = person.types("run", "note it")
    assert (done.returncode, waiting.returncode) == (0, 2)
    (first, second) = person.listed()
    assert (first["run"], first["status"], first["waits_for"]) == (
        id_of(waiting),
        "running",
        "allow write notes/add_note",
    )
    assert (second["run"], second["status"], second["waits_for"]) == (id_of(done), "completed", None)
    assert "waits: allow write notes/add_note" in person.types("runs", "list").stdout
    shown = person.types("runs", "show", id_of(waiting)).stdout
    command = next(line for line in shown.splitlines() if line.startswith("  stepwarden runs approve"))
    went_on = person.types(*command.split()[1:])
    assert went_on.returncode == 0, went_on.stdout + went_on.stderr
    assert "Noted." in went_on.stdout
    assert book.read_text() == "one\n"


def test_runs_are_found_by_status_tool_words_and_time(person: Person) -> None:
    person.scripted({"when": "42", "text": "It is 42."}, {"when": "Zürich", "text": "sunny"}, {"calls": [SUM]})
    person.types("run", "the weather in Zürich")
    person.types("run", "six times seven")
    requests = {one["request"] for one in person.listed()}
    assert requests == {"the weather in Zürich", "six times seven"}

    def found(*options: str) -> Sequence[str]:
        return [one["request"] for one in person.listed(*options)]

    assert found("--tool", "calculate") == ["six times seven"]
    assert found("--tool", "calc*") == ["six times seven"]
    assert found("--tool", "calc") == []
    assert found("--text", "SUNNY") == ["the weather in Zürich"]
    assert found("--text", "it is 42") == ["six times seven"]
    assert found("--text", '100%_"') == []
    assert found("--status", "failed") == []
    assert found("--since", "1h", "--limit", "1") == ["six times seven"]
    assert found("--until", "2020-01-01") == []
    assert person.types("runs", "list", "--since", "yesterday").returncode == 1


def test_events_can_be_had_from_a_number_on_and_as_json(person: Person) -> None:
    person.scripted({"text": "hello"})
    run_id = id_of(person.types("run", "say hello"))
    whole = [json.loads(line) for line in person.types("runs", "events", run_id, "--json").stdout.splitlines()]
    assert [row["seq"] for row in whole] == [*range(1, len(whole) + 1)]
    later = [
        json.loads(line)
        for line in person.types("runs", "events", run_id, "--json", "--after", "2").stdout.splitlines()
    ]
    assert later == whole[2:]
    assert len(person.types("runs", "events", run_id).stdout.splitlines()) == len(whole)


async def write_newer_run(home: Path) -> None:
    """Record a run with an event that this version does not know."""
    store = Store(f"sqlite:///{home / 'stepwarden.db'}")
    known = NewEvent("started", '{"request":"fly","by":"local","via":"cli"}')
    head = HeadChange("run", "local", "fly", "running", 0, kind=kinds.RUN)
    await store.append(Append("run-newer", 0, [known, NewEvent("teleported", '{"to":"moon"}')], head))
    await store.close()


def test_a_run_of_a_newer_version_is_listed_read_and_verified_and_not_gone_on_with(person: Person) -> None:
    asyncio.run(write_newer_run(person.home / "state"))
    person.scripted({"text": "never"})
    assert [one["run"] for one in person.listed()] == ["run-newer"]
    assert "teleported: to moon" in person.types("runs", "events", "run-newer").stdout
    assert person.types("runs", "verify", "run-newer").returncode == 0
    for verb in ("show", "drive", "stop", "watch"):
        done = person.types("runs", verb, "run-newer")
        assert done.returncode == 1
        assert done.stderr == "This run was written by a newer stepwarden; upgrade to go on with it.\n"


BAD_INPUT: Sequence[tuple[Sequence[str], str]] = [
    (["run", "x", "--limit", "steps=0"], "has to be a number above 0"),
    (["run", "x", "--limit", "step=3"], "did you mean steps?"),
    (["run", "x", "--limit", "steps"], "write name=number"),
    (["run", "x", "--limit", "steps=few"], "is no whole number"),
    (["run", "x", "--limit", "dollars=1"], "set the limit tokens"),
    (["run", "x", "--stop", "{max_steps: 5}"], "--stop is no JSON"),
    (["run", "x", "--stop", "[1]"], "--stop is one JSON object"),
    (["run", "x", "--stop", '{"max_step": 5}'], "Did you mean max_steps"),
    (["run", "x", "--metadata", "ticket"], "write name=value"),
    (["run", "x", "--tool", "calculator"], "did you mean calculate?"),
    (["run", " "], "There is no request"),
    (["runs", "list", "--until", "noon"], "write a date"),
]


@pytest.mark.parametrize(("words", "told"), BAD_INPUT, ids=[" ".join(words) for words, _ in BAD_INPUT])
def test_wrong_options_are_told_in_one_line(person: Person, words: Sequence[str], told: str) -> None:
    person.scripted({"text": "never"})
    done = person.types(*words)
    assert done.returncode in {1, 2}
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert person.listed() == []


def test_at_a_limit_a_paused_run_is_extended_by_the_command_it_names(person: Person) -> None:
    person.scripted({"when": "42", "text": "It is 42."}, {"text": "I calculate.", "calls": [SUM]})
    paused = person.types("run", "six times seven", "--limit", "steps=1", "--pause-at-limits")
    run_id = id_of(paused)
    assert paused.returncode == 2
    assert "PAUSED: limit: steps 1 of 1" in paused.stdout
    assert "runs resume" not in paused.stdout  # it would rest at the same limit again
    extended = f"stepwarden runs extend {run_id} --limit steps=10 --drive"
    assert extended in paused.stdout
    went_on = person.types(*extended.split()[1:])
    assert (went_on.returncode, "It is 42." in went_on.stdout) == (0, True)


def test_a_run_that_a_condition_stopped_names_no_command_that_would_be_refused(person: Person) -> None:
    person.scripted({"text": "I calculate.", "calls": [SUM], "times": None})
    stopped = person.types("run", "six times seven", "--stop", '{"max_steps": 1}')
    assert stopped.returncode == 1
    assert "STOPPED: max_steps" in stopped.stdout
    assert "runs extend" not in stopped.stdout
    refused = person.types("runs", "extend", id_of(stopped), "--limit", "steps=1")
    assert "a condition ended it, not a limit" in refused.stderr


VERBS = ("show", "events", "verify", "watch", "drive", "approve", "refuse", "pause", "resume", "stop", "export")


@pytest.mark.parametrize("verb", [*VERBS, "resolve --done", "extend --limit steps=5"])
def test_an_unknown_run_is_told_in_one_line_by_every_verb(person: Person, verb: str) -> None:
    person.scripted({"text": "never"})
    name, *options = verb.split()
    done = person.types("runs", name, "run-nothing", *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no run 'run-nothing'; stepwarden runs list shows those there are.\n"


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("approve", "nothing of {run} waits for that: it is completed"),
        ("refuse", "nothing of {run} waits for that: it is completed"),
        ("resolve --done", "nothing of {run} waits for that: it is completed"),
        ("pause", "the run is completed"),
        ("resume", "the run is completed, not paused"),
        ("stop", "the run is completed"),
        ("extend --limit steps=5", "the run is completed"),
        ("extend --limit steps", "write name=number"),
    ],
)
def test_a_word_to_a_run_that_ended_is_refused_with_how_it_ended(person: Person, verb: str, told: str) -> None:
    person.scripted({"text": "hello"})
    run_id = id_of(person.types("run", "say hello"))
    name, *options = verb.split()
    done = person.types("runs", name, run_id, *options)
    assert done.returncode == 1
    assert told.format(run=run_id) in done.stderr
    assert person.types("runs", "drive", run_id).returncode == 0  # there is nothing to do, and its end is shown


def test_long_texts_go_by_hand_alone_after_a_look_and_the_history_stays_whole(person: Person) -> None:
    person.scripted({"text": "word " * 2_000})
    run_id = id_of(person.types("run", "talk"))
    prune = ("runs", "prune", "--older-than", "0", "--bodies")
    looked = person.types(*prune, "--dry-run")
    assert looked.stdout.startswith(f"{run_id} completed: talk")
    assert looked.stderr.startswith("long texts of 1 run (")
    assert looked.stderr.endswith("would be deleted.\n")
    assert "word word" in person.types("runs", "show", run_id).stdout
    assert person.types(*prune).stderr.endswith(" bytes) deleted.\n")
    assert person.types(*prune).stderr == "long texts of 0 runs (0 bytes) deleted.\n"
    assert "10000 bytes in all; the rest is not kept any more" in person.types("runs", "show", run_id).stdout
    assert person.types("runs", "verify", run_id).stdout == f"{run_id}: whole\n"


# -- on a terminal


def test_on_a_terminal_a_question_is_asked_in_place_with_exactly_what_is_allowed(person: Person) -> None:
    book = person.has_notes()
    hostile = {"name": "notes/add_note", "arguments": {"text": "safe\u202egnihton\x1b[2J"}}
    person.scripted({"when": "added", "text": "Noted."}, {"calls": [hostile]})
    terminal = person.terminal("run", "note it")
    terminal.until("Allow write notes/add_note")
    terminal.until("[y/n]:")
    terminal.type("perhaps\n")
    terminal.until("Say y or n.")
    terminal.type("y\n")
    assert terminal.end() == 0, terminal.shown
    assert r"safe\u202egnihton\u001b[2J" in terminal.shown  # what is invisible is shown as its code
    assert "\u202e" not in terminal.shown
    assert "\x1b[2J" not in terminal.shown
    assert "Noted." in terminal.shown
    assert book.read_text() != ""


def test_ctrl_c_once_pauses_with_words_how_to_go_on_and_they_work(person: Person) -> None:
    person.scripted({"when": "42", "text": "It is 42.", "latency_s": 5}, {"text": "I calculate.", "calls": [SUM]})
    terminal = person.terminal("run", "six times seven")
    terminal.until("calculate {")
    terminal.interrupt()
    terminal.until("Pausing")
    assert terminal.end() == 2, terminal.shown
    assert "PAUSED" in terminal.shown
    (row,) = person.listed()
    assert (row["status"], row["waits_for"]) == ("paused", "resume")
    assert f"stepwarden runs resume {row['run']} --drive" in terminal.shown
    person.scripted({"when": "42", "text": "It is 42."})
    went_on = person.types("runs", "resume", row["run"], "--drive")
    assert (went_on.returncode, "It is 42." in went_on.stdout) == (0, True)
    kinds = [
        json.loads(line)["kind"] for line in person.types("runs", "events", row["run"], "--json").stdout.splitlines()
    ]
    assert kinds.count("call_ended") == 1  # what was done is not done again


def test_ctrl_c_at_a_question_leaves_the_run_waiting(person: Person) -> None:
    person.has_notes()
    person.scripted({"calls": [NOTE]})
    terminal = person.terminal("run", "note it")
    terminal.until("[y/n]:")
    terminal.interrupt()
    assert terminal.end() == 2, terminal.shown
    assert f"stepwarden runs approve {person.listed()[0]['run']}" in terminal.shown


def test_a_narrow_terminal_without_colours_shows_no_escape_of_colour(person: Person) -> None:
    person.scripted({"text": "a long answer " * 20})
    terminal = person.terminal("run", "talk", columns=40, NO_COLOR="1")
    assert terminal.end() == 0, terminal.shown
    assert not any(f"\x1b[{code}" in terminal.shown for code in ("31m", "32m", "33m", "36m"))
    assert "DONE" in terminal.shown
