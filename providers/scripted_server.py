"""A script as an OpenAI-compatible endpoint on loopback: the real SDKs can be pointed at it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from providers.scripted import Script, ScriptedReply, completion, pieces_of, read_script

_BODY_BYTES = 64_000_000


class ScriptedServer:
    """The requests so far, with their headers, and how many callers left before they were answered."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.left_early = 0
        self.on_leaving: Callable[[], None] = lambda: None
        # The ends of the paths of OpenAI, GLM, Azure and the others are the same.
        self.app = Starlette(
            routes=[
                Route("/{prefix:path}/chat/completions", self._complete, methods=["POST"]),
                Route("/{prefix:path}/models", self._models, methods=["GET"]),
            ]
        )

    async def _models(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        listed = [
            {
                "id": name,
                "object": "model",
                "context_length": model.context,
                "capabilities": {"function_calling": model.tools},
            }
            for name, model in self.script.models.items()
        ]
        return JSONResponse({"object": "list", "data": listed})

    async def _complete(self, request: Request) -> Response:
        body = await self._read(request)
        if body is None:
            return JSONResponse({"error": {"message": "send a JSON object"}}, 400)
        prompt = "\n".join(_text(message.get("content")) for message in body.get("messages", []))
        model = self.script.models.get(str(body.get("model")))
        if model is not None and not model.tools and body.get("tools"):
            return JSONResponse({"error": {"message": f"{body['model']} does not support tools"}}, 400)
        answering = asyncio.ensure_future(self.script.answer(str(body.get("model")), prompt, body))
        leaving = asyncio.ensure_future(_gone(request))
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not answering.done():
            answering.cancel()
            self.left_early += 1
            self.on_leaving()
            return Response(status_code=499)
        return self._response(answering.result(), body)

    async def _read(self, request: Request) -> dict[str, Any] | None:
        self.headers.append(dict(request.headers))
        self.paths.append(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        content = await request.body()
        try:
            found: object = json.loads(content[:_BODY_BYTES])
        except ValueError:
            return None
        if not isinstance(found, dict):
            return None
        body = cast("dict[str, Any]", found)
        self.bodies.append(body)
        return body

    def _response(self, reply: ScriptedReply, body: dict[str, Any]) -> Response:
        headers = {} if reply.retry_after_s is None else {"retry-after": f"{reply.retry_after_s:g}"}
        if reply.location:
            headers["location"] = reply.location
        if reply.body is not None:
            return Response(reply.body, reply.status, headers, media_type="application/json")
        if reply.status >= 400:
            error = {"message": reply.text, "code": reply.code or None, "type": "error"}
            return JSONResponse({"error": error}, reply.status, headers)
        whole = completion(reply, str(body.get("model")))
        if body.get("stream") and reply.chunks:
            lines = (f"data: {json.dumps(chunk)}\n\n" for chunk in reply.chunks)
            return Response("".join([*lines, "data: [DONE]\n\n"]), media_type="text/event-stream")
        if body.get("stream"):
            counted = "include_usage" in str(body.get("stream_options"))
            events = self._noted(self._events(reply, whole, counted=counted))
            return StreamingResponse(events, media_type="text/event-stream")
        return JSONResponse(whole)

    async def _noted(self, events: AsyncIterator[str]) -> AsyncIterator[str]:
        """Return the events, and note whether the caller left before the last."""
        ended = False
        try:
            async for event in events:
                yield event
            ended = True
        finally:
            if not ended:
                self.left_early += 1
                self.on_leaving()

    async def _events(self, reply: ScriptedReply, whole: dict[str, Any], *, counted: bool) -> AsyncIterator[str]:
        base = {"id": whole["id"], "object": "chat.completion.chunk", "created": 0, "model": whole["model"]}

        def event(choices: list[dict[str, Any]], **more: Any) -> str:
            return f"data: {json.dumps({**base, 'choices': choices, **more})}\n\n"

        calls = _call_deltas(whole["choices"][0]["message"].get("tool_calls", []))
        deltas = [{"content": piece} for piece in pieces_of(reply.content)] + [{"tool_calls": [call]} for call in calls]
        for number, delta in enumerate(deltas):
            if number == reply.cut_after:
                return
            yield event([{"index": 0, "delta": delta, "finish_reason": None}])
            await asyncio.sleep(reply.piece_s)
        yield event([{"index": 0, "delta": {}, "finish_reason": reply.finish_reason}])
        if counted and "usage" in whole:
            yield event([], usage=whole["usage"])
        yield "data: [DONE]\n\n"


def _call_deltas(calls: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Return calls in the pieces of a stream: first all but the arguments, then these."""
    for index, call in enumerate(calls):
        function = call["function"]
        yield {**call, "index": index, "function": {**function, "arguments": ""}}
        yield from ({"index": index, "function": {"arguments": part}} for part in pieces_of(function["arguments"]))


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = cast("list[dict[str, Any]]", content) if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts)


def serve_script(path: Path, host: str, port: int, ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve a script until interrupted; `ready` gets the base URL once it can be asked. Port 0 takes a free one.

    Raises SettingsError for a file that is not a script, OSError for an address that cannot be bound.
    """
    import uvicorn

    server = ScriptedServer(read_script(path))
    with socket.create_server((host, port)) as listener:
        ready(f"http://{host}:{listener.getsockname()[1]}/v1")
        config = uvicorn.Config(server.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])
