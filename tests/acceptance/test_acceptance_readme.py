"""The README's commands and samples are run: what it tells people to type works."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
RECURSIVE = {"uv run pytest"}  # running the tests from a test would never end; .ci/run runs this very command


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("#")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [line for line in lines if line and line not in RECURSIVE]


def test_the_readme_has_the_two_commands_that_do_everything() -> None:
    first = blocks("bash")[0]
    assert "uv run stepwarden demo" in first
    assert "uv run pytest" in first


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_works(command: str, tmp_path: Path) -> None:
    assert command.startswith("uv run ")
    words = shlex.split(command.removeprefix("uv run "))
    program = Path(sys.executable).with_name(words[0])
    done = subprocess.run(
        [str(program), *words[1:]],
        cwd=ROOT,
        env={**os.environ, "STEPWARDEN_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
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
