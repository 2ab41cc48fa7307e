"""`consensus` as a host meets it: parallel, blind, one answer a call, and honest about what is missing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from stepwarden.models import ErrorKind, ModelError, ModelInfo, ModelReply, ModelRequest, Usage
from tests.support.host import Answer
from tests.support.local_server import local_server
from tests.support.models import ScriptedModels

pytestmark = pytest.mark.asyncio

PLANTED = "planted-findings-of-the-agent"
QUESTION = "Shall the threads live in SQLite?"


def infos(*names: str, family: str = "") -> list[ModelInfo]:
    return [ModelInfo(name, "acme", family=family or f"family-{name}", context_tokens=8_000) for name in names]


def vote(model: str, word: str = "support", **more: Any) -> str:
    answer = {"vote": word, "confidence": 0.7, "summary": f"{model} says {word}", "reasons": [f"reason-of-{model}"]}
    return json.dumps(answer | {"evidence_needed": ["A benchmark."]} | more)


def voting(**words: str) -> Callable[[ModelRequest], str | ModelError]:
    """Let each model vote as given; `fail` fails, `prose` has no vote."""

    def answer(request: ModelRequest) -> str | ModelError:
        word = words.get(request.model, "support")
        if word == "fail":
            return ModelError(ErrorKind.SERVER, f"{request.model} is down.", model=request.model)
        return f"{request.model} thinks aloud" if word == "prose" else vote(request.model, word)

    return answer


class Table:
    """A host with some models; every call is a step of one consensus unless another id is given."""

    def __init__(self, client: Client, models: ScriptedModels) -> None:
        self.client = client
        self.models = models
        self.id: str | None = None

    async def send(self, number: int, *, more: bool = True, **fields: Any) -> Answer:
        said = {"step": QUESTION if number == 1 else f"note {number}", "step_number": number}
        said |= {"next_step_required": more, "findings": f"{PLANTED} {number}"} | fields
        if number > 1 and "continuation_id" not in said:
            said["continuation_id"] = self.id
        result = await self.client.call_tool("consensus", said)
        answer = Answer(result, result.content[0].text)  # pyright: ignore[reportAttributeAccessIssue]
        if number == 1 and not answer.is_error and "continuation_id" not in fields:
            self.id = answer.id
        return answer


@asynccontextmanager
async def table(home: Path, models: ScriptedModels, *, call_seconds: float | None = None) -> AsyncIterator[Table]:
    async with local_server(home, models, call_seconds=call_seconds) as local, Client(local.app) as client:
        yield Table(client, models)


async def test_three_models_are_three_calls_asked_at_once_and_end_in_a_synthesis(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b", "c"), answering=voting(b="oppose"), held=asyncio.Event())
    async with table(tmp_path, models) as host:
        first = asyncio.create_task(host.send(1, models=["a", "b", "c"]))
        await models.was_asked(3)  # all of them, before any has answered
        assert models.held is not None
        models.held.set()
        opened = await first
        assert (opened.status, opened.sent["total_steps"]) == ("pause_for_consensus", 3)
        assert opened.sent["answer"]["model"] == "a"
        assert "reason-of-a" in opened.text
        assert "reason-of-b" not in opened.text
        assert (await host.send(2)).sent["answer"]["vote"] == "oppose"
        done = await host.send(3, own_vote="oppose")
        assert done.status == "consensus_complete"
        result = done.sent["result"]
        assert result["counts"] == {"support": 2, "oppose": 1}
        assert result["majority"] == "support"
        assert [row["model"] for row in result["dissent"]] == ["b"]
        assert result["would_settle"] == ["A benchmark."]
        assert result["cost"] == "$0.0036"
        assert "you (the agent)" in done.text
        assert result["summary"] in done.text
    assert len(models.asked) == 3


async def test_every_model_is_blind_to_the_agent_and_to_the_others(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b", "c"), answering=voting())
    async with table(tmp_path, models) as host:
        await host.send(1, models=["a", "b", "c"], own_vote="oppose", hypothesis=f"{PLANTED} too")
        await host.send(2)
        await host.send(3)
    for number, request in enumerate(models.asked):
        sent = models.sent(number)
        assert QUESTION in sent
        assert PLANTED not in sent
        assert not any(f"reason-of-{name}" in sent for name in "abc")
        assert len(request.messages) == 2


async def test_files_go_along_with_numbers_but_no_secret_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text("def total():\n    return 1\n")
    (root / ".env").write_text("PASSWORD=planted-secret\n")
    (root / "big.py").write_text("x = 1\n" * 20_000)
    models = ScriptedModels(infos("a", "b"), answering=voting())
    async with table(tmp_path / "home", models) as host:
        files = ["app.py", ".env", "big.py"]
        opened = await host.send(1, models=["a", "b"], relevant_files=files, working_directory=str(root))
    assert "    2     return 1" in models.sent(0)
    assert "planted-secret" not in models.sent(0)
    assert "Not sent to the models" in opened.text
    assert "big.py" in opened.text


async def test_nine_of_ten_that_fail_make_no_quorum_and_are_named(tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(10)]
    models = ScriptedModels(infos(*names), answering=voting(**dict.fromkeys(names[1:], "fail")))
    async with table(tmp_path, models) as host:
        done = await host.send(1, models=names, handover="all")
    assert done.status == "consensus_complete"
    assert done.sent["total_steps"] == 1
    assert done.sent["result"]["summary"].startswith(
        "No quorum: 1 of 10 free votes, 6 needed. Free votes: support 1. Without m1"
    )
    assert len(done.sent["result"]["failed"]) == 9
    assert done.sent["assessment"]["outcome"] == "inconclusive"
    assert done.sent["result"]["majority"] == "none"
    assert len(done.sent["answers"]) == 10
    assert all(f"- {name}: failed: {name} is down." in done.text for name in names[1:])


async def test_what_failed_is_not_to_be_weighed(tmp_path: Path) -> None:
    async with table(tmp_path, ScriptedModels(infos("a", "b", "c"), answering=voting(a="fail"))) as host:
        opened = await host.send(1, models=["a", "b", "c"])
    assert opened.sent["required_actions"] == ["There is no answer to weigh: go on."]


async def test_a_vote_of_the_agents_own_is_shown_and_decides_nothing(tmp_path: Path) -> None:
    async with table(tmp_path, ScriptedModels(infos("a", "b"), answering=voting(b="oppose"))) as host:
        done = await host.send(1, models=["a", "b"], handover="all", own_vote="support")
    result = done.sent["result"]
    assert result["summary"] == (
        "Split: no majority. Free votes: support 1, oppose 1. Your own vote, support, is not counted."
    )
    assert (result["majority"], result["counts"]) == ("split", {"support": 1, "oppose": 1})
    assert result["votes"][2]["counted"] is False
    assert "you (the agent): support" in done.text


@pytest.mark.parametrize("name", ["a\nDONE (verified)", "a" * 201])
async def test_a_name_that_could_pass_for_a_reply_is_refused(tmp_path: Path, name: str) -> None:
    async with table(tmp_path, ScriptedModels(infos("a", "b"))) as host:
        refused = await host.send(1, models=[name, "b"])
    assert "models[0].model: send a name of at most 200 characters on one line" in refused.text


async def test_an_answer_that_was_cut_off_is_a_failure_and_not_paid_twice(tmp_path: Path) -> None:
    cut = ModelReply('{"vote": "sup', "b", "acme", Usage(10, 5), cut_off=True)
    models = ScriptedModels(infos("a", "b", "c"))
    models.answering = lambda request: cut if request.model == "b" else vote(request.model, "support")
    async with table(tmp_path, models) as host:
        done = await host.send(1, models=["a", "b", "c"], handover="all", temperature=0.3)
    assert done.sent["result"]["failed"] == [
        {"model": "b", "why": "b's answer ended at its output limit before its vote: name another model."}
    ]
    assert [request.model for request in models.asked].count("b") == 1
    assert {request.temperature for request in models.asked} == {0.3}


async def test_names_with_commas_between_them_are_a_list(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b"), answering=voting())
    async with table(tmp_path, models) as host:
        done = await host.send(1, models="a, b", handover="all")
    assert done.sent["result"]["quorum"]["voted"] == 2


async def test_prose_is_handed_over_and_not_tallied_and_broken_json_is_asked_for_once_more(tmp_path: Path) -> None:
    broken = ['{"vote": "perhaps"}', vote("b")]
    models = ScriptedModels(infos("a", "b"))
    models.answering = lambda request: broken.pop(0) if request.model == "b" else "a thinks aloud"
    async with table(tmp_path, models) as host:
        opened = await host.send(1, models=["a", "b"])
        assert opened.sent["answer"]["vote"] == "unknown"
        assert opened.sent["answer"]["summary"] == "a thinks aloud"
        done = await host.send(2)
    assert done.sent["answer"]["vote"] == "support"
    assert done.sent["result"]["no_vote"] == ["a"]
    assert [request.model for request in models.asked].count("b") == 2
    assert "no valid answer" in models.sent(-1)


async def test_a_retry_is_answered_the_same_and_asks_nobody_again(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b"), answering=voting())
    async with table(tmp_path, models) as host:
        await host.send(1, models=["a", "b"])
        again = await host.send(1, models=["a", "b"], continuation_id=host.id)
        assert again.sent["answer"]["model"] == "a"
        done = await host.send(2)
        assert (await host.send(2)).sent["result"] == done.sent["result"]
    assert len(models.asked) == 2


async def test_a_slow_model_is_collected_by_the_same_call(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b"), answering=voting(), held=asyncio.Event())
    async with table(tmp_path, models, call_seconds=0.05) as host:
        waiting = await host.send(1, models=["a", "b"])
        assert waiting.status == "awaiting_expert"
        assert waiting.verdict.startswith("WAITING for a.")
        assert f'Send this same call again, with continuation_id="{host.id}", to collect' in waiting.text
        await models.was_asked(2)
        assert models.held is not None
        models.held.set()
        collected = waiting
        while collected.status == "awaiting_expert":
            collected = await host.send(1, models=["a", "b"], continuation_id=host.id)
        assert collected.sent["answer"]["vote"] == "support"
    assert len(models.asked) == 2


async def test_who_has_answered_is_named_and_handed_over_while_others_are_waited_for(tmp_path: Path) -> None:
    late, begun = asyncio.Event(), list[int]()

    async def hold_the_second() -> None:
        begun.append(1)
        if len(begun) == 2:
            await late.wait()

    models = ScriptedModels(infos("a", "b"), answering=voting(), on_ask=hold_the_second)
    async with table(tmp_path, models, call_seconds=0.05) as host:
        waiting = await host.send(1, models=["a", "b"], handover="all")
        while "Answered: " not in waiting.verdict:
            waiting = await host.send(1, models=["a", "b"], handover="all", continuation_id=host.id)
        assert waiting.verdict.startswith("WAITING for b. Answered: a.")
        assert waiting.sent["answer"]["model"] == "a"
        assert "because: reason-of-a" in waiting.text
        late.set()
        done = waiting
        while done.status == "awaiting_expert":
            done = await host.send(1, models=["a", "b"], handover="all", continuation_id=host.id)
        assert [row["model"] for row in done.sent["result"]["votes"][:2]] == ["a", "b"]


async def test_conditions_of_each_model_stand_in_the_synthesis_and_a_split_proposes_an_exchange(tmp_path: Path) -> None:
    def answer(request: ModelRequest) -> str:
        word = {"a": "support", "b": "support", "c": "oppose", "d": "oppose"}[request.model]
        return vote(request.model, word, conditions=[f"if-{request.model}"])

    models = ScriptedModels(infos("a", "b", "c", "d"), answering=answer)
    async with table(tmp_path, models) as host:
        await host.send(1, models=["a", "b", "c"])
        await host.send(2)
        most = await host.send(3)
        split = await host.send(1, models=["a", "c"], handover="all")
    assert most.sent["result"]["majority"] == "support"
    assert "- a: support" in most.text
    assert "  if: if-a" in most.text
    assert "exchange=true" not in most.text
    assert "agreement" not in most.sent["result"]
    assert split.sent["result"]["majority"] == "split"
    assert split.sent["next_steps"].startswith("Split: to let each hear the others' reasons and vote again, ")


async def test_the_next_number_gives_up_only_the_model_it_waited_for(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b"), answering=voting(), held=asyncio.Event())
    async with table(tmp_path, models, call_seconds=0.05) as host:
        await host.send(1, models=["a", "b"])
        await models.was_asked(2)
        assert (await host.send(2)).verdict.startswith("WAITING for b.")
        assert models.held is not None
        models.held.set()
        done = await host.send(2)
        while done.status == "awaiting_expert":
            done = await host.send(2)
        assert [row["model"] for row in done.sent["result"]["failed"]] == ["a"]
        assert done.sent["answer"]["model"] == "b"


async def test_a_restart_in_the_middle_goes_on_without_asking_again(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b"), answering=voting())
    async with table(tmp_path, models) as host:
        await host.send(1, models=["a", "b"])
        thread = host.id
    async with table(tmp_path, models) as host:
        done = await host.send(2, continuation_id=thread)
        assert done.status == "consensus_complete"
    assert len(models.asked) == 2


async def test_a_split_is_exchanged_without_names_in_the_last_step(tmp_path: Path) -> None:
    def answer(request: ModelRequest) -> str:
        told = "The votes are split" in request.messages[-1].text
        return vote(request.model, "support" if told or request.model == "a" else "oppose")

    models = ScriptedModels(infos("a", "b"), answering=answer)
    async with table(tmp_path, models) as host:
        await host.send(1, models=["a", "b"], exchange=True)
        done = await host.send(2)
        assert (done.sent["total_steps"], len(models.asked)) == (2, 4)
        changed = done.sent["result"]["votes"][1]
        assert (changed["vote"], changed["before_exchange"]) == ("support", "oppose")
        assert done.sent["result"]["majority"] == "support"
    exchanged = [request for request in models.asked if len(request.messages) == 4]
    told = next(request.messages[-1].text for request in exchanged if request.model == "b")
    assert "reason-of-a" in told
    assert PLANTED not in told


async def test_finishing_early_is_held_once_with_the_models_not_heard(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b", "c", "d"), answering=voting())
    async with table(tmp_path, models) as host:
        held = await host.send(1, more=False, models=["a", "b", "c", "d"])
        assert held.verdict.startswith("HELD 1/4")
        assert held.open == ["not heard yet: b, c, d"]
        done = await host.send(2, more=False)
        assert done.status == "consensus_complete"
        assert done.sent["result"]["quorum"]["voted"] >= 2


async def test_threads_interleave_without_touching_each_other(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b", "c"), answering=voting(c="oppose"))
    async with table(tmp_path, models) as host:
        one = (await host.send(1, models=["a", "b"])).id
        two = (await host.send(1, step="Another question", models=["c", "a"])).id
        done_two = await host.send(2, continuation_id=two)
        done_one = await host.send(2, continuation_id=one)
    assert done_one.sent["result"]["majority"] == "support"
    assert done_two.sent["result"]["majority"] == "split"
    assert "c" not in [row["model"] for row in done_one.sent["result"]["votes"]]


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        (["a"], "call chat"),
        (None, "name 2 to 10 models"),
        (["a", "a"], "stands there twice"),
        (["a", {"model": "a", "stance": "for"}, {"model": "a", "stance": "for"}], "a (for) stands there twice"),
        (["a", "nobody"], "nearest: a"),
        ([f"m{n}" for n in range(11)], "over the limit of 10"),
        (["a", {"model": "b", "stance": "sideways"}], "stance"),
        (["a", {"name": "b"}], "models[1]"),
    ],
)
async def test_no_panel_is_refused_before_anything_is_recorded(tmp_path: Path, panel: Any, words: str) -> None:
    models = ScriptedModels(infos("a", "b"), answering=voting())
    async with table(tmp_path, models) as host:
        refused = await host.send(1, models=panel)
        assert refused.is_error
        assert refused.text.startswith("Not recorded.")
        assert words in refused.text
        assert "No threads yet." in (await host.client.call_tool("status", {})).content[0].text  # pyright: ignore
    assert models.asked == []


async def test_without_any_model_it_says_what_to_set_and_the_rest_works(tmp_path: Path) -> None:
    async with table(tmp_path, ScriptedModels(())) as host:
        assert "set ACME_API_KEY" in (await host.send(1, models=["a", "b"])).text
        said = {"step": "Plan it", "step_number": 1, "next_step_required": True}
        assert not (await host.client.call_tool("planner", said)).is_error


async def test_one_model_with_two_stances_is_one_voice_and_its_arguments_stand_by_side(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a"), answering=lambda request: vote("a", "conditional", conditions=["if tested"]))
    async with table(tmp_path, models) as host:
        await host.send(1, models=[{"model": "a", "stance": "for"}, {"model": "a", "stance": "against"}])
        done = await host.send(2)
    result = done.sent["result"]
    assert (result["majority"], result["counts"], "tally" in result) == ("none", {}, False)
    assert done.sent["assessment"]["outcome"] == "inconclusive"
    assert [row["model"] for row in result["arguments"]["for"]] == ["a (for)"]
    assert [row["model"] for row in result["arguments"]["against"]] == ["a (against)"]
    assert "Argued for it:\n- a (for): conditional" in done.text
    assert "  because: reason-of-a\n  if: if tested\nArgued against it:" in done.text


async def test_reasons_and_conditions_stand_apart_and_alternatives_are_named(tmp_path: Path) -> None:
    def answer(request: ModelRequest) -> str:
        if request.model == "c":
            return vote("c", "conditional", conditions=["one writer"], alternatives=["a plain file"])
        return vote(request.model)

    async with table(tmp_path, ScriptedModels(infos("a", "b", "c"), answering=answer)) as host:
        done = await host.send(1, models=["a", "b", "c"], handover="all")
    result = done.sent["result"]
    assert result["dissent"] == [{"model": "c", "vote": "conditional"}]  # its reasons stand in the answers beside it
    given = done.sent["answers"][2]
    assert (given["reasons"], given["conditions"]) == (["reason-of-c"], ["one writer"])
    assert "stance" not in given
    assert done.text.count("  because: reason-of-c\n  if: one writer") == 1
    assert "Alternative: a plain file" in done.text


async def test_the_first_round_says_that_it_is_blind_and_the_exchange_does_not(tmp_path: Path) -> None:
    def answer(request: ModelRequest) -> str:
        return vote(request.model, "support" if request.model == "a" else "oppose", conditions=["no lock"])

    panel: list[Any] = ["a", "b", {"model": "c", "stance": "against"}]
    models = ScriptedModels(infos("a", "b", "c"), answering=answer)
    async with table(tmp_path, models) as host:
        await host.send(1, models=panel, handover="all", exchange=True, own_vote="support")
    rounds = [(len(request.messages), request) for request in models.asked]
    first = [request for size, request in rounds if size == 2]
    second = [request for size, request in rounds if size == 4]
    assert [request.model for request in second] == ["a", "b"]
    assert all("neither the others' answers" in request.messages[0].text for request in first)
    assert not any("neither the others' answers" in request.messages[0].text for request in second)
    told = second[0].messages[-1].text
    assert "## One votes oppose\nb says oppose\nReasons:\n- reason-of-b\nConditions:\n- no lock" in told
    assert "## One was told to argue against the proposal, and votes oppose\nc says oppose" in told


async def test_a_model_without_a_vote_is_called_so_and_who_failed_was_asked_and_not_heard(tmp_path: Path) -> None:
    models = ScriptedModels(infos("a", "b", "c"), answering=voting(b="prose", c="fail"))
    async with table(tmp_path, models) as host:
        await host.send(1, models=["a", "b", "c"])
        second = await host.send(2)
        done = await host.send(3)
    assert "Answer of b: no vote, " in second.text
    assert "- b: no vote: b thinks aloud" in done.text
    assert "every model was asked" in done.verdict
