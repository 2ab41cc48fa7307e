"""An HTTP server whose runs are carried out by a scripted model with the notes as its upstream."""

import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2

from tests.support.http_server import HttpServer, bearer, requests

NOTES_SERVER = Path(__file__).parents[1] / "agents" / "notes_server.py"
JSON = {"Content-Type": "application/json"}
ALWAYS: dict[str, Any] = {"times": None}
NOTE = {"name": "notes/add_note", "arguments": {"text": "hello"}}
SLOW_S = 0.3
REPLIES: list[dict[str, Any]] = [
    {"when": "refused this call", "text": "Nothing was noted.", **ALWAYS},
    {"when": "added hello", "text": "It is noted.", **ALWAYS},
    {"when": "note it", "calls": [NOTE], **ALWAYS},
    *(
        {"when": f"slowly {number}", "calls": [{"name": "update_state", "arguments": {"data": {"at": number}}}], **more}
        for number in range(9)
        for more in [{"times": 4, "latency_s": SLOW_S}]
    ),
    {"text": "42", **ALWAYS},
]


def scripted_home(home: Path, replies: list[dict[str, Any]] | None = None) -> dict[str, str]:
    """Let `home` have the notes and a script, and return the variables that name it."""
    home.mkdir(exist_ok=True)
    entry = {"command": sys.executable, "args": [str(NOTES_SERVER), str(home / "notes.txt")]}
    (home / "upstreams.json").write_text(json.dumps({"upstreams": {"notes": entry}}))
    (home / "script.json").write_text(json.dumps({"replies": replies or REPLIES}))
    return {"STEPWARDEN_SCRIPTED": str(home / "script.json")}


class RunClient:
    """One principal's view of the API; `name` None is nobody in particular."""

    def __init__(self, server: HttpServer, http: httpx2.AsyncClient, name: str | None = "ana") -> None:
        self.http = http
        self.base = f"{server.base}/api/runs"
        self.headers = bearer(name) if name else {}

    async def get(self, path: str = "", expected: int = 200, **query: Any) -> dict[str, Any]:
        answer = await self.http.get(f"{self.base}{path}", headers=self.headers, params=query)
        assert answer.status_code == expected, answer.text
        return answer.json()

    async def text(self, path: str, **query: Any) -> httpx2.Response:
        return await self.http.get(f"{self.base}{path}", headers=self.headers, params=query)

    async def post(self, path: str, said: dict[str, Any], status: int = 200) -> dict[str, Any]:
        answer = await self.http.post(f"{self.base}{path}", headers=self.headers | JSON, json=said)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def started(self, request: str, **more: Any) -> str:
        return (await self.post("", {"mode": "agent", "request": request, **more}, 201))["run_id"]

    async def until(self, run_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not holds(found := await self.get(f"/{run_id}")):
            await anyio.sleep(0.05)
        return found

    async def ended(self, run_id: str) -> dict[str, Any]:
        return await self.until(run_id, lambda run: run["status"] in {"completed", "failed", "stopped"})

    async def waiting(self, run_id: str) -> dict[str, Any]:
        return await self.until(run_id, lambda run: run["needs_you"] and not run["driver"])

    @asynccontextmanager
    async def stream(self, run_id: str, last: int | None = None, **query: Any) -> AsyncGenerator[AsyncIterator[Any]]:
        more = {} if last is None else {"Last-Event-ID": str(last)}
        request = self.http.stream("GET", f"{self.base}/{run_id}/stream", headers=self.headers | more, params=query)
        async with request as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield messages(answer)


async def messages(answer: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """Yield each message of a stream of events: its id, its name, and its data read as JSON."""
    message: dict[str, Any] = {}
    async for line in answer.aiter_lines():
        if not line and "data" in message:
            yield message
        if not line:
            message = {}
            continue
        field, _, value = line.partition(":")
        if field == "data":
            message[field] = json.loads(value.strip())
        elif field in {"id", "event"}:
            message[field] = value.strip()


@asynccontextmanager
async def talking(server: HttpServer, name: str | None = "ana") -> AsyncGenerator[RunClient]:
    async with requests(limits=httpx2.Limits(max_connections=None)) as http:
        yield RunClient(server, http, name)
