"""A stdio MCP server that tells what it was given wherever it can: `python teller.py`. Needs no package."""

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

SETTING = "JIRA_PERSONAL"
HOW = ("result", "structured", "failed", "error", "progress", "ends")


def entry(value: str, **more: Any) -> dict[str, Any]:
    """Return the entry of the file of upstreams that starts it and gives it `value`, under a plain name."""
    program = str(Path(__file__).resolve())
    return {"command": sys.executable, "args": ["-I", "-S", program], "env": {SETTING: value}, **more}


def told() -> str:
    value = os.environ[SETTING]
    return f"{value} or {base64.b64encode(f'x:{value}'.encode()).decode()}"


def tools() -> list[dict[str, Any]]:
    how = {"type": "string", "enum": list(HOW), "description": f"As {told()}", "examples": [told()]}
    other = {"type": "string", "title": told(), "enum": [told()], "default": told()}
    schema = {"type": "object", "properties": {"how": how, "other": other}}
    described = {"title": told(), "description": f"Sign in by {told()}."}
    return [{"name": "tell", **described, "inputSchema": schema, "annotations": {"title": told()}}]


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def tell(number: object, params: dict[str, Any]) -> None:
    how, words = params["arguments"]["how"], f"I was given {told()}"
    if how == "ends":
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()
        os._exit(3)
    if how == "error":
        say({"id": number, "error": {"code": -32603, "message": words, "data": words}})
        return
    if how == "progress":
        token = params.get("_meta", {}).get("progressToken")
        say({"method": "notifications/progress", "params": {"progressToken": token, "progress": 1, "message": words}})
    result: dict[str, Any] = {"content": [{"type": "text", "text": words}], "isError": how == "failed"}
    if how == "structured":
        result["structuredContent"] = {"given": [{told(): told()}]}
    say({"id": number, "result": result})


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        method, number, params = message.get("method"), message.get("id"), message.get("params") or {}
        if method == "initialize":
            capabilities, info = {"tools": {}}, {"name": "teller", "version": told()}
            version = params["protocolVersion"]
            say(
                {"id": number, "result": {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}}
            )
        elif method == "tools/list":
            say({"id": number, "result": {"tools": tools()}})
        elif method == "tools/call":
            tell(number, params)
        elif number is not None:
            say({"id": number, "error": {"code": -32601, "message": f"Method not found: {method}"}})


if __name__ == "__main__":
    main()
