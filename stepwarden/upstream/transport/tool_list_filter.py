"""Checks messages before the SDK reads them: there, one malformed tool would take all others of its list with it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import mcp_types
from mcp.shared.message import SessionMessage
from mcp_types.methods import validate_server_result
from pydantic import ValidationError

from stepwarden.upstream.catalogue.tool import unusable_entry
from stepwarden.upstream.transport.sdk_failures import mark_answered


@dataclass
class FilteredStream:
    """The stream of messages; malformed tools in lists are marked as unusable. `version` is the protocol's."""

    inner: Any
    version: str = "2025-11-25"

    @property
    def last_context(self) -> Any:
        """The context in which the last message was sent, where the transport keeps it."""
        return getattr(self.inner, "last_context", None)

    async def __aenter__(self) -> "FilteredStream":
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.inner.__aexit__(*error)

    async def aclose(self) -> None:
        """Close the stream."""
        await self.inner.aclose()

    def __aiter__(self) -> "FilteredStream":
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._filtered(await self.inner.__anext__())

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message."""
        return self._filtered(await self.inner.receive())

    def _filtered(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if isinstance(item, SessionMessage) and isinstance(item.message, mcp_types.JSONRPCError):
            mark_answered(item.message.error)
        if isinstance(item, SessionMessage) and isinstance(item.message, mcp_types.JSONRPCResponse):
            result = item.message.result
            tools = result.get("tools")
            if (
                isinstance(tools, list)
                and self._invalid_place(result)
                and not self._invalid_place({**result, "tools": []})
            ):
                entries = cast(
                    "list[dict[str, Any]]", [one for one in cast("list[Any]", tools) if isinstance(one, dict)]
                )
                result["tools"] = [self._usable(result, entry) for entry in entries]
        return item

    def _usable(self, result: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
        place = self._invalid_place({**result, "tools": [entry]})
        if not place:
            return entry
        return unusable_entry(entry.get("name"), f"what the server says of it is not valid at {place}")

    def _invalid_place(self, result: dict[str, Any]) -> str:
        """Return where a list of tools is not valid, "" where it is."""
        try:
            validate_server_result("tools/list", self.version, result)
            mcp_types.ListToolsResult.model_validate(result, by_name=False)
        except ValidationError as error:
            return ".".join(str(part) for part in error.errors()[0]["loc"][2:]) or "its root"
        except KeyError:
            pass
        return ""


@asynccontextmanager
async def filtered(channel: Any, opened: list[FilteredStream]) -> AsyncGenerator[tuple[Any, Any]]:
    """Open a channel and give its streams; the incoming one is filtered, and put into `opened` too."""
    async with channel as (incoming, outgoing):
        opened.append(FilteredStream(incoming))
        yield opened[-1], outgoing
