"""What a tool of an upstream answered: frozen values that can be recorded as JSON and read back.

Each block keeps in `extra` what else the server said of it (annotations, metadata), as the protocol has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PROTOCOL_META = "io.modelcontextprotocol/"
"""The beginning of the keys of metadata that belong to the protocol."""


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Text."""

    text: str
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class MediaBlock:
    """A picture or a sound; `data` is base64."""

    data: str
    mime_type: str
    type: Literal["image", "audio"]
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class LinkBlock:
    """A resource of the server, named and not included."""

    name: str
    uri: str
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    type: Literal["resource_link"] = "resource_link"


@dataclass(frozen=True, slots=True)
class ResourceBlock:
    """A resource of the server with its contents: `text`, or `blob` in base64."""

    uri: str
    text: str | None = None
    blob: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    type: Literal["resource"] = "resource"


ContentBlock = TextBlock | MediaBlock | LinkBlock | ResourceBlock


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The end of a call. `is_error`: the tool says that it failed; `structured_content` is any JSON value."""

    content: tuple[ContentBlock, ...]
    structured_content: Any = None
    is_error: bool = False
    meta: Mapping[str, Any] | None = None

    @property
    def own_meta(self) -> Mapping[str, Any] | None:
        """The metadata without what says which server it came from: that is ours to say."""
        own = {key: value for key, value in (self.meta or {}).items() if not key.startswith(PROTOCOL_META)}
        return own or None
