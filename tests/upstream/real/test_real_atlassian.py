"""mcp-atlassian, the open-source server, over a Jira and Confluence of our own, reached through our client."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from jira import Atlassian, atlassian
from recorded import called, text_of, upstreams

from stepwarden.errors import UpstreamRefused
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.calls.recorded_call import RecordedCalls
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.tool_index import ToolIndex
from tests.support.call_records import Records

PACKAGE = "mcp-atlassian==0.23.1"
JIRA: dict[str, Any] = {"name": "jira", "connect_timeout_s": 300}
NO_AUTH = {"type": "none"}
pytestmark = [pytest.mark.slow, pytest.mark.asyncio, pytest.mark.timeout(400)]


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the server into a place of its own: it must not touch what the project locks."""
    from filelock import FileLock

    uv = shutil.which("uv")
    if uv is None:
        pytest.skip(f"uv is not on this machine, and {PACKAGE} has to be installed apart")
    base = tmp_path_factory.getbasetemp()
    folder = (base if os.environ.get("PYTEST_XDIST_WORKER") is None else base.parent) / "atlassian"
    with FileLock(f"{folder}.lock"):
        if not (folder / "bin" / "mcp-atlassian").exists():
            python = str(folder / "bin" / "python")
            for step in (
                ["venv", "-q", "-p", sys.executable, str(folder)],
                ["pip", "install", "-q", "-p", python, PACKAGE],
            ):
                done = subprocess.run([uv, *step], timeout=300, capture_output=True, text=True, check=False)
                if done.returncode:
                    pytest.skip(f"{PACKAGE} could not be installed: {done.stderr[-300:]}")
    return folder / "bin" / "mcp-atlassian"


@pytest.fixture
def site() -> Iterator[Atlassian]:
    with atlassian() as found:
        yield found


@asynccontextmanager
async def over_http(command: Path, site: Atlassian) -> AsyncGenerator[str]:
    """Run it as a server on a port, without callers' tokens; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--transport", "streamable-http", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, **site.environment(), "ALLOW_GLOBAL_CRED_FALLBACK": "true"}
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        str(command), *arguments, env=environment, stdout=quiet, stderr=quiet
    )
    ended = asyncio.create_task(process.wait())
    try:
        while not await listens(port):
            await asyncio.wait({ended}, timeout=0.1)
            assert not ended.done(), "it ended instead of serving"
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        await ended


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def tour(found: Upstreams, site: Atlassian) -> None:
    """Search, read, create, and search the wiki, as an agent would."""
    records = Records()
    issues = json.loads(text_of(await called(found, "jira/jira_search", records, jql='text ~ "login"')))
    assert [issue["key"] for issue in issues["issues"]] == ["WARD-1"]
    issue = json.loads(text_of(await called(found, "jira/jira_get_issue", records, issue_key="WARD-1")))
    assert issue["summary"] == "Login fails on Fridays"
    create = {"project_key": "WARD", "summary": "Write it down", "issue_type": "Task"}
    prepared = await prepare_call(ToolIndex(found), "jira/jira_create_issue", create)
    assert prepared.needs_approval
    assert "WARD-3" not in site.issues
    await RecordedCalls(records, "ana", "confirmed").make(prepared)
    assert site.issues["WARD-3"]["fields"]["summary"] == "Write it down"
    pages = json.loads(text_of(await called(found, "jira/confluence_search", records, query="runbook")))
    assert [page["title"] for page in pages] == ["Runbook"]
    told = [(one.tool, one.phase, one.outcome) for one in records.kept]
    assert told == [
        ("jira_search", "ended", "ok"),
        ("jira_get_issue", "ended", "ok"),
        ("jira_create_issue", "intended", ""),
        ("jira_create_issue", "ended", "ok"),
        ("confluence_search", "ended", "ok"),
    ]
    missing = await called(found, "jira/jira_get_issue", records, issue_key="WARD-99")
    assert missing.answer.is_error  # pyright: ignore
    assert "WARD-99 not found" in text_of(missing)
    assert records.kept[-1].outcome == "error"
    assert all(site.token not in str(one) for one in records.kept)


async def test_an_agents_tour_over_pipes(command: Path, site: Atlassian, tmp_path: Path) -> None:
    entry = {**JIRA, "command": str(command), "env": site.environment()}
    async with upstreams(entry, tmp_path) as found:
        await tour(found, site)
        standing = found.server("jira").state
    assert (standing.state, standing.protocol) == ("up", "2025-11-25")


async def test_an_agents_tour_over_http(command: Path, site: Atlassian, tmp_path: Path) -> None:
    async with over_http(command, site) as url, upstreams({**JIRA, "url": url, "auth": NO_AUTH}, tmp_path) as found:
        await tour(found, site)
        assert found.server("jira").state.state == "up"


async def test_its_tools_are_found_checked_and_remembered(command: Path, site: Atlassian, tmp_path: Path) -> None:
    entry = {**JIRA, "command": str(command), "env": site.environment()}
    async with upstreams(entry, tmp_path) as found:
        assert await ToolIndex(found).list_unlisted(timeout_s=600) == {}
        server = found.server("jira")
        assert len(server.registry.tools) == 98
        assert not server.registry.unusable
        for words, tool in (
            ("search issues by jql", "jira_search"),
            ("create an issue", "jira_create_issue"),
            ("search confluence pages", "confluence_search"),
            ("add a comment to an issue", "jira_add_comment"),
            ("log work on a ticket", "jira_add_worklog"),
            ("move issue to another status", "jira_transition_issue"),
        ):
            names = [hit.tool.name for hit in ToolIndex(found).search(words)]
            assert tool in names, (words, names)
        for name in server.registry.tools:
            server.registry.checkers.arguments_of(server.registry.listed(name))
        with pytest.raises(UpstreamRefused, match="issue_key"):
            await prepare_call(ToolIndex(found), "jira/jira_get_issue", {"key": "WARD-1"})
        with pytest.raises(UpstreamRefused, match="did you mean issue_type"):
            await prepare_call(
                ToolIndex(found), "jira/jira_create_issue", {"project_key": "WARD", "summary": "x", "issue_typ": "Task"}
            )
        with pytest.raises(UpstreamRefused, match="limit: send a whole number"):
            await prepare_call(ToolIndex(found), "jira/jira_search", {"jql": "text ~ x", "limit": "many"})
    async with upstreams(entry, tmp_path) as found:  # a restart: the list is there without the server
        assert len(found.server("jira").registry.tools) == 98
        assert found.server("jira").state.state == "idle"


async def test_null_for_an_argument_that_may_be_left_out_is_taken(
    command: Path, site: Atlassian, tmp_path: Path
) -> None:
    entry = {**JIRA, "command": str(command), "env": site.environment()}
    async with upstreams(entry, tmp_path) as found:
        got = await called(found, "jira/jira_search", jql='text ~ "login"', projects_filter=None, expand=None)
        assert "WARD-1" in text_of(got)


async def test_several_calls_at_once_are_answered_each_with_its_own(
    command: Path, site: Atlassian, tmp_path: Path
) -> None:
    entry = {**JIRA, "command": str(command), "env": site.environment()}
    async with upstreams(entry, tmp_path) as found:
        keys = ["WARD-1", "WARD-2"] * 5
        answers = await asyncio.gather(*(called(found, "jira/jira_get_issue", issue_key=key) for key in keys))
    assert [json.loads(text_of(answer))["key"] for answer in answers] == keys
