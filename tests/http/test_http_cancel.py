"""A call that is cancelled over HTTP stops what it asked of a model, and no late answer comes of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from tests.support.http_server import HttpServer

pytestmark = pytest.mark.asyncio

ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "thinker",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "An answer."}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
}


@dataclass
class SlowModel:
    """An OpenAI-compatible endpoint that thinks until it is let go, and notes when the asking side hangs up."""

    url: str = ""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    thinking: asyncio.Event = field(default_factory=asyncio.Event)
    bodies: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await self._head(reader):
            length = next((int(line[15:]) for line in head if line.startswith("content-length:")), 0)
            if "/chat/completions" in head[0]:
                self.bodies.append(json.loads(await reader.readexactly(length)))
                self.asked.set()
                await self._think(reader)
            if self.hung_up.is_set():
                break
            body = json.dumps(ANSWER if "/chat/" in head[0] else {"object": "list", "data": [{"id": "thinker"}]})
            lines = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            writer.write(lines.encode())
            await writer.drain()

    async def _head(self, reader: asyncio.StreamReader) -> list[str]:
        try:
            return (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return []

    async def _think(self, reader: asyncio.StreamReader) -> None:
        gone = asyncio.ensure_future(reader.read(1))
        let_go = asyncio.ensure_future(self.thinking.wait())
        await asyncio.wait([gone, let_go], return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            self.hung_up.set()
        for task in (gone, let_go):
            task.cancel()
        await asyncio.gather(gone, let_go, return_exceptions=True)


@asynccontextmanager
async def slow_model() -> AsyncIterator[SlowModel]:
    model = SlowModel()
    listening = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    model.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    try:
        yield model
    finally:
        model.thinking.set()
        listening.close()
        await listening.wait_closed()


async def chat(client: Client, prompt: str) -> Any:
    return (await client.call_tool("chat", {"prompt": prompt, "model": "thinker"})).structured_content


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_cancelling_a_chat_aborts_the_request_to_the_model(tmp_path: Path, mode: str) -> None:
    async with slow_model() as model:
        settings = {"CUSTOM_API_URL": model.url, "CUSTOM_API_KEY": "k", "CUSTOM_MODEL_NAME": "thinker"}
        with await asyncio.to_thread(HttpServer, tmp_path, **settings) as server:
            async with server.client(mode) as client:
                with anyio.CancelScope() as scope:
                    async with anyio.create_task_group() as group:
                        group.start_soon(chat, client, "Think about it")
                        await model.asked.wait()
                        scope.cancel()
                await model.hung_up.wait()  # and nobody has let it go
                assert not model.thinking.is_set()

                model.hung_up.clear()
                model.thinking.set()
                again = await chat(client, "Another question")
                assert again["answer"] == "An answer."
                listed = await client.call_tool("status", {})
                assert "Think about it" not in json.dumps(listed.structured_content)
                assert len(model.bodies) == 2
