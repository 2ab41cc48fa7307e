"""An upstream server with notes in a file: one tool reads them, one adds to them, one clears them."""

import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

BOOK = Path(sys.argv[1])
server = MCPServer("notes")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def read_notes() -> str:
    """Return all notes."""
    return BOOK.read_text("utf-8") if BOOK.exists() else "no notes"


@server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=False))
def add_note(text: str) -> str:
    """Add a note."""
    with BOOK.open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")
    return f"added {text}"


@server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=True))
def clear_notes() -> str:
    """Remove all notes."""
    BOOK.write_text("", "utf-8")
    return "cleared"


if __name__ == "__main__":
    server.run()
