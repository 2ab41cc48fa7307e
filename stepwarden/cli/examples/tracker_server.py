"""The example site as an MCP server over pipes: `python -m stepwarden.cli.examples.tracker_server FILE [LONGEST_S]`.

A change holds up to LONGEST_S seconds after it was asked for, and is answered then.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any, cast

from stepwarden.cli.examples.tracker import NotThere, SiteFile
from stepwarden.cli.examples.tracker_tools import TOOLS, SiteTool

_TOOLS: dict[str, SiteTool] = {tool.name: tool for tool in TOOLS}


def answer(method: str, params: dict[str, Any], file: SiteFile) -> dict[str, Any] | None:
    """Return the result of a request, None where there is no such method."""
    if method == "initialize":
        version, info = params["protocolVersion"], {"name": "example-site", "version": "1"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [tool.wire for tool in TOOLS]}
    if method != "tools/call":
        return None
    try:
        text, is_error = json.dumps(called(params, file), ensure_ascii=False), False
    except NotThere as error:
        text, is_error = str(error), True
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def called(params: dict[str, Any], file: SiteFile) -> Any:
    """Return what a call gives. Raises NotThere."""
    tool, given = _TOOLS.get(params["name"]), cast("dict[str, Any]", params.get("arguments") or {})
    if tool is None:
        raise NotThere(f"Unknown tool {params['name']!r}")
    if missing := [name for name in tool.wire["inputSchema"]["required"] if name not in given]:
        raise NotThere(f"{missing[0]} is missing")
    return tool.run(file, given)


def main() -> None:
    """Answer until stdin ends."""
    path, *longest = sys.argv[1:]
    longest_s = float(longest[0]) if longest else 0.0
    file = SiteFile(Path(path), lambda: random.uniform(0, longest_s))  # noqa: S311 - no secret
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        result = answer(message["method"], message.get("params") or {}, file)
        told = {"error": {"code": -32601, "message": "Method not found"}} if result is None else {"result": result}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], **told}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
