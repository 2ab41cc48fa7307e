"""`listmodels`: what can be asked, what `auto` picks, what to set."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.types import TextContent

from server import build_server
from stepwarden.models import ModelInfo, Models
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from tests.support.models import NO_MODEL, QUICK, WISE, ScriptedModels
from tools.listmodels import BRIEF_BYTES, WHOLE_BYTES, listmodels_tool

pytestmark = pytest.mark.asyncio


async def listed(models: Models, **arguments: Any) -> tuple[bool, str]:
    async with Client(MCPServer("models only", tools=[listmodels_tool(models)])) as client:
        result = await client.call_tool("listmodels", arguments)
    assert isinstance(result.content[0], TextContent)
    return bool(result.is_error), result.content[0].text


async def test_all_that_is_usable_is_listed_with_what_auto_picks_and_what_to_set() -> None:
    is_error, text = await listed(ScriptedModels())
    assert not is_error
    assert text == (
        "auto, deep: wise-1, first for deep\n"
        "auto, balanced: wise-1, first for balanced\n"
        "auto, fast: quick-1, first for fast\n"
        "Models (aliases, context, most output, $ a million tokens in/out, sees images):\n"
        "acme: wise-1 (wise, 200k, 8k out), quick-1 (quick, 32k, 4k out)\n"
        "zeta: eye-1 (1M, 8k out, sees)\n"
        "Not usable: nova: set NOVA_API_KEY"
    )


async def test_with_nothing_configured_one_line_says_what_to_set() -> None:
    assert await listed(ScriptedModels(infos=())) == (False, f"auto: {NO_MODEL}")


async def test_the_only_model_is_told_once_and_the_rest_is_still_named(tmp_path: Path) -> None:
    own = {"custom_api_url": "http://127.0.0.1:9/v1", "custom_model_name": "own"}
    runtime = build_runtime(load_settings(home=tmp_path, **own))
    _, text = await listed(runtime.models)
    await runtime.close()
    assert text.startswith("auto: own, ")
    assert "openai: set OPENAI_API_KEY" in text


async def test_long_lists_are_cut_with_a_count_and_one_provider_is_shown_whole() -> None:
    many = [ModelInfo(f"model-{number}", f"maker{number % 4}", ("alias",), "", 128_000) for number in range(400)]
    models = ScriptedModels(infos=(WISE, QUICK, *many))
    _, text = await listed(models)
    assert len(text.encode()) <= BRIEF_BYTES
    for number in range(4):
        row = next(line for line in text.splitlines() if line.startswith(f"maker{number}: "))
        assert row.count("model-") + int(row.split()[-2]) == 100
    _, whole = await listed(models, provider=" Maker1 ")
    assert whole.count("model-") == 100
    assert len(whole.encode()) <= WHOLE_BYTES


async def test_a_provider_that_cannot_be_used_or_is_not_there_is_told() -> None:
    assert (await listed(ScriptedModels(), provider="nova"))[1] == "nova cannot be used now: set NOVA_API_KEY"
    assert "no such provider" in (await listed(ScriptedModels(), provider="acmee"))[1]
    assert (await listed(ScriptedModels(), provider=7)) == (True, "Not recorded. provider: send text")
    assert (await listed(ScriptedModels(), vendor="acme"))[0]


async def test_a_typical_set_up_is_told_in_1500_bytes(tmp_path: Path) -> None:
    for keys in ({}, {"openai_api_key": "sk-planted"}, {"openai_api_key": "sk-planted", "zhipuai_api_key": "planted"}):
        runtime = build_runtime(load_settings(home=tmp_path, **keys))
        async with Client(build_server(runtime.settings, runtime)) as client:
            result = await client.call_tool("listmodels", {})
        await runtime.close()
        assert isinstance(result.content[0], TextContent)
        text = result.content[0].text
        assert len(text.encode()) <= BRIEF_BYTES
        assert "planted" not in text
        assert "ANTHROPIC_API_KEY" in text
        assert ("gpt-" in text) == bool(keys)


async def test_whose_key_is_used_and_whose_is_not_is_told_with_the_prices(tmp_path: Path) -> None:
    runtime = build_runtime(load_settings(home=tmp_path, openai_api_key="sk-planted"))
    _, text = await listed(runtime.models)
    await runtime.close()
    assert text.startswith("auto, deep: gpt-6.1-sol, first choice for deep, by OPENAI_API_KEY\n")
    assert "gpt-6.1-sol (sol, gpt, 1.05M, 128k out, $2/$10, sees)" in text
    keys = {"openai_api_key": "sk-planted", "gemini_api_key": "your-key-here"}
    own = {"custom_api_url": "http://127.0.0.1:9/v1", "custom_model_name": "own"}
    runtime = build_runtime(load_settings(home=tmp_path, **keys, **own))
    _, text = await listed(runtime.models)
    _, alone = await listed(runtime.models, provider="openai")
    await runtime.close()
    not_used = "OPENAI_API_KEY is not used, since CUSTOM_API_URL is set: add openai to STEPWARDEN_PROVIDERS to use it"
    assert text.startswith("auto: own, set by CUSTOM_MODEL_NAME, at CUSTOM_API_URL\n")
    assert f"openai: {not_used}" in text
    assert alone == f"openai cannot be used now: {not_used}"
    assert "gpt-" not in text
