"""The arguments of calls, and the plain parts of what is answered."""

from typing import Any

Reply = dict[str, Any]


def step(number: int = 1, thread: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return the arguments of step `number`, on a thread or as its opening."""
    arguments: dict[str, Any] = {"step": f"Step {number}", "step_number": number, "next_step_required": True}
    return arguments | ({"continuation_id": thread} if thread else {}) | fields


def text_of(result: Reply) -> str:
    """Return the text of a result as it is on the wire."""
    return result["content"][0]["text"]
