"""The tool list as hosts load it, byte for byte: a change of it shows as a diff, and costs a budget.

`UPDATE_SNAPSHOTS=1 uv run pytest tests/snapshots` writes the files anew, and the schemas that the server lists.
"""

import json
import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from pydantic import Field

from server import build_server
from stepwarden.errors import SettingsError
from stepwarden.settings import load_settings
from tools.catalogue import NAMES, WORKFLOWS
from tools.challenge import ChallengeRequest
from tools.chat import ChatRequest
from tools.debug import DebugRequest
from tools.listmodels import ListModelsRequest
from tools.shared.run_request import ExecuteRequest, RunToolRequest
from tools.shared.schema import SHIPPED, compact_schema, listed_schema
from tools.status import StatusRequest
from tools.upstream.tool import UpstreamRequest
from tools.workflow.request import BaseWorkflowRequest

HERE = Path(__file__).parent
# Minified tools/list, which a host's model pays for in every turn: 1,780 bytes a workflow, 3,040 for all other tools.
BUDGET_BYTES = {"all": 1_780 * len(WORKFLOWS) + 6_030, "lean": 8_130}
FILES = {"all": "tools.json", "lean": "tools_lean.json"}


def app_with(tools: str, home: Path) -> MCPServer:
    return build_server(load_settings(home=home, tools=tools))


async def tool_list(app: MCPServer, mode: str = "auto") -> list[dict[str, Any]]:
    async with Client(app, mode=mode) as client:
        listed = await client.list_tools()
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]


@pytest.mark.asyncio
@pytest.mark.parametrize("tools", FILES)
async def test_the_tool_list_is_the_one_that_was_agreed_on(tools: str, tmp_path: Path) -> None:
    shown = json.dumps(await tool_list(app_with(tools, tmp_path)), indent=2, ensure_ascii=False) + "\n"
    snapshot = HERE / FILES[tools]
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(shown, "utf-8")
    assert snapshot.read_text("utf-8") == shown


@pytest.mark.asyncio
@pytest.mark.parametrize("tools", FILES)
async def test_hosts_of_either_era_load_the_same_list(tools: str, tmp_path: Path) -> None:
    app = app_with(tools, tmp_path)
    assert await tool_list(app, "auto") == await tool_list(app, "legacy")


@pytest.mark.asyncio
@pytest.mark.parametrize(("tools", "budget"), BUDGET_BYTES.items())
async def test_the_tool_list_keeps_its_budget(tools: str, budget: int, tmp_path: Path) -> None:
    minified = json.dumps({"tools": await tool_list(app_with(tools, tmp_path))}, separators=(",", ":"))
    assert len(minified.encode()) <= budget


@pytest.mark.asyncio
async def test_the_list_holds_what_every_host_can_take(tmp_path: Path) -> None:
    listed = await tool_list(app_with("all", tmp_path))
    names = [str(tool["name"]) for tool in listed]
    assert len(set(names)) == len(names)
    for tool in listed:
        assert re.fullmatch(r"[a-z0-9_]{1,40}", str(tool["name"]))
        assert tool["title"]
        assert tool["description"]
        shown = json.dumps(tool)
        for word in ("$ref", "$defs", "additionalProperties", "anyOf", "null"):
            assert word not in shown
        assert tool["inputSchema"]["type"] == "object"


@pytest.mark.asyncio
async def test_the_items_of_every_list_have_a_type_and_objects_their_fields(tmp_path: Path) -> None:
    def check(schema: Mapping[str, Any]) -> int:
        if schema["type"] == "array":
            return check(schema["items"])
        fields: Mapping[str, Any] = schema.get("properties", {})
        return 1 + sum(map(check, fields.values()))

    lists = 0
    for tool in await tool_list(app_with("all", tmp_path)):
        for field in tool["inputSchema"]["properties"].values():
            if field["type"] == "array":
                lists += 1
                assert check(field["items"]) > (field["items"]["type"] == "object")
    assert lists > 20


SAID = [
    ("second opinion", "consensus"),
    ("docstrings", "docgen"),
    ("document code", "docgen"),
    ("review", "codereview"),
    ("security", "secaudit"),
    ("tests", "testgen"),
    ("call", "tracer"),
    ("commit", "precommit"),
    ("bug", "debug"),
    ("plan", "planner"),
]
"""What users ask for, and the tool that a host's search has to find by it."""


@pytest.mark.asyncio
@pytest.mark.parametrize(("words", "tool"), SAID)
async def test_tool_search_finds_a_tool_by_the_words_of_users(words: str, tool: str, tmp_path: Path) -> None:
    found = {str(row["name"]): row for row in await tool_list(app_with("all", tmp_path))}[tool]
    first_sentence = str(found["description"]).partition(". ")[0]
    assert words in f"{found['title']}: {first_sentence}".lower()


@pytest.mark.asyncio
async def test_the_instructions_reach_hosts_of_either_era_uncut(tmp_path: Path) -> None:
    app = app_with("all", tmp_path)
    for mode in ("auto", "legacy"):
        async with Client(app, mode=mode) as client:
            instructions = client.instructions
        assert instructions
        assert len(instructions) < 2_000


@pytest.mark.asyncio
async def test_a_setting_serves_only_the_tools_it_names_with_their_slash_commands(tmp_path: Path) -> None:
    async with Client(app_with(" Planner ,status", tmp_path)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["planner", "status"]
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["planner"]


def test_a_tool_that_there_is_not_is_refused_with_the_one_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean codereview"):
        app_with("codereveiw", tmp_path)


def test_the_schemas_that_are_shipped_are_those_of_the_models() -> None:
    requests = {workflow.name: workflow.request for workflow in WORKFLOWS} | {
        "execute": ExecuteRequest,
        "run": RunToolRequest,
        "chat": ChatRequest,
        "challenge": ChallengeRequest,
        "listmodels": ListModelsRequest,
        "status": StatusRequest,
        "upstream": UpstreamRequest,
    }
    assert requests.keys() == {*NAMES, "upstream"}
    fresh = json.dumps({name: compact_schema(model) for name, model in requests.items()}, indent=1) + "\n"
    shipped = files("tools").joinpath(SHIPPED)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        Path(str(shipped)).write_text(fresh, "utf-8")
    assert shipped.read_text("utf-8") == fresh


def test_a_tool_without_a_shipped_schema_is_listed_by_its_model() -> None:
    class Fresh(BaseWorkflowRequest):
        """A tool that was just added."""

        depth: int = Field(default=1, description="How deep")

    assert listed_schema("fresh", Fresh)["properties"]["depth"] == {"type": "integer", "description": "How deep"}
    assert listed_schema("fresh", Fresh)["required"] == listed_schema("debug", DebugRequest)["required"]
