"""What a completion says of the expert, above all why there was none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

import prompts
from stepwarden.consultation.expert import ExpertAnswer, ExpertPoint
from stepwarden.models import ModelReply, ModelRequest, Usage
from stepwarden.steps.expert_rules import EXPERT
from tests.support.local_server import local_server
from tests.support.models import ScriptedModels
from tests.support.project import FAULT, FAULT_LINE, make_project
from tools.catalogue import WORKFLOWS
from tools.workflow.workflow import Workflow

BEGINNING = {"file": "src/cart.py", "line": 9, "quote": "count: int", "supports": "hypothesis"}
SAID = ExpertAnswer(agrees=True, summary="so it is")
AGREES = ModelReply(SAID.model_dump_json(), "wise-1", "acme", Usage(10, 5), SAID)


class Worker:
    """Works on one debug thread; `said` goes with every call."""

    def __init__(self, client: Client, project: Path, said: dict[str, Any]) -> None:
        self.client, self.said = client, {"working_directory": str(project), **said}

    async def step(self, number: int, **more: Any) -> tuple[dict[str, Any], str]:
        words = {"step": f"step {number}", "findings": f"finding {number}", "next_step_required": True}
        got = await self.client.call_tool("debug", {**self.said, **words, "step_number": number, **more})
        assert got.structured_content is not None
        self.said["continuation_id"] = got.structured_content["continuation_id"]
        return got.structured_content, got.content[0].text  # pyright: ignore

    async def finish(self, number: int, confidence: str = "high", **more: Any) -> tuple[dict[str, Any], str]:
        quote = {"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT, "supports": "hypothesis"}
        proof = {"hypothesis": "it takes the count off", "evidence": [quote], "confidence": confidence}
        return await self.step(number, next_step_required=False, **proof, **more)


@asynccontextmanager
async def working(
    home: Path, models: ScriptedModels, *, call_seconds: float = 45.0, **said: Any
) -> AsyncIterator[Worker]:
    project = make_project(home / "shop")
    async with local_server(home, models, call_seconds=call_seconds) as local, Client(local.app) as client:
        yield Worker(client, project, said)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("models", "said", "confidence", "told"),
    [
        (ScriptedModels(infos=()), {}, "high", "none: no model is configured"),
        (ScriptedModels(), {"use_assistant_model": False}, "high", "none: use_assistant_model is false"),
        (ScriptedModels(), {}, "certain", "none: certain, and every claim rests on a quote that was found"),
        (ScriptedModels(answering=lambda _: AGREES), {}, "high", "agrees: so it is"),
    ],
)
async def test_a_completion_says_what_came_of_the_expert_or_why_there_was_none(
    tmp_path: Path, models: ScriptedModels, said: dict[str, Any], confidence: str, told: str
) -> None:
    async with working(tmp_path, models, **said) as worker:
        await worker.step(1)
        await worker.step(2, hypothesis="it takes the count off", evidence=[BEGINNING])
        sent, text = await worker.finish(3, confidence)
    assert sent["status"] == "debug_complete"
    assert sent["expert"]["verdict"] == told
    assert ("Expert" in text) is bool(models.asked)


@pytest.mark.asyncio
async def test_an_expert_that_was_given_up_is_not_said_to_have_been_left_out(tmp_path: Path) -> None:
    models = ScriptedModels(answering=lambda _: AGREES, held=asyncio.Event())
    async with working(tmp_path, models, call_seconds=0.1) as worker:
        await worker.step(1)
        sent, text = await worker.finish(2)
        assert sent["status"] == "awaiting_expert"
        await worker.step(3, files_checked=["README.md"])
        again, _ = await worker.finish(4)
        assert again["status"] == "awaiting_expert"
        sent, text = await worker.finish(5)
    assert sent["expert"]["verdict"] == "none: wise-1 had not answered when the thread went on"
    assert "Expert: none: wise-1 had not answered when the thread went on" in text
    assert text.startswith("DONE (partly verified).")
    assert "Passed over: the expert was not waited for: wise-1." in text


@pytest.mark.asyncio
async def test_what_the_work_says_of_temperature_and_thinking_goes_to_the_expert(tmp_path: Path) -> None:
    models = ScriptedModels(answering=lambda _: AGREES)
    async with working(tmp_path, models) as worker:
        await worker.step(1, temperature=0.2, thinking_mode="low")
        await worker.finish(2, thinking_mode="high")
    assert [(request.temperature, request.thinking) for request in models.asked] == [(0.2, "high")]


NO = ExpertAnswer(
    agrees=False,
    summary="not proven",
    points=[ExpertPoint(point="no test reaches it", file="tests/test_cart.py", line=5)],
    advice=["multiply instead"],
)


def reviewing(*said: ExpertAnswer) -> ScriptedModels:
    """Return an expert that says one after the other, the last one for ever."""
    left = list(said)

    def answer(_: ModelRequest) -> ModelReply:
        parsed = left.pop(0) if len(left) > 1 else left[0]
        return ModelReply(parsed.model_dump_json(), "wise-1", "acme", Usage(10, 5), parsed)

    return ScriptedModels(answering=answer)


@pytest.mark.asyncio
async def test_remarks_and_advice_of_an_expert_that_agrees_reach_the_reply(tmp_path: Path) -> None:
    said = SAID.model_copy(
        update={
            "points": [ExpertPoint(point="discounts inherit it", file="src/cart.py", line=19)],
            "advice": ["multiply instead", "test it with 3 of 250"],
        }
    )
    async with working(tmp_path, reviewing(said)) as worker:
        await worker.step(1)
        sent, text = await worker.finish(2)
    assert sent["expert"]["points"] == ["src/cart.py:19: discounts inherit it"]
    assert sent["expert"]["advice"] == ["multiply instead", "test it with 3 of 250"]
    assert "  also: src/cart.py:19: discounts inherit it" in text
    assert "  advice: test it with 3 of 250" in text


@pytest.mark.asyncio
async def test_an_objection_says_in_both_parts_how_it_is_closed_and_a_quote_there_closes_it(tmp_path: Path) -> None:
    models = reviewing(NO, SAID)
    async with working(tmp_path, models) as worker:
        await worker.step(1)
        held, text = await worker.finish(2)
        assert held["assessment"]["open"] == ["E1 tests/test_cart.py:5: no test reaches it"]
        assert held["assessment"]["sufficient"] is False
        how = 'quote new code there, supports: "E1", or withdraw the issue, or reply in findings'
        assert how in held["next_steps"]
        assert "the next ask ends it; your reply goes to the expert first" in text
        assert "advice" not in held["expert"]
        quote = {"file": "tests/test_cart.py", "line": 5, "quote": "assert total([Line(price=250, count=3)]) == 750"}
        closed, _ = await worker.step(3, evidence=[{**quote, "supports": "E1"}])
        assert closed["assessment"]["sufficient"] is True
        _, text = await worker.step(4, next_step_required=False, confidence="high")
    assert text.startswith("DONE (verified).")
    assert len(models.asked) == 2  # whether the line answers it, only the expert can tell


@pytest.mark.asyncio
async def test_an_answer_goes_to_the_expert_with_its_objections_and_the_tools_own_question(tmp_path: Path) -> None:
    models = reviewing(NO, SAID)
    async with working(tmp_path, models) as worker:
        await worker.step(1)
        await worker.finish(2)
        answer = "E1: the test runs it with three lines, and fails as it should"
        _, text = await worker.step(3, next_step_required=False, findings=answer, confidence="certain")
    assert text.startswith("DONE (verified).")
    first, second = (models.sent(place) for place in (0, 1))
    assert "the test that fails before the fix" in first
    assert "You have judged this work before" not in first
    assert "You have judged this work before" in second
    assert "- E1 tests/test_cart.py:5: no test reaches it (open" in second
    assert answer in second


@pytest.mark.asyncio
async def test_over_an_open_objection_nothing_is_called_verified(tmp_path: Path) -> None:
    async with working(tmp_path, reviewing(NO)) as worker:
        await worker.step(1)
        await worker.finish(2)
        sent, text = await worker.step(3, next_step_required=False, findings="done", confidence="certain")
    assert text.startswith("DONE (partly verified).")
    assert "Passed over: E1 tests/test_cart.py:5: no test reaches it." in text
    assert (sent["assessment"]["assurance"], sent["assessment"]["sufficient"]) == ("partly_verified", False)


@pytest.mark.parametrize(
    "workflow", [one for one in WORKFLOWS if one.policy.consultation is EXPERT], ids=lambda w: w.name
)
def test_the_expert_is_asked_for_substance_in_every_tool_that_asks_it(workflow: Workflow) -> None:
    words = prompts.load("expert").texts[workflow.name]
    assert "For advice:" in words


BY_KEY = "by ACME_API_KEY"


@pytest.mark.asyncio
async def test_an_expert_that_only_a_key_allows_is_told_with_the_key_and_the_files_it_was_sent(tmp_path: Path) -> None:
    """A host may have passed the key on, and then nobody chose who reads the code."""
    async with working(tmp_path, ScriptedModels(answering=lambda _: AGREES, source=BY_KEY)) as worker:
        await worker.step(1, files_checked=["README.md"])
        await worker.step(2, hypothesis="it takes the count off", evidence=[BEGINNING])
        sent, text = await worker.finish(3)
    assert sent["notes"] == ["Expert: wise-1, by ACME_API_KEY, 2 files."]
    assert "Expert: wise-1, by ACME_API_KEY, 2 files.\n" in text


@pytest.mark.asyncio
async def test_an_expert_that_is_waited_for_is_told_in_the_call_that_asks_it(tmp_path: Path) -> None:
    models = ScriptedModels(answering=lambda _: AGREES, held=asyncio.Event(), source=BY_KEY)
    async with working(tmp_path, models, call_seconds=0.1) as worker:
        await worker.step(1)
        sent, _ = await worker.finish(2)
        assert (sent["status"], sent["notes"]) == ("awaiting_expert", ["Expert: wise-1, by ACME_API_KEY."])
        models.say(AGREES)
        sent, _ = await worker.finish(2)
        assert sent["status"] == "debug_complete"
        assert sent["notes"] == ["Expert: wise-1, by ACME_API_KEY, 1 file."]


@pytest.mark.asyncio
async def test_models_of_a_consensus_that_only_a_key_allows_are_told(tmp_path: Path) -> None:
    models = ScriptedModels(source=BY_KEY)
    async with local_server(tmp_path, models) as local, Client(local.app) as client:
        asked = {"step": "Is it sound?", "step_number": 1, "next_step_required": True, "findings": "yes"}
        panel = [{"model": "wise"}, {"model": "quick"}, {"model": "wise-1", "stance": "for"}]
        got = await client.call_tool(
            "consensus",
            {
                **asked,
                "models": panel,
                "relevant_files": ["README.md"],
                "working_directory": str(make_project(tmp_path / "shop")),
            },
        )
        assert got.structured_content is not None
        told = [note for note in got.structured_content["notes"] if note.startswith("Models: ")]
    assert told == ["Models: wise-1 by ACME_API_KEY, quick-1 by ACME_API_KEY, 1 file."]


@pytest.mark.asyncio
async def test_nothing_is_told_of_an_expert_that_the_user_chose(tmp_path: Path) -> None:
    async with working(tmp_path, ScriptedModels(answering=lambda _: AGREES)) as worker:
        await worker.step(1)
        await worker.step(2, hypothesis="it takes the count off", evidence=[BEGINNING])
        sent, text = await worker.finish(3)
    assert "notes" not in sent
    assert "Expert: " not in text
