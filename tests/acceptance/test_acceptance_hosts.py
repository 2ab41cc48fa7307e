"""What others bring: the `mcp` command, and the official conformance suite against the server as it is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance_suite import passed_checks, run_scenario

from tests.support.http_server import HttpServer
from tests.support.processes import ROOT, environment

BIN = Path(sys.executable).parent
# Scenarios that need no fixtures of their own: they test a product as it is.
SCENARIOS = [
    *(
        ("2025-11-25", name)
        for name in (
            "server-initialize",
            "server-session-lifecycle",
            "ping",
            "tools-list",
            "tools-call-error",
            "resources-list",
            "prompts-list",
            "server-sse-multiple-streams",
            "dns-rebinding-protection",
        )
    ),
    *(
        ("2026-07-28", name)
        for name in (
            "caching",
            "http-header-validation",
            "sep-2164-resource-not-found",
            "input-required-result-ignore-extra-params",
            "input-required-result-unsupported-methods",
            "tools-list",
        )
    ),
]


def test_the_mcp_command_runs_the_server(tmp_path: Path) -> None:
    messages = [
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}},
    ]
    with subprocess.Popen(
        [str(BIN / "mcp"), "run", "server.py"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in messages:
            process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
    assert answers[0]["result"]["serverInfo"]["name"] == "stepwarden"
    assert "debug" in {tool["name"] for tool in answers[1]["result"]["tools"]}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with HttpServer(tmp_path_factory.mktemp("home")) as server:
        yield server.url


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("revision", "scenario"), SCENARIOS)
def test_the_conformance_suite_finds_nothing(suite: Path, address: str, revision: str, scenario: str) -> None:
    said = run_scenario(suite, address, scenario, "--spec-version", revision)
    assert passed_checks(said) > 0, said
