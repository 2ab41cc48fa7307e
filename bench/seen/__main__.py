"""`python -m bench.seen [CHECKOUT] [--show TOOL]`: the bytes of each part of the replies of twelve whole threads.

CHECKOUT is another work tree to measure. `--show` prints the text of one tool's replies, as a model reads them.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.seen.shop import change_shop, document, make_shop
from bench.seen.threads import SCRIPT, THREADS, Call
from bench.servers import ROOT, Server

PYTHON = ROOT / ".venv" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Seen:
    """The bytes of a thread's replies: as text, as structured content, and how many there were."""

    text: int = 0
    structured: int = 0
    replies: int = 0

    def plus(self, other: "Seen") -> "Seen":
        """Return the sum."""
        return Seen(self.text + other.text, self.structured + other.structured, self.replies + other.replies)


def main() -> int:
    """Play the threads and print a line for each."""
    words = sys.argv[1:]
    show = words[words.index("--show") + 1] if "--show" in words else ""
    roots = [word for word in words if word not in {"--show", show}]
    checkout = Path(roots[0]) if roots else ROOT
    total = Seen()
    for tool, calls in THREADS.items():
        if show and show not in {tool, "all"}:
            continue
        seen, shown = play(checkout, tool, calls)
        total = total.plus(seen)
        sys.stdout.write("".join(f"{text}\n\n" for text in shown) if show else "")
        sys.stdout.write(f"{tool}: {seen.replies} replies, text {seen.text}, structured {seen.structured}\n")
    sys.stdout.write(f"sum: {total.replies} replies, text {total.text}, structured {total.structured}\n")
    return 0


def play(checkout: Path, tool: str, calls: tuple[Call, ...]) -> tuple[Seen, list[str]]:
    """Play one thread on a server of its own; return its bytes, and what the model read."""
    with tempfile.TemporaryDirectory() as folder:
        shop, script = Path(folder) / "shop", Path(folder) / "script.json"
        shop.mkdir()
        make_shop(shop)
        if tool == "precommit":
            change_shop(shop)
        script.write_text(json.dumps(SCRIPT))
        settings = {"STEPWARDEN_SCRIPTED": str(script)} if tool == "consensus" else {}
        command = [str(PYTHON), str(checkout / "server.py")]
        with Server(command, str(Path(folder) / "home"), settings=settings) as server:
            server.initialize()
            return _played(server, tool, calls, shop)


def _played(server: Server, tool: str, calls: tuple[Call, ...], shop: Path) -> tuple[Seen, list[str]]:
    seen, shown, thread, number = Seen(), list[str](), "", 1
    for call in calls:
        for path in call.get("writes", ()):
            document(shop, path)
        sent = {name: value for name, value in call.items() if name != "writes"}
        more: dict[str, Any] = {"step_number": number, "next_step_required": True, **sent}
        more |= {"continuation_id": thread} if thread else {"working_directory": str(shop)}
        _, result, _ = server.call(tool, more)
        text, structured = result["content"][0]["text"], result.get("structuredContent", {})
        seen = seen.plus(Seen(len(text.encode()), _size(structured), 1))
        shown.append(f">>> {json.dumps(call)}\n{text}\n--- {json.dumps(structured)}")
        thread, number = structured.get("continuation_id", thread), structured.get("next_step_number", number)
        if structured.get("status", "").endswith("_complete"):
            break
    return seen, shown


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


if __name__ == "__main__":
    sys.exit(main())
