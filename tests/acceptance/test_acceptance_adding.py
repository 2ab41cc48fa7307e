"""A tool, an inspection, a provider, a preset and a language are added to a copy, by CONTRIBUTING.md alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.contributing import commands, copied, sections
from tests.support.processes import ROOT

TOUCHED = (  # by an addition, and quick; the snapshots are checked where they are renewed
    "tests/prompts",
    "tests/tools/test_listmodels.py",
    "tests/source/test_outline_arduino.py",
)
ADDED = """
import asyncio, json, pathlib, sys
from mcp import Client
from server import build_server
from stepwarden.models import ModelTier
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from stepwarden.upstream.config import UpstreamConfig

home = pathlib.Path(sys.argv[1])
shop = home / "shop"
shop.mkdir(parents=True)
(shop / "cart.py").write_text("x = " + "1 + " * 40 + "1\\n")

async def main():
    settings = load_settings(home=home / "state", groq_api_key="k")
    runtime = build_runtime(settings)
    said = {"step": "Lint the cart", "step_number": 1, "next_step_required": True, "working_directory": str(shop)}
    async with Client(build_server(settings, runtime)) as client:
        reply = await client.call_tool("lint", {**said, "relevant_files": ["cart.py"], "style_guide": "ours"})
        thread = (await client.call_tool("lint", said)).structured_content["continuation_id"]
        ending = {**said, "step": "It is fine", "step_number": 2, "next_step_required": False}
        held = await client.call_tool("lint", {**ending, "continuation_id": thread})
        command = await client.get_prompt("lint", {"task": "the cart"})
        listed = (await client.call_tool("listmodels", {"provider": "groq"})).content[0].text
    choice = runtime.models.choose("groq/llama-3.3-70b", ModelTier.FAST)
    await runtime.close()
    preset = UpstreamConfig.model_validate({"name": "linear", "preset": "linear"})
    print(json.dumps({
        "status": reply.structured_content["status"],
        "facts": reply.structured_content["facts"],
        "open": held.structured_content["assessment"]["open"],
        "actions": reply.structured_content["required_actions"],
        "command": command.messages[0].content.text.splitlines()[0],
        "provider": choice.info.provider,
        "why": choice.why,
        "preset": preset.url,
    }))

asyncio.run(main())
"""


def run(clone: Path, *command: str, **more: str) -> str:
    """Run a program in the copy, with the copy's packages before all others."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STEPWARDEN_", "PYTEST_", "COVERAGE_"))
    }
    ended = subprocess.run(
        command,
        cwd=clone,
        env={**environment, "PYTHONPATH": str(clone), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-6_000:] + ended.stderr[-6_000:]
    return ended.stdout


def renew(clone: Path, line: str) -> None:
    """Run a command that the page tells people to run, such as `UPDATE_SNAPSHOTS=1 uv run pytest tests/snapshots`."""
    variables, _, words = line.partition(" uv run ")
    program, *arguments = words.split()
    assert program == "pytest"
    run(clone, sys.executable, "-m", "pytest", "-n", "0", *arguments, **dict([variables.split("=")]))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with everything added that the page shows, and the snapshots renewed that it tells to renew."""
    found = copied(tmp_path_factory.mktemp("newcomer"))
    for what, changes in sections().items():
        assert changes, f"the section on adding a {what} has no block to apply"
        for change in changes:
            change.apply(found)
        for line in commands(what):
            renew(found, line)
    return found


def test_the_page_shows_all_that_can_be_added() -> None:
    assert set(sections()) == {"workflow tool", "inspection", "provider", "upstream preset", "language"}
    tool = sections()["workflow tool"]
    assert [change.path for change in tool if change.whole] == ["tools/lint.py", "prompts/lint.md"]
    assert {change.path for change in tool if not change.whole} == {"tools/catalogue.py"}
    assert len(sections()["provider"]) == 1


@pytest.mark.timeout(300)
def test_what_was_added_by_the_page_works(clone: Path, tmp_path: Path) -> None:
    found = json.loads(run(clone, sys.executable, "-W", "error", "-c", ADDED, str(tmp_path)))
    assert found["status"] == "pause_for_lint"
    assert found["facts"] == ["F1 Over 120 characters: cart.py:1"]
    assert "files_checked: what you linted" in found["open"]
    assert found["actions"]
    assert found["command"] == "Use the lint tool of stepwarden for this task:"
    assert (found["provider"], found["why"]) == ("groq", "named with its provider, by GROQ_API_KEY")
    assert found["preset"] == "https://mcp.linear.app/mcp"


@pytest.mark.timeout(600)
def test_the_tests_that_an_addition_can_touch_stay_green(clone: Path) -> None:
    run(clone, sys.executable, "-m", "pytest", "-n", "0", *TOUCHED)


@pytest.mark.exhaustive
@pytest.mark.timeout(3_600)
def test_everything_stays_green_after_the_additions(clone: Path) -> None:
    for command in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["basedpyright", "--pythonpath", sys.executable],
        ["lint-imports"],
    ):
        run(clone, str(Path(sys.executable).with_name(command[0])), *command[1:])
    run(clone, sys.executable, "-m", "pytest", "--deselect", "tests/acceptance/test_acceptance_adding.py")


def test_nothing_of_the_page_is_in_the_repository_itself() -> None:
    """Else a change would be one of nothing, and the tests above would hold without it."""
    for changes in sections().values():
        for change in changes:
            assert not change.whole or not (ROOT / change.path).exists()
