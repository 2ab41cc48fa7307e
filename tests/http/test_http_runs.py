"""Runs over HTTP: started, listed, shown, steered and taken away, with errors that say what to send."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from run_server import JSON, RunClient, scripted_home, talking

from tests.support.http_server import TOKENS_SETTING, HttpServer, bearer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    home = tmp_path_factory.mktemp("runs")
    with HttpServer(home, STEPWARDEN_TOKENS=TOKENS_SETTING, **scripted_home(home)) as served:
        yield served


async def test_a_run_is_started_waits_for_a_person_and_goes_on_by_the_words_that_it_names(server: HttpServer) -> None:
    async with talking(server) as ana:
        answer = await ana.http.post(
            ana.base, headers=ana.headers | JSON, json={"mode": "agent", "request": "note it, first"}
        )
        assert answer.status_code == 201
        run_id = answer.json()["run_id"]
        assert answer.headers["location"] == f"/api/runs/{run_id}"
        run = await ana.waiting(run_id)
        assert run["verdict"] == "WAITING for you: allow write notes/add_note"
        assert (run["by"], run["via"], run["limits"]["steps"], run["spent"]["steps"]) == ("ana", "http", 15, 1)
        [call] = run["waiting"]
        assert (call["tool"], call["kind"], call["arguments"]) == ("notes/add_note", "write", {"text": "hello"})
        listed = await ana.get(status="waiting")
        assert [row["run_id"] for row in listed["runs"]] == [run_id]
        assert listed["runs"][0]["needs_you"] is True
        health = (await ana.http.get(f"{server.base}/health")).json()
        assert health["runs"] == {"running": 0, "waiting": 1}
        assert health["driver"] == {"serves": True, "drives": 0}
        said = call["takes"][0] | {"id": "once", "seen": run["cursor"]}
        told = await ana.post(f"/{run_id}/commands", said)
        assert told["command"] == {"id": "once", "by": "ana"}
        done = await ana.ended(run_id)
        assert (done["status"], done["answer"], done["waiting"]) == ("completed", "It is noted.", [])
        again = await ana.post(f"/{run_id}/commands", said)
        assert again["cursor"] == done["cursor"]
        assert (server.state / "notes.txt").read_text().splitlines().count("hello") == 1


async def test_the_same_request_twice_is_one_run(server: HttpServer) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("note it, twice")
        second = await ana.post("", {"mode": "agent", "request": "note it, twice"})
        assert second["run_id"] == run_id
        assert "no second run was started" in second["note"]
        await ana.waiting(run_id)
        await ana.post(f"/{run_id}/commands", {"action": "stop"})
        assert (await ana.ended(run_id))["status"] == "stopped"


async def test_a_command_on_an_old_cursor_is_refused_with_what_changed(server: HttpServer) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("note it, and again")
        seen = await ana.waiting(run_id)
        approve, refuse = seen["waiting"][0]["takes"]
        await ana.post(f"/{run_id}/commands", refuse | {"reason": "not now"})
        late = await ana.post(f"/{run_id}/commands", approve | {"seen": seen["cursor"]}, 409)
        assert late["error"].startswith("approve: nothing was done, since this changed after event")
        assert any("refuse by ana via http" in line for line in late["changed"])
        assert late["cursor"] > seen["cursor"]
        assert (await ana.ended(run_id))["answer"] == "Nothing was noted."
        ahead = await ana.post(f"/{run_id}/commands", {"action": "extend", "limits": {"steps": 1}, "seen": 9_999}, 409)
        assert "none of number 9999" in ahead["error"] or "completed" in ahead["error"]


async def test_two_who_extend_the_same_run_at_once_extend_it_once_where_they_say_what_they_saw(
    server: HttpServer,
) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("note it, at length")
        seen = (await ana.waiting(run_id))["cursor"]
        more = {"action": "extend", "limits": {"steps": 5}, "seen": seen}
        await ana.post(f"/{run_id}/commands", more)
        late = await ana.post(f"/{run_id}/commands", more, 409)
        assert "extend by ana" in late["changed"][0]
        assert (await ana.get(f"/{run_id}"))["limits"]["steps"] == 20
        await ana.post(f"/{run_id}/commands", {"action": "stop", "seen": seen})  # that is meant in any case


async def test_an_id_of_a_command_is_for_that_command_alone(server: HttpServer) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("note it, at rest")
        await ana.waiting(run_id)
        await ana.post(f"/{run_id}/commands", {"action": "pause", "id": "mine"})
        other = await ana.post(f"/{run_id}/commands", {"action": "stop", "id": "mine"}, 409)
        assert other["error"] == "id: mine was pause; give each command its own id."
        assert (await ana.get(f"/{run_id}"))["commands"] == ["approve", "refuse", "resume", "stop", "extend"]


async def test_a_list_is_filtered_and_goes_on_by_its_cursor(server: HttpServer) -> None:
    async with talking(server, "ben") as ben:
        made = [await ben.started(f"Count the Sheep, {number}") for number in range(5)]
        for run_id in made:
            await ben.ended(run_id)
        noted = await ben.started("note it for ben")
        await ben.waiting(noted)
        found, cursor = list[str](), None
        while True:
            page = await ben.get("", text="sheep", limit=2, **({"cursor": cursor} if cursor else {}))
            found += [row["run_id"] for row in page["runs"]]
            if (cursor := page["cursor"]) is None:
                break
        assert sorted(found) == sorted(made)
        assert [row["run_id"] for row in (await ben.get("", tool="notes/add_note"))["runs"]] == [noted]
        assert (await ben.get("", tool="notes/clear_notes"))["runs"] == []
        completed = await ben.get(status="completed", since="2020-01-01")
        assert {row["run_id"] for row in completed["runs"]} == set(made)
        assert (await ben.get("", since="2100-01-01T00:00:00Z"))["runs"] == []
        assert (await ben.get("", text="100%"))["runs"] == []


async def test_events_are_given_in_parts_and_an_export_says_the_same_in_every_form(server: HttpServer) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("Count the goats")
        last = (await ana.ended(run_id))["cursor"]
        events, after = list[dict[str, Any]](), 0
        while after < last:
            part = await ana.get(f"/{run_id}/events", after=after, limit=2)
            events, after = [*events, *part["events"]], part["cursor"]
        assert [event["seq"] for event in events] == list(range(1, last + 1))
        assert (events[0]["type"], events[-1]["type"]) == ("workflow_started", "workflow_completed")
        assert (await ana.get(f"/{run_id}/events", after=last))["events"] == []
        exported = await ana.text(f"/{run_id}/export")
        assert exported.headers["content-disposition"] == f'attachment; filename="{run_id}.json"'
        assert [row["payload"] for row in exported.json()["events"]] == [event["data"] for event in events]
        rows = list(csv.DictReader(io.StringIO((await ana.text(f"/{run_id}/export", format="csv")).text)))
        assert [json.loads(row["payload"]) for row in rows] == [event["data"] for event in events]
        for form, kind in (("markdown", "text/markdown"), ("html", "text/html")):
            page = await ana.text(f"/{run_id}/export", format=form)
            assert page.headers["content-type"].startswith(kind)
            assert "Count the goats" in page.text
        report = await ana.text(f"/{run_id}/report")
        assert report.text.startswith("# Run: Count the goats")
        page = await ana.text(f"/{run_id}/report", format="html")
        assert "default-src 'none'" in page.headers["content-security-policy"]


BAD_STARTS = [
    ({}, "request: is missing; send it"),
    ({"request": " "}, "request: is empty; send text"),
    ({"request": "x", "tool": ["a"]}, "tool is unknown here; did you mean tools?"),
    ({"request": "x", "limits": {"steps": 0}}, "limits.steps"),
    ({"request": "x", "approve": "never"}, "approve: send one of 'writes', 'all' or 'destructive'"),
    ({"request": "x", "stop": {"max_step": 3}}, "max_step"),
    ({"request": "x", "tools": ["notes/add_not"]}, "did you mean notes/add_note?"),
    ({"request": "x", "limits": {"dollars": 1}}, "price of scripted is not known"),
    ({"request": "x", "continuation_id": "debug-none"}, "no thread of yours"),
    ({"request": "x", "model": "gpt-none"}, "gpt-none"),
]


@pytest.mark.parametrize(("said", "told"), BAD_STARTS)
async def test_what_cannot_be_started_is_told_in_the_words_of_the_tool(
    server: HttpServer, said: dict[str, Any], told: str
) -> None:
    async with talking(server) as ana:
        assert told in (await ana.post("", said, 400))["error"]


async def test_bodies_that_are_no_small_json_object_are_refused(server: HttpServer) -> None:
    async with talking(server) as ana:
        for content, headers, status, told in (
            (b"{", JSON, 400, "The body is no JSON"),
            (b"[1]", JSON, 400, "The body is no JSON object"),
            (b"[" * 100_000, JSON, 400, "The body is no JSON"),
            (b'{"request": "x", "wait_s": NaN}', JSON, 400, "NaN is no number of JSON"),
            (b'{"request": "\xff"}', JSON, 400, "The body is no JSON"),
            (b'{"request": "x"}', {"Content-Type": "text/plain"}, 415, "application/json"),
            (b'{"request": "x"}', {}, 415, "application/json"),
            (b'{"request": "' + b"x" * 10_000_000 + b'"}', JSON, 413, "over the limit of 1024 KB"),
        ):
            answer = await ana.http.post(ana.base, headers=ana.headers | headers, content=content)
            assert answer.status_code == status, told
            assert told in answer.json()["error"]


BAD_QUERIES = [
    ("", {"limit": 0}, "limit: send 1 or more"),
    ("", {"limit": 101}, "limit: send 100 or less"),
    ("", {"status": "done"}, "status: send one of"),
    ("", {"cursor": "x"}, "cursor: send the cursor that a list gave, or none"),
    ("", {"since": "yesterday"}, "since"),
    ("", {"q": "x"}, "q is unknown here"),
    ("/any/events", {"after": -1}, "after: send 0 or more"),
    ("/any/events", {"limit": 501}, "limit: send 500 or less"),
    ("/any/stream", {"after": "x"}, "after: send a whole number"),
    ("/any/export", {"format": "pdf"}, "format: send one of"),
    ("/any/report", {"format": "csv"}, "format: send one of"),
]


@pytest.mark.parametrize(("path", "query", "told"), BAD_QUERIES)
async def test_a_query_that_is_none_is_told(server: HttpServer, path: str, query: dict[str, Any], told: str) -> None:
    async with talking(server) as ana:
        assert told in (await ana.get(path, 400, **query))["error"]


BAD_COMMANDS = [
    ({}, 400, "action: is missing; send it"),
    ({"action": "explode"}, 400, "action: send one of"),
    ({"action": "approve"}, 400, "approve: call, confirm is missing"),
    ({"action": "resolve", "call": "x"}, 400, "resolve: verdict is missing"),
    ({"action": "extend"}, 400, "extend: limits is missing"),
    ({"action": "stop", "seen": -1}, 400, "seen: send 0 or more"),
    ({"action": "pause", "id": ""}, 400, "id"),
    ({"action": "pause"}, 409, "pause: the run is completed."),
    ({"action": "approve", "call": "x", "confirm": "y"}, 409, "approve: the run is completed."),
    ({"action": "extend", "limits": {"steps": 1}}, 409, "extend: the run is completed."),
]


@pytest.mark.parametrize(("said", "status", "told"), BAD_COMMANDS)
async def test_a_command_that_cannot_be_carried_out_says_why(
    server: HttpServer, said: dict[str, Any], status: int, told: str
) -> None:
    async with talking(server) as ana:
        page = await ana.get("", text="Count the camels")
        run_id = page["runs"][0]["run_id"] if page["runs"] else await ana.started("Count the camels")
        await ana.ended(run_id)
        assert told in (await ana.post(f"/{run_id}/commands", said, status))["error"]


async def everything_about(client: RunClient, run_id: str, call: dict[str, Any]) -> list[tuple[int, str]]:
    """All that a principal can get out of the id of a run."""
    paths = [f"/{run_id}{path}" for path in ("", "/events", "/stream", "/export?format=html", "/report")]
    answers = [await client.text(path) for path in paths]
    words = [{"action": word} for word in ("pause", "resume", "stop")]
    more = [{"action": "extend", "limits": {"steps": 1}}, call, {"action": "refuse", "call": call["call"], "seen": 1}]
    for said in (*words, *more):
        url = f"{client.base}/{run_id}/commands"
        answers.append(await client.http.post(url, headers=client.headers | JSON, json=said))
    return [(answer.status_code, answer.text) for answer in answers]


async def test_another_principals_run_is_as_unknown_as_one_that_is_none(server: HttpServer) -> None:
    async with talking(server) as ana, talking(server, "ben") as ben:
        run_id = await ana.started("note it for me alone")
        before = await ana.waiting(run_id)
        call = before["waiting"][0]["takes"][0]
        theirs = await everything_about(ben, run_id, call)
        assert theirs == await everything_about(ben, f"run-{'a' * 26}", call)
        assert set(theirs) == {(404, '{"error":"no such run"}')}
        assert run_id not in str(await ben.get("", limit=100))
        assert (await ana.get(f"/{run_id}"))["cursor"] == before["cursor"]


async def test_another_principals_run_is_unknown_to_hosts_too(server: HttpServer) -> None:
    async with talking(server) as ana:
        run_id = await ana.started("note it for me alone, too")
        before = await ana.waiting(run_id)
        call = before["waiting"][0]["call"]
        async with server.client(headers=bearer("ben")) as ben:
            told = set[str]()
            for action in ("look", "wait", "approve", "refuse", "resolve", "pause", "resume", "stop", "extend"):
                said = {
                    "action": action,
                    "run_id": run_id,
                    "call": call,
                    "confirm": "x",
                    "verdict": "done",
                    "wait_s": 0,
                }
                reply = await ben.call_tool("run", said | {"limits": {"steps": 1}})
                assert reply.is_error
                told.add(reply.content[0].text.replace(run_id, "ID"))  # pyright: ignore
            assert told == {'run_id: no such run of yours: ID. run(action="list") shows them.'}
            listed = await ben.call_tool("run", {"action": "list"})
            assert run_id not in str(listed.structured_content)
            for uri in (f"stepwarden://runs/{run_id}", f"stepwarden://runs/{run_id}/report"):
                with pytest.raises(MCPError, match="no such run of yours"):
                    await ben.read_resource(uri)
            started = await ben.call_tool(
                "execute", {"mode": "agent", "request": "note it for me alone, too", "wait_s": 0}
            )
            assert run_id not in str(started.structured_content)  # the same words of another are another run
        assert (await ana.get(f"/{run_id}"))["cursor"] == before["cursor"]


async def test_what_is_no_route_is_told_as_json(server: HttpServer) -> None:
    async with talking(server) as ana:
        assert await ana.get("/a/b", 404) == {"error": "Not Found"}
        gone = await ana.http.delete(ana.base, headers=ana.headers)
        assert (gone.status_code, gone.json()) == (405, {"error": "Method Not Allowed"})


async def test_nobody_in_particular_is_shown_no_list_but_its_runs_by_their_ids(tmp_path: Path) -> None:
    with HttpServer(tmp_path, **scripted_home(tmp_path)) as open_server:
        async with talking(open_server, None) as anyone:
            run_id = await anyone.started("Count the geese")
            assert (await anyone.ended(run_id))["by"] == "anonymous"
            listed = await anyone.get()
            assert listed["runs"] == []
            assert "by a token only" in listed["note"]
