"""Runs driven in this process: what the model asks for is done, recorded, allowed by people, and held by limits."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from run_rig import Start, calls, ended, notes_upstream, until, word

from providers.scripted import ScriptedReply
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import verdict_of, waiting_calls
from stepwarden.errors import RunRefused, UnknownStream
from stepwarden.runs.limits import DEFAULT_LIMITS
from stepwarden.runs.run import RunStatus
from stepwarden.runs.run_calls import Approval, Body, CallState
from stepwarden.runs.run_events import JobEnded
from stepwarden.threads.calls import LOCAL, Caller

pytestmark = pytest.mark.asyncio
SUM = ("calculate", {"expression": "6 * 7"})


async def test_calls_are_made_at_once_and_their_results_stand_in_the_order_of_the_calls(started: Start) -> None:
    runs = await started(
        [
            calls(("get_current_time", {}), SUM, ("calculate", {"expression": "1 +"}), ("unknown", {})),
            "The answer is 42.",
        ]
    )
    run = await ended(runs, RunRequest("What is six times seven?"))
    assert (run.status, run.answer.text) == (RunStatus.COMPLETED, "The answer is 42.")
    made = run.jobs["main"].steps[0].calls
    assert [call.tool for call in made] == ["get_current_time", "calculate", "calculate", "unknown"]
    assert [call.state for call in made] == [CallState.DONE, CallState.DONE, CallState.FAILED, CallState.FAILED]
    assert made[1].result.text == "42"
    assert "no arithmetic expression" in made[2].result.text
    assert made[3].result.text == "There is no tool 'unknown'."
    assert await runs.journal.store.verify(run.id) is None


async def test_the_model_reads_its_own_calls_and_their_results(started: Start) -> None:
    runs = await started([calls(SUM), ScriptedReply(text="It is 42.", when="42", times=None)])
    assert (await ended(runs, RunRequest("six times seven"))).answer.text == "It is 42."


async def test_a_limit_of_steps_leaves_an_answer_and_is_never_completed_and_an_extension_goes_on(
    started: Start,
) -> None:
    runs = await started([calls(SUM), calls(SUM), "So far: 42.", calls(SUM), "All of it: 42."])
    run = await ended(runs, RunRequest("go on", limits=replace(DEFAULT_LIMITS, steps=2)))
    assert (run.status, run.why, run.answer.text) == (RunStatus.STOPPED, "steps: 2 of 2", "So far: 42.")
    await runs.tell(run.id, word("extend", steps=5), LOCAL)
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert (run.status, run.answer.text, run.steps) == (RunStatus.COMPLETED, "All of it: 42.", 4)


async def test_tokens_are_set_aside_and_the_limit_of_tokens_is_kept(started: Start) -> None:
    runs = await started([*[calls(SUM, usage=(3_000, 500))] * 20, "never"])
    run = await ended(runs, RunRequest("go on", limits=replace(DEFAULT_LIMITS, steps=None, tokens=20_000)))
    assert run.status is RunStatus.STOPPED
    assert run.why.startswith("tokens: ")
    assert run.spent.tokens <= 20_000


async def test_a_condition_stops_at_its_number_and_says_what_it_saw(started: Start) -> None:
    runs = await started([calls(SUM, text=f"step {number}") for number in range(9)])
    stop = {"any": [{"tool_sequence": ["calculate", "calculate", "calculate"]}, {"max_steps": 9}]}
    run = await ended(runs, RunRequest("go on", stop=stop))
    assert run.status is RunStatus.COMPLETED  # what fired is a goal, no bound
    assert run.why == "tool_sequence calculate > calculate > calculate: 3 of 3"
    assert run.answer.text == "step 2"


async def test_a_goal_text_is_found_in_words_and_a_bound_is_never_completed(started: Start) -> None:
    runs = await started([calls(SUM, text="looking"), calls(SUM, text="FOUND it"), "no more"])
    run = await ended(runs, RunRequest("find it", stop={"goal_text": "found"}))
    assert (run.status, run.steps) == (RunStatus.COMPLETED, 2)
    runs = await started([calls(SUM, text="a"), calls(SUM, text="b"), "the end"])
    run = await ended(runs, RunRequest("find", stop={"max_steps": 1}))
    assert (run.status, run.why) == (RunStatus.STOPPED, "max_steps: 1 of 1")


async def test_a_write_waits_for_a_person_whose_word_is_bound_to_exactly_this_call(
    started: Start, tmp_path: Path
) -> None:
    book = notes_upstream(tmp_path / "home")
    runs = await started([calls(("notes/read_notes", {}), ("notes/add_note", {"text": "one"})), "Added."])
    run = await runs.start(RunRequest("add a note"), LOCAL, via="test")
    run = await until(runs, run.id, lambda run: not run.is_at_work)
    assert verdict_of(run) == "WAITING for you: allow write notes/add_note"
    assert not book.exists()
    waiting = waiting_calls(run)[0]
    with pytest.raises(RunRefused, match="about another call"):
        await runs.tell(run.id, word("approve", call=waiting.key, about="0" * 16), LOCAL)
    run, _ = await runs.tell(run.id, word("approve", call=waiting.key, about=waiting.about), LOCAL)
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert (run.status, book.read_text()) == (RunStatus.COMPLETED, "one\n")
    states = [call.state for call in run.jobs["main"].steps[0].calls]
    assert states == [CallState.DONE, CallState.DONE]


async def test_what_a_person_refuses_is_not_sent_and_the_model_is_told(started: Start, tmp_path: Path) -> None:
    book = notes_upstream(tmp_path / "home")
    runs = await started(
        [calls(("notes/clear_notes", {})), ScriptedReply(text="Left alone.", when="refused this call", times=None)]
    )
    run = await runs.start(RunRequest("tidy", approval=Approval.DESTRUCTIVE), LOCAL, via="test")
    run = await until(runs, run.id, lambda run: not run.is_at_work)
    waiting = waiting_calls(run)[0]
    await runs.tell(run.id, word("refuse", call=waiting.key, reason="not today"), LOCAL)
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert run.answer.text == "Left alone."
    assert not book.exists()


async def test_a_stop_is_a_persons_word_that_counts_with_nobody_driving(started: Start) -> None:
    runs = await started([calls(SUM, text="Half of it."), calls(SUM), "never"])
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    run, _ = await runs.tell(run.id, word("stop"), LOCAL)
    run = await until(runs, run.id, lambda run: run.status.is_end)
    assert (run.status, run.why, run.steps) == (RunStatus.STOPPED, "user stopped it", 0)
    with pytest.raises(RunRefused, match="the run is stopped"):
        await runs.tell(run.id, word("pause"), LOCAL)


async def test_a_run_whose_driver_vanished_before_the_last_word_is_ended_by_the_next(started: Start) -> None:
    runs = await started(["done"])
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    loaded = await runs.journal.load(run.id, None)
    await runs.journal.append(loaded, [JobEnded("main", RunStatus.COMPLETED, "", Body("done", size=4))])
    assert (await runs.look(run.id, LOCAL)).is_at_work
    assert (await until(runs, run.id, lambda run: run.status.is_end)).status is RunStatus.COMPLETED


async def test_a_paused_run_rests_and_goes_on(started: Start) -> None:
    runs = await started([calls(SUM), "done"])
    run = await runs.start(RunRequest("go on"), LOCAL, via="test")
    run, _ = await runs.tell(run.id, word("pause"), LOCAL)
    serving = asyncio.create_task(runs.serve(only=run.id))
    await asyncio.sleep(0.2)
    assert (await runs.look(run.id, LOCAL)).steps == 0
    await runs.tell(run.id, word("resume"), LOCAL)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert (await until(runs, run.id, lambda run: run.status.is_end)).status is RunStatus.COMPLETED


async def test_a_model_that_fails_with_tools_is_asked_with_fewer_and_then_with_none(started: Start) -> None:
    failing = ScriptedReply(status=400, text="tools are not supported here")
    runs = await started([failing, failing, "Without tools, then."])
    run = await ended(runs, RunRequest("go on", essential=["calculate"]))
    assert (run.status, run.answer.text) == (RunStatus.COMPLETED, "Without tools, then.")
    runs = await started([failing])
    run = await ended(runs, RunRequest("go on and fail"))
    assert run.status is RunStatus.FAILED
    assert "tools are not supported" in run.why


async def test_state_lasts_and_long_results_are_kept_beside_the_history(started: Start, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("word " * 2_000)
    update = {"phase": "reading", "progress": 0.5, "data": {"found": 3}, "metrics": {"files": 1}}
    runs = await started([calls(("update_state", update), ("read_file", {"path": "long.txt"})), "done"])
    run = await ended(runs, RunRequest("read", directory=str(tmp_path)))
    assert (run.state.phase, run.state.progress, run.state.data) == ("reading", 0.5, {"found": 3})
    body = run.jobs["main"].steps[0].calls[1].result
    assert body.size > 2_000
    assert (await runs.journal.texts(run.id))[body.digest].count("word") >= 400


async def test_secrets_in_files_and_answers_reach_neither_model_nor_history(started: Start, tmp_path: Path) -> None:
    key = "AKIA" + "QX6ZP2LM4RT5WVB3"
    (tmp_path / "settings.py").write_text(f'AWS_ACCESS_KEY_ID = "{key}"\n')
    runs = await started([calls(("read_file", {"path": "settings.py"})), f"The key is {key}."])
    run = await ended(runs, RunRequest(f"what is {key}", directory=str(tmp_path)))
    stored = await runs.journal.store.read(run.id)
    assert not [row for row in stored if key in row.payload]


async def test_a_run_belongs_to_whoever_asked_for_it(started: Start) -> None:
    runs = await started(["done"])
    run = await ended(runs, RunRequest("mine"))
    for told in ("stop", "extend"):
        with pytest.raises(UnknownStream):
            await runs.tell(run.id, word(told, steps=1), Caller("somebody"))
    with pytest.raises(UnknownStream):
        await runs.look(run.id, Caller("somebody"))
    assert await runs.heads(Caller("somebody"), 10) == []


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (RunRequest("  "), "There is no request"),
        (RunRequest("x", tools=["calculat"]), "did you mean calculate"),
        (RunRequest("x", stop={"tool_sen": "calculate"}), "Did you mean tool_seen"),
        (RunRequest("x", stop={"tool_seen": "calculat"}), "can never fire"),
        (RunRequest("x", stop={"goal_text": {"pattern": "("}}), "cannot be read"),
        (RunRequest("x", stop={"expression": "steps >"}), "unexpected end of input"),
        (RunRequest("x", stop={"expression": "stepz > 1"}), "did you mean steps"),
        (RunRequest("x", stop={"time": 1_000}), "the limit is 900 seconds"),
        (RunRequest("x", stop={"cost": 1}), "price of the model is not known"),
        (RunRequest("x", stop={"all": [{"goal_text": "a"}, {"not": {"goal_text": "a"}}]}), "all can never fire"),
        (RunRequest("x", limits=replace(DEFAULT_LIMITS, steps=0)), "has to be a number above 0"),
        (RunRequest("x", limits=replace(DEFAULT_LIMITS, tokens=100)), "the last answer alone"),
        (RunRequest("x", limits=replace(DEFAULT_LIMITS, dollars=Decimal(1))), "price of scripted is not known"),
    ],
)
async def test_what_cannot_work_is_told_before_anything_starts(started: Start, wanted: RunRequest, told: str) -> None:
    runs = await started(["never"])
    with pytest.raises(RunRefused, match=told):
        await runs.start(wanted, LOCAL, via="test")
    assert await runs.heads(LOCAL, 10) == []


async def test_an_upstream_that_is_not_to_be_had_is_told_and_refuses_only_a_run_that_names_it(
    started: Start, tmp_path: Path
) -> None:
    broken = {"command": "/nowhere/at/all"}
    (tmp_path / "home" / "upstreams.json").write_text(json.dumps({"upstreams": {"gone": broken}}))
    runs = await started(["done"])
    run = await ended(runs, RunRequest("do without"))
    assert run.status is RunStatus.COMPLETED
    assert run.notes[0].startswith("no tools of gone: ")
    assert run.notes[0] in run.jobs["main"].plan.instructions
    with pytest.raises(RunRefused, match=r"^gone: "):
        await runs.start(RunRequest("needs it", tools=["gone/*"]), LOCAL, via="test")


async def test_an_expression_stops_where_it_counts_and_completes_where_it_asks_for_more(started: Start) -> None:
    update = ("update_state", {"data": {"found": 3}})
    runs = await started([calls(SUM, text="a"), calls(update, text="b"), "never", "the end"])
    run = await ended(runs, RunRequest("find", stop={"expression": "state.data.found|default(0) >= 3"}))
    assert (run.status, run.steps, run.answer.text) == (RunStatus.COMPLETED, 2, "b")
    assert run.why.startswith("expression state.data.found")
    runs = await started([calls(SUM, text="a"), calls(SUM, text="b"), "the end"])
    run = await ended(runs, RunRequest("count", stop={"expression": "steps >= 2 and errors == 0"}))
    assert (run.status, run.steps) == (RunStatus.STOPPED, 2)


async def test_a_bound_counts_also_for_an_answer_without_calls_and_a_not_is_no_goal(started: Start) -> None:
    runs = await started([calls(SUM), "All of it."])
    run = await ended(runs, RunRequest("go on", stop={"max_steps": 2}))
    assert (run.status, run.why, run.answer.text) == (RunStatus.STOPPED, "max_steps: 2 of 2", "All of it.")
    runs = await started([calls(SUM), "All of it, FOUND."])
    run = await ended(runs, RunRequest("go on to the goal", stop={"goal_text": "FOUND"}))
    assert (run.status, run.why) == (RunStatus.COMPLETED, "")
    runs = await started([calls(SUM, text="a"), calls(SUM, text="b"), "So far."])
    stop = {"all": [{"max_steps": 2}, {"not": {"goal_text": "FOUND"}}]}
    run = await ended(runs, RunRequest("never found", stop=stop))
    assert (run.status, run.why) == (RunStatus.STOPPED, "max_steps and not goal_text 'FOUND': 2 of 2")


async def test_what_is_refused_is_recorded_short(started: Start) -> None:
    runs = await started(["done"])
    run = await ended(runs, RunRequest("go on"))
    many = {f"x{number}": "y" * 5_000 for number in range(100)}
    with pytest.raises(RunRefused):
        await runs.tell(run.id, word("approve", call={"deep": ["z" * 9_000]}, **many), LOCAL)
    last = (await runs.journal.store.read(run.id))[-1]
    assert last.kind == "commanded"
    assert len(last.payload) < 30_000
