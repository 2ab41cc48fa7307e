"""What a completion says of the expert, above all why there was none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from stepwarden.consultation.expert import ExpertAnswer
from stepwarden.models import ModelReply, Usage
from tests.support.local_server import local_server
from tests.support.models import ScriptedModels
from tests.support.project import FAULT, FAULT_LINE, make_project

pytestmark = pytest.mark.asyncio
BEGINNING = {"file": "src/cart.py", "line": 12, "quote": "def total(lines):", "supports": "hypothesis"}
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


@pytest.mark.parametrize(
    ("models", "said", "confidence", "told"),
    [
        (ScriptedModels(infos=()), {}, "high", "none: no model is configured (listmodels says what to set)"),
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


async def test_an_expert_that_was_given_up_is_not_said_to_have_been_left_out(tmp_path: Path) -> None:
    models = ScriptedModels(answering=lambda _: AGREES, held=asyncio.Event())
    async with working(tmp_path, models, call_seconds=0.1) as worker:
        await worker.step(1)
        sent, text = await worker.finish(2)
        assert sent["status"] == "awaiting_expert"
        await worker.step(3, files_checked=["README.md"])
        sent, text = await worker.finish(4)
    assert sent["expert"]["verdict"] == "none: wise-1 had not answered when the thread went on"
    assert "Expert: none: wise-1 had not answered when the thread went on" in text


async def test_what_the_work_says_of_temperature_and_thinking_goes_to_the_expert(tmp_path: Path) -> None:
    models = ScriptedModels(answering=lambda _: AGREES)
    async with working(tmp_path, models) as worker:
        await worker.step(1, temperature=0.2, thinking_mode="low")
        await worker.finish(2, thinking_mode="high")
    assert [(request.temperature, request.thinking) for request in models.asked] == [(0.2, "high")]
