"""The upstream server of `stepwarden demo run`: a stock room over stdio, its state in the folder that is given.

It is a program of its own, as upstream servers are, and imports nothing of ours.
"""

import os
import sys
from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

PARTS = {"M4 screws": (12, 40), "washers": (310, 100), "lock nuts": (95, 80)}
"""Of each part, how many there are and how many there should be at least."""

COUNT_S = 0.6  # that counting a part takes
ANSWER_S = 2.5  # between an order that is in the book and the answer that says so: time enough to be killed in

READS = ToolAnnotations(read_only_hint=True)
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False)


class StockRoom:
    """The files of a stock room: the book of orders, and a note of every call that came in."""

    def __init__(self, directory: Path) -> None:
        self._orders, self._calls = directory / "orders.txt", directory / "calls.txt"

    def note_call(self, line: str) -> None:
        """Note that a call came in."""
        _append(self._calls, line)

    def add_order(self, line: str) -> None:
        """Write an order into the book; it is on disk when this returns."""
        _append(self._orders, line)

    @property
    def calls(self) -> list[str]:
        """The calls that came in, in their order."""
        return _lines(self._calls)

    @property
    def orders(self) -> list[str]:
        """The orders in the book."""
        return _lines(self._orders)


def _append(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(f"{line}\n")
        opened.flush()
        os.fsync(opened.fileno())


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines() if file.exists() else []


def build_stock_server(room: StockRoom) -> MCPServer:
    """Return the server of a stock room."""
    server = MCPServer("stock")

    @server.tool(annotations=READS)
    def list_parts() -> str:
        """Return the parts, and how many of each there should be at least."""
        room.note_call("list_parts")
        return "\n".join(f"{part} (at least {least})" for part, (_, least) in PARTS.items())

    @server.tool(annotations=READS)
    async def count_part(part: str) -> str:
        """Count what is there of a part."""
        room.note_call(f"count_part {part}")
        await anyio.sleep(COUNT_S)
        return f"counted {PARTS[part][0]} {part}"

    @server.tool(annotations=READS)
    def list_orders() -> str:
        """Return the book of orders."""
        room.note_call("list_orders")
        return "\n".join(room.orders) or "no orders"

    @server.tool(annotations=ADDS)
    async def order_part(part: str, quantity: int) -> str:
        """Order more of a part."""
        room.note_call(f"order_part {quantity} {part}")
        room.add_order(f"{quantity} {part}")
        await anyio.sleep(ANSWER_S)
        return f"ordered {quantity} {part}"

    return server


if __name__ == "__main__":
    build_stock_server(StockRoom(Path(sys.argv[1]))).run()
