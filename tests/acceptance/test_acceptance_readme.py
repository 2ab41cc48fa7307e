"""The README's commands and samples are run: what it tells people to type works."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import ROOT, SCRIPT, environment, run

README = (ROOT / "README.md").read_text("utf-8")
RECURSIVE = {"uv run pytest"}  # running the tests from a test would never end; .ci/run runs this very command
DEMO = "uv run stepwarden demo"
DEMOS = {DEMO, f"{DEMO} run"}  # tests/cli runs them each time, on a narrow terminal, and looks at it all


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[Any]:
    lines = [line.split("#")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [
        pytest.param(line, marks=pytest.mark.slow if line in DEMOS else ())
        for line in lines
        if line and line not in RECURSIVE
    ]


def test_the_readme_has_the_two_commands_that_do_everything() -> None:
    first = blocks("bash")[0]
    assert DEMO in first
    assert "uv run pytest" in first


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_works(command: str, tmp_path: Path) -> None:
    assert command.startswith("uv run ")
    program, *arguments = shlex.split(command.removeprefix("uv run "))
    done = run([str(SCRIPT.with_name(program)), *arguments], environment(tmp_path / "home"), ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("snippet", blocks("json"))
def test_a_snippet_for_a_host_is_json_that_starts_the_server(snippet: str) -> None:
    servers = next(iter(json.loads(snippet).values()))
    assert servers["stepwarden"]["args"][-2:] == ["stepwarden", "serve"]


def test_every_link_of_the_readme_leads_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_every_link_of_the_docs_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
