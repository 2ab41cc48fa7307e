"""A stdio MCP server that misbehaves: `python command.py FAULT`; without a fault it is well."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

# What it may be told to do: at its start, when it lists its tools, or when a tool is called.
AT_START = (
    "dies",
    "dies_silently",
    "mute",
    "starts_late",
    "prints_banner",
    "prints_garbage",
    "deaf_to_signals",
    "leaves_child",
)
AT_LIST = ("lists_deep",)
AT_CALL = (
    "crashes",
    "hangs",
    "big_line",
    "endless_line",
    "floods",
    "garbage_answer",
    "closes_stdout",
    "storms",
    "says_closed",
    "answers_error",
)
TOOLS = [
    {
        "name": "echo",
        "description": "Give back a text.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        "annotations": {"readOnlyHint": True},
    },
    {
        "name": "add_note",
        "description": "Add a note to the list of notes.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
]


def nested(levels: int) -> dict[str, Any]:
    """Return a schema of so many objects, one in the properties of the other."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


DEEP = [{"name": f"deep_{levels}", "inputSchema": nested(levels)} for levels in (300, 120)]


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def command(fault: str = "", *more: str) -> dict[str, Any]:
    """Return the entry of the file of upstreams that starts it: it needs no package, and starts without any."""
    program = str(Path(__file__).resolve())
    return {"command": sys.executable, "args": ["-I", "-S", program, *([fault] if fault else []), *more]}


def wait_for_ever() -> None:
    while True:
        signal.pause()


def start_late(gate: Path) -> None:
    """Start as a package does that is installed first: say how far it is, and go on once the pipe `gate` is opened."""
    with gate.with_suffix(".started").open("a") as started:
        started.write("started\n")
    sys.stderr.write("Resolved 70 packages\nDownloading 12/70 \x1b[2K")
    sys.stderr.flush()
    gate.read_text()


def start(fault: str) -> None:
    if fault == "dies":
        sys.stderr.write("config error: JIRA_URL is not set\n")
        raise SystemExit(3)
    if fault == "dies_silently":
        raise SystemExit(1)
    if fault == "mute":
        wait_for_ever()
    if fault == "starts_late":
        start_late(Path(sys.argv[2]))
    if fault == "prints_banner":
        sys.stdout.write("Welcome to the rig v1.0!\n\nlistening\n")
    if fault == "prints_garbage":
        for _ in range(200):
            sys.stdout.write("INFO 12:00:00 still starting\n")
        sys.stdout.flush()
        wait_for_ever()
    if fault == "deaf_to_signals":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if fault == "leaves_child":
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        sys.stderr.write(f"child {child.pid}\n")
        sys.stderr.flush()


def misbehave(fault: str, number: object) -> None:
    if fault == "crashes":
        sys.stderr.write("Segmentation fault (core dumped)\n")
        sys.stderr.flush()
        os._exit(139)
    if fault == "hangs":
        wait_for_ever()
    if fault == "closes_stdout":
        os.close(1)
        wait_for_ever()
    if fault == "garbage_answer":
        sys.stdout.write("<html>oops</html>\n")
    pour(fault, number)


def pour(fault: str, number: object) -> None:
    if fault == "big_line":
        say({"id": number, "result": {"content": [{"type": "text", "text": "x" * 10_000_000}]}})
    if fault == "endless_line":
        while True:
            sys.stdout.write("x" * 65_536)
    while fault == "floods":
        say({"method": "notifications/message", "params": {"level": "info", "data": "x"}})
    if fault == "storms":
        for _ in range(2_000):
            say({"method": "notifications/tools/list_changed"})


def answer_error(number: object, params: dict[str, Any]) -> None:
    """Do what the tool is for, in the file of the second argument, and answer with the error of the first."""
    with Path(sys.argv[3]).open("a") as did:
        did.write(f"{params['name']}\n")
    say({"id": number, "error": {"code": int(sys.argv[2]), "message": "the index is being built"}})


def answer(fault: str, message: dict[str, Any]) -> None:
    method, number = message.get("method"), message.get("id")
    params = message.get("params") or {}
    if method == "initialize":
        version = params.get("protocolVersion", "2025-06-18")
        info = {"name": "rig", "version": "1.0"}
        say({"id": number, "result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}})
    elif method == "tools/list":
        say({"id": number, "result": {"tools": [*DEEP, *TOOLS] if fault == "lists_deep" else TOOLS}})
    elif method == "tools/call":
        misbehave(fault, number)
        if fault == "says_closed":
            say({"id": number, "error": {"code": -32000, "message": "the project is archived"}})
            return
        if fault == "answers_error":
            answer_error(number, params)
            return
        text = str((params.get("arguments") or {}).get("text", "done"))
        say({"id": number, "result": {"content": [{"type": "text", "text": text}], "isError": False}})
    elif number is not None:
        say({"id": number, "error": {"code": -32601, "message": f"Method not found: {method}"}})


def main() -> None:
    fault = sys.argv[1] if len(sys.argv) > 1 else ""
    start(fault)
    for line in sys.stdin:
        answer(fault, json.loads(line))
    if fault == "deaf_to_signals":
        wait_for_ever()


if __name__ == "__main__":
    main()
