"""The samples in README and docs: each is read by the code that it is for."""

import ast
import json
import os
import re
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer  # noqa: TID253 - a test may be slow to start
from mcp.shared.auth import OAuthClientMetadata

from providers.scripted import ScriptFile
from stepwarden.cli.commands import app
from stepwarden.runs.stop_conditions import leaves
from stepwarden.runs.stop_notation import parse_condition
from stepwarden.upstream.config_file import load_upstreams
from tools.catalogue import WORKFLOWS
from tools.upstream.request import UpstreamRequest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
REQUESTS = {workflow.name: workflow.request for workflow in WORKFLOWS} | {"upstream": UpstreamRequest}


def blocks() -> list[tuple[str, str]]:
    """Return every block of the pages, with the page's name."""
    fence = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
    return [(page.name, text) for page in PAGES for text in fence.findall(page.read_text("utf-8"))]


def lines(beginning: str) -> list[tuple[str, str]]:
    found = [(page, line.strip()) for page, text in blocks() for line in text.splitlines()]
    return [(page, line) for page, line in found if re.match(beginning, line)]


COMMANDS = lines(r"(uv run )?(\S+/)?stepwarden [a-z-]")
CALLS = lines(rf"({'|'.join(REQUESTS)})\(")
OBJECTS = [(page, json.JSONDecoder().raw_decode(text)[0]) for page, text in blocks() if text.startswith("{")]
WORDS = {"true": "True", "false": "False", "null": "None"}


def test_there_are_samples_of_each_kind() -> None:
    assert len(COMMANDS) > 10
    assert len(CALLS) > 5
    assert {"README.md", "upstream.md", "signing-in.md"} <= {page for page, _ in OBJECTS}


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_and_its_options_exist(page: str, line: str) -> None:
    words = shlex.split(line.partition(" #")[0].partition("&&")[0])
    arguments = words[next(at for at, word in enumerate(words) if word.endswith("stepwarden")) + 1 :]
    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "resolve_command") and not arguments[0].startswith("-"):
        context = command.make_context(command.name, arguments, parent=context)
        name, command, arguments = command.resolve_command(context, arguments)
        assert command is not None, f"{page}: there is no command {name}"
    if not hasattr(command, "resolve_command"):
        command.make_context(command.name, arguments, parent=context)  # raises for an option that there is not


@pytest.mark.parametrize(("page", "line"), CALLS)
def test_a_call_names_fields_that_the_tool_has(page: str, line: str) -> None:
    call = re.match(r"(\w+)\((?:[^()\"]|\"[^\"]*\")*\)", line)
    assert call, line
    written = re.sub(r"\b(true|false|null)\b", lambda word: WORDS[word[0]], call[0])
    tree = ast.parse(written.replace(", ...)", ")"), mode="eval").body
    assert isinstance(tree, ast.Call)
    named = {keyword.arg for keyword in tree.keywords}
    assert named - set(REQUESTS[call[1]].model_fields) == set(), page
    assert len(tree.args) == 0


@pytest.mark.parametrize(("page", "found"), OBJECTS)
def test_an_object_is_taken_by_what_reads_it(page: str, found: dict[str, Any], tmp_path: Path) -> None:
    if "upstreams" in found:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        (tmp_path / "upstreams.json").write_text(json.dumps(found))
        configs = load_upstreams(tmp_path / "upstreams.json", {"BUILDS_KEY": pem, "WIKI_SECRET": "0123456789abcdef"})
        assert [config.name for config in configs] == list(found["upstreams"])
    elif "redirect_uris" in found:
        metadata = OAuthClientMetadata.model_validate(found)
        assert [str(uri) for uri in metadata.redirect_uris or ()] == ["http://127.0.0.1/callback"]
    elif "replies" in found:
        assert [reply.text for reply in ScriptFile.model_validate(found).replies] == [
            "It is in a.py, line 3.",
            "I look.",
        ]
    elif page == "runs.md":
        assert {str(leaf) for leaf in leaves(parse_condition(found))} >= {"max_steps", "tool_seen mail/send"}
    else:  # the snippets of hosts, which test_acceptance_readme reads
        assert page == "README.md"
        assert next(iter(found.values()))["stepwarden"]["command"] == "uvx"


@pytest.mark.skipif(os.name != "posix", reason="the command is one of a POSIX shell")
def test_the_command_for_a_key_file_makes_a_private_one_that_is_long_enough(tmp_path: Path) -> None:
    [(_, line)] = lines(r"\(umask")
    file = tmp_path / "key"
    subprocess.run(line.replace("FILE", shlex.quote(str(file))), shell=True, check=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) >= 32
