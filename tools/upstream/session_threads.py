"""The thread that a call of an exposed tool is made for: the one it names, or the latest open one of its session."""

from dataclasses import dataclass, field
from typing import Any, cast
from weakref import WeakKeyDictionary

from mcp.server.connection import Connection
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

THREAD_KEY = "org.stepwarden/continuation_id"
"""The key of the metadata of a call that names its thread, and of a result that says which it was."""


@dataclass(frozen=True, slots=True)
class CallThread:
    """The id of a thread, "" for none; `by_session`: nobody named it, it is the latest open one of the session."""

    id: str = ""
    by_session: bool = False


@dataclass
class SessionThreads:
    """The latest open thread of each session, as our own replies told it; gone with the session."""

    _latest: WeakKeyDictionary[Connection, str] = field(default_factory=WeakKeyDictionary[Connection, str])

    def note(self, context: Context[Any, Any], result: object) -> None:
        """Take in what a tool of ours answered: its thread is open as long as it wants a next step."""
        answered = result.structured_content if isinstance(result, CallToolResult) else None
        told = cast("dict[str, Any]", answered) if isinstance(answered, dict) else {}
        thread = told.get("continuation_id")
        if not isinstance(thread, str):
            return
        if told.get("next_step_required"):
            self._latest[_session_of(context)] = thread
        elif self._latest.get(_session_of(context)) == thread:
            del self._latest[_session_of(context)]

    def of(self, context: Context[Any, Any]) -> CallThread:
        """Return the thread of a call."""
        named = (context.request_context.meta or {}).get(THREAD_KEY)
        if isinstance(named, str) and named:
            return CallThread(named)
        latest = self._latest.get(_session_of(context), "")
        return CallThread(latest, by_session=bool(latest))


def _session_of(context: Context[Any, Any]) -> Connection:
    return context.session._connection  # pyright: ignore[reportPrivateUsage] - a `session` is of one request
