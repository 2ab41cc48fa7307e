"""Each kind of secret through each door: what a model, a reply, a report or the store gets has none of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from stepwarden.threads.calls import LOCAL
from stepwarden.threads.exports import as_html, as_json, as_markdown
from tests.support.local_server import local_server
from tests.support.models import ScriptedModels
from tests.support.project import make_project
from tests.support.repositories import committed

# Put together here, so that no scanner takes this file for a leak.
VALUE = "Zx81kQ92" + "mPwT77vLqR4sB6nD"
BODY = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUA" * 2
BLOCK = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + f"{BODY}\n" * 4 + "-----END RSA PRIVATE " + "KEY-----\n"

KINDS = {
    "yaml": ("config/app.yml", f"db:\n  password: {VALUE}\n"),
    "properties": ("app.properties", f"spring.datasource.password={VALUE}\n"),
    "docker": ("Dockerfile", f"FROM x\nENV API_KEY={VALUE}\n"),
    "shell": ("deploy.sh", f"export AUTH_TOKEN={VALUE}\n"),
    "connection": ("conn.cs", f'var c = "Server=db;User Id=sa;Password={VALUE};";\n'),
    "address": ("broker.py", f'URL = "amqp://shop:{VALUE}@mq.internal/"\n'),
    "settings of an application": ("appsettings.json", json.dumps({"Jwt": {"ApiKey": VALUE}}, indent=1) + "\n"),
    "quoted in code": ("settings.py", f'SECRET_KEY = "{VALUE}"\n'),
    "key block in code": ("signing.py", f'KEY = """{BLOCK}"""\n'),
    "environment": (".env", f"API_KEY={VALUE}\n"),
    "variables of terraform": ("prod.tfvars", f'db_password = "{VALUE}"\n'),
    "state of terraform": ("infra.tfstate", json.dumps({"version": 4, "password": VALUE}) + "\n"),
    "service account": (
        "bot.json",
        json.dumps({"type": "service_account", "private_key": BLOCK, "token": VALUE}, indent=1) + "\n",
    ),
}


class Doors:
    """A host on a project with a secret; `seen` is every text that came out."""

    def __init__(self, client: Client, project: Path, models: ScriptedModels) -> None:
        self.client, self.project, self.models = client, project, models
        self.seen: list[str] = []

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.client.call_tool(tool, {"working_directory": str(self.project), **arguments})
        self.seen.append(result.model_dump_json())
        return result.structured_content or {}

    async def step(self, tool: str, number: int, **arguments: Any) -> dict[str, Any]:
        step = {"step": "look", "findings": "looked", "next_step_required": True, "step_number": number, **arguments}
        return await self.call(tool, **step)


async def worked(doors: Doors, name: str, text: str) -> list[str]:
    """Send the secret as a careless agent would, through every tool that takes it; return the ids of the threads."""
    lines = [line for line in text.splitlines() if line.strip()]
    evidence = [{"file": name, "quote": text.strip(), "supports": "hypothesis"}, {"file": name, "quote": lines[-1]}]
    near = {"file": name, "quote": lines[-1][: len(lines[-1]) // 3] + " and something else"}
    said = {"findings": f"It says:\n{text}", "hypothesis": f"the value is {text}", "relevant_files": [name]}
    ids: list[str] = []
    for tool in ("debug", "secaudit", "precommit"):
        first = await doors.step(tool, 1, **said)
        ids.append(first["continuation_id"])
        issue = [{"severity": "high", "description": f"leaks {text}", "file": name, "line": 1}]
        more = {"evidence": [*evidence, near], "issues_found": issue, "confidence": "high"}
        await doors.step(tool, 2, continuation_id=ids[-1], **said, **more)
        await doors.step(tool, 3, continuation_id=ids[-1], **said, next_step_required=False)
    chat = await doors.call("chat", prompt=f"Is this bad?\n{text}", files=[name], continuation_id=ids[0])
    ids.append(chat["continuation_id"])
    models = [{"model": "wise-1", "stance": "for"}, {"model": "quick-1", "stance": "against"}]
    await doors.step("consensus", 1, **said, models=models)
    return ids


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", KINDS)
async def test_a_secret_comes_out_of_no_door(tmp_path: Path, kind: str) -> None:
    name, text = KINDS[kind]
    project, models, home = make_project(tmp_path / "shop"), ScriptedModels(), tmp_path / "home"
    committed(project)
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text(text)
    async with local_server(home, models) as local, Client(local.app) as client:
        doors = Doors(client, project, models)
        ids = await worked(doors, name, text)
        for thread_id in ids:
            thread = await local.runtime.queries.whole(thread_id, LOCAL)
            history = await local.runtime.queries.history(thread_id, LOCAL)
            doors.seen += [as_json(thread, history), as_markdown(thread, history), as_html(thread, history)]
    asked = [repr(request) for request in models.asked]
    assert {request.purpose for request in models.asked} >= {"chat"}
    stored = [path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file()]
    for door, texts in {"replies and exports": doors.seen, "models": asked, "store": stored}.items():
        for secret in (VALUE, BODY):
            assert not [one[max(0, one.find(secret) - 200) : one.find(secret)] for one in texts if secret in one], door
