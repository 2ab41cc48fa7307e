"""What models say is recorded and shown without secrets, be it that they saw them where nobody looked."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from stepwarden.consultation.expert import ExpertAnswer, ExpertPoint
from stepwarden.consultation.votes import VoteAnswer
from stepwarden.models import ModelReply, ModelRequest, Usage
from stepwarden.steps.panel_answer import Vote
from tests.support.local_server import local_server
from tests.support.models import ScriptedModels
from tests.support.project import FAULT, FAULT_LINE, make_project

# Put together here, so that no scanner takes this file for a leak.
PASSWORD = "Zx81kQ92" + "mPwT77vLq"
TOKEN = "ghp_" + "a1B2c3D4" * 5
SAID = f"The value {PASSWORD} is in the clear; and so is {TOKEN}."


def _project(home: Path) -> Path:
    project = make_project(home / "shop")
    (project / "src/db.py").write_text(f'host = "db"\npassword = "{PASSWORD}"\nport = 5432\n', "utf-8")
    return project


def _answer(request: ModelRequest) -> ModelReply:
    if request.answer is ExpertAnswer:
        point = ExpertPoint(point=SAID, file="src/db.py", line=2, quote=f'password = "{PASSWORD}"')
        said = ExpertAnswer(agrees=False, summary=SAID, points=[point], advice=[SAID])
        return ModelReply(said.model_dump_json(), "wise-1", "acme", Usage(10, 5), said)
    if request.form is not None:
        vote = VoteAnswer(vote=Vote.SUPPORT, confidence=0.8, summary=SAID, reasons=[SAID])
        return ModelReply(vote.model_dump_json(), "wise-1", "acme", Usage(10, 5))
    return ModelReply(SAID, "wise-1", "acme", Usage(10, 5))


class Repeating:
    """A host whose models repeat what they should not; keeps every reply and every request."""

    def __init__(self, client: Client, project: Path) -> None:
        self.client, self.project = client, project
        self.replies: list[str] = []

    async def call(self, tool: str, **said: Any) -> dict[str, Any]:
        got = await self.client.call_tool(tool, {"working_directory": str(self.project), **said})
        assert got.structured_content is not None
        self.replies.append(json.dumps([got.structured_content, got.model_dump(mode="json")], ensure_ascii=False))
        return got.structured_content


async def _debugged(host: Repeating) -> str:
    words = {"findings": "f", "relevant_files": ["src/db.py"], "files_checked": ["src/cart.py"]}
    first = await host.call("debug", step="find it", step_number=1, next_step_required=True, **words)
    quote = {"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT, "supports": "hypothesis"}
    proof = {"hypothesis": "it takes the count off", "evidence": [quote], "continuation_id": first["continuation_id"]}
    await host.call("debug", step="seen", step_number=2, next_step_required=False, findings="g", **proof)
    return first["continuation_id"]


async def _voted(host: Repeating) -> str:
    models = [{"model": "wise-1"}, {"model": "quick-1"}]
    asked = {"step": "Keep it?", "findings": "I do not know", "relevant_files": ["src/db.py"], "models": models}
    first = await host.call("consensus", step_number=1, next_step_required=True, handover="all", **asked)
    return first["continuation_id"]


async def _chatted(host: Repeating) -> str:
    first = await host.call("chat", prompt=f"Is {PASSWORD} a good one?", files=["src/db.py"])
    again = await host.call("chat", prompt="Say it once more.", continuation_id=first["continuation_id"])
    assert "<secret withheld>" in first["answer"]
    assert "<secret withheld>" in again["answer"]
    return first["continuation_id"]


@pytest.mark.asyncio
@pytest.mark.parametrize("ask", [_debugged, _voted, _chatted], ids=["expert", "panel", "chat"])
async def test_a_secret_that_a_model_repeats_is_in_no_reply_store_request_or_resource(ask: Any, tmp_path: Path) -> None:
    models = ScriptedModels(answering=_answer)
    async with local_server(tmp_path / "home", models) as local, Client(local.app) as client:
        host = Repeating(client, _project(tmp_path))
        thread = await ask(host)
        assert "secret withheld" in "".join(host.replies)
        resources = await client.list_resources()
        for resource in resources.resources:
            host.replies.append((await client.read_resource(resource.uri)).model_dump_json())
        assert models.asked
        assert thread
    sent = "".join(message.text for request in models.asked for message in request.messages)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    for secret in (PASSWORD, TOKEN):
        assert secret not in "".join(host.replies)
        assert secret not in sent
        assert secret.encode() not in stored
