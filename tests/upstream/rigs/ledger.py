"""A stdio MCP server that books entries in a file, slowly: `python ledger.py FILE PID_FILE`. Needs no package."""

import json
import os
import random
import select
import sys
from pathlib import Path
from typing import Any

ENTRY = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
TOOLS = [
    {"name": "book_entry", "description": "Book an entry in the ledger.", "inputSchema": ENTRY},
    {
        "name": "list_entries",
        "description": "List the entries of the ledger.",
        "inputSchema": {"type": "object", "properties": {}},
        "annotations": {"readOnlyHint": True},
    },
]
LONGEST_S = 0.03  # before an entry is booked, and again before that is answered


def command(ledger: Path, pids: Path) -> dict[str, Any]:
    """Return the entry of the file of upstreams that starts it."""
    program = str(Path(__file__).resolve())
    return {"command": sys.executable, "args": ["-I", "-S", program, str(ledger), str(pids)]}


def take_time() -> None:
    select.select([], [], [], random.uniform(0, LONGEST_S))


def answered(method: str, params: dict[str, Any], ledger: str) -> dict[str, Any] | None:
    if method == "initialize":
        version, info = params["protocolVersion"], {"name": "ledger", "version": "1"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method != "tools/call":
        return None
    if params["name"] == "list_entries":
        text = Path(ledger).read_text("utf-8")
    else:
        take_time()
        with Path(ledger).open("a") as file:
            file.write(f"{params['arguments']['text']}\n")
        take_time()
        text = "booked"
    return {"content": [{"type": "text", "text": text}], "isError": False}


def main() -> None:
    ledger, pids = sys.argv[1:]
    with Path(pids).open("a") as file:
        file.write(f"{os.getpid()}\n")
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        result = answered(message["method"], message.get("params") or {}, ledger)
        told = {"error": {"code": -32601, "message": "Method not found"}} if result is None else {"result": result}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], **told}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
