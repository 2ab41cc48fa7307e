"""A server with tokens: who gets in, and that principals see nothing of each other."""

import pytest
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.types import ResourceTemplateReference

from tests.support.calls import contents, said, step
from tests.support.http_server import ACCEPTING, OPENING, HttpServer, bearer, requests

pytestmark = pytest.mark.anyio

REPORT = "stepwarden://threads/{continuation_id}/report"
UNKNOWN = "debug-aaaaaaaaaaaaaaaaaaaaaaaaaa"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def opened_thread(client: Client) -> str:
    reply = await client.call_tool("debug", step())
    assert reply.structured_content
    return reply.structured_content["continuation_id"]


@pytest.mark.parametrize("route", ["/mcp", "/sse", "/messages/", "/messages/?session_id=0", "/nowhere"])
@pytest.mark.parametrize(
    ("given", "challenge"),
    [
        (None, 'Bearer realm="stepwarden"'),
        ("Bearer ana-0123456789abcdeg", 'Bearer realm="stepwarden", error="invalid_token"'),
        ("Bearer", 'Bearer realm="stepwarden", error="invalid_token"'),
        ("Basic ana-0123456789abcdef", 'Bearer realm="stepwarden", error="invalid_token"'),
    ],
)
async def test_nothing_is_open_without_a_right_token(
    guarded: HttpServer, route: str, given: str | None, challenge: str
) -> None:
    async with requests() as http:
        headers = ACCEPTING | ({"Authorization": given} if given else {})
        for method in ("GET", "POST"):
            answer = await http.request(method, guarded.base + route, headers=headers, json=OPENING)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge)


async def test_health_is_open_and_no_authorization_server_is_advertised(guarded: HttpServer) -> None:
    async with requests() as http:
        assert (await http.get(f"{guarded.base}/health")).status_code == 200
        for path in ("oauth-protected-resource", "oauth-protected-resource/mcp", "oauth-authorization-server"):
            assert (await http.get(f"{guarded.base}/.well-known/{path}")).status_code == 404


async def test_a_foreign_host_is_refused_before_its_token_is_looked_at(guarded: HttpServer) -> None:
    async with requests() as http:
        answer = await http.get(guarded.url, headers=bearer("ana") | {"Host": "evil.example"})
        assert answer.status_code == 421


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_principal_is_shown_its_own_threads(guarded: HttpServer, mode: str) -> None:
    async with guarded.client(mode, bearer("ana")) as ana, guarded.client(mode, bearer("ben")) as ben:
        thread = await opened_thread(ana)
        listed = [await client.call_tool("status", {}) for client in (ana, ben)]
        ids = [{row["continuation_id"] for row in found.structured_content["threads"]} for found in listed]
        assert thread in ids[0]
        assert thread not in ids[1]
        names = [[found.name for found in (await client.list_resources()).resources] for client in (ana, ben)]
        assert {thread, f"{thread}-report"} <= set(names[0])
        assert not any(thread in name for name in names[1])


async def test_status_shows_no_paths_of_the_server(guarded: HttpServer, anonymous: HttpServer) -> None:
    for server, headers in ((guarded, bearer("ben")), (anonymous, None)):
        async with server.client(headers=headers) as client:
            status = await client.call_tool("status", {})
        assert status.structured_content is not None
        configuration = status.structured_content["configuration"]
        assert configuration["store"] == "SQLite"
        assert str(server.state) not in said(status)
        assert "/" not in configuration["store"] + configuration["roots"]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_thread_of_another_principal_is_as_unknown_as_one_that_is_none(guarded: HttpServer, mode: str) -> None:
    async with guarded.client(mode, bearer("ana")) as ana:
        thread = await opened_thread(ana)
        resource = await ana.read_resource(REPORT.format(continuation_id=thread))
        assert "Step 1" in contents(resource)
    async with guarded.client(mode, bearer("ben")) as ben:
        answers = [await everything_about(ben, name) for name in (thread, UNKNOWN)]
        assert answers[0].replace(thread, UNKNOWN) == answers[1]
        reference = ResourceTemplateReference(type="ref/resource", uri=REPORT)
        completed = await ben.complete(reference, {"name": "continuation_id", "value": thread[:8]})
        assert thread not in completed.completion.values


async def everything_about(client: Client, thread: str) -> str:
    """All that a caller can get out of an id, as one text."""
    answers: list[str] = []
    for tool, arguments in (
        ("debug", step(2, thread)),
        ("debug", step(1, thread)),
        ("debug", step(2, thread, backtrack_from_step=1)),
        ("planner", step(2, thread)),
        ("status", {"continuation_id": thread}),
    ):
        reply = await client.call_tool(tool, arguments)
        assert reply.is_error
        answers.append(said(reply))
    for uri in ("stepwarden://threads/{}", "stepwarden://threads/{}/history", "stepwarden://threads/{}/report"):
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri.format(thread))
        answers.append(str(refused.value))
    return "\n".join(answers)


async def test_a_2025_session_answers_only_the_principal_that_opened_it(guarded: HttpServer) -> None:
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    async with requests() as http:
        opening = await http.post(guarded.url, headers=ACCEPTING | bearer("ana"), json=OPENING)
        session = ACCEPTING | {"Mcp-Session-Id": opening.headers["mcp-session-id"]}
        unknown = ACCEPTING | {"Mcp-Session-Id": "0" * 32}
        for method in ("POST", "GET", "DELETE"):
            theirs = await http.request(method, guarded.url, headers=session | bearer("ben"), json=listing)
            nobodys = await http.request(method, guarded.url, headers=unknown | bearer("ben"), json=listing)
            assert (theirs.status_code, theirs.text) == (nobodys.status_code, nobodys.text) == (404, theirs.text)
        own = await http.post(guarded.url, headers=session | bearer("ana"), json=listing)
        assert own.status_code == 200


async def test_an_sse_session_answers_only_the_principal_that_opened_it(guarded: HttpServer) -> None:
    sessions: list[str] = []
    stream = sse_client(f"{guarded.base}/sse", headers=bearer("ana"), on_session_created=sessions.append)
    async with Client(stream) as ana, requests() as http:
        answers = [
            await http.post(f"{guarded.base}/messages/?session_id={session}", headers=bearer("ben"), json=OPENING)
            for session in (sessions[0], "0" * 32)
        ]
        assert [(answer.status_code, answer.text) for answer in answers] == [(404, "Could not find session")] * 2
        assert await opened_thread(ana)
