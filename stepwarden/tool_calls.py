"""Tools that a model may call, and its calls of them: values of the port in `models.py`. They know no vendor."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ToolChoice = Literal["auto", "none"]


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool that a model may call, by any name. `schema` is the JSON Schema of its arguments, an object's."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def text(self) -> str:
        """All that a model is told of it, as text: the measure of its tokens."""
        return f"{self.name} {self.description} {json.dumps(self.schema, ensure_ascii=False, separators=(',', ':'))}"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asks for. `id` is the only one of its name in the conversation.

    `arguments` are a JSON object as text. Where `error` is set they are what the model wrote instead, unparsed, and the
    error says what is wrong; `name` is "" where not even that could be read. `kept` is what the endpoint wants to have
    back with it; nobody else reads it.
    """

    id: str
    name: str
    arguments: str = "{}"
    error: str = ""
    kept: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """The arguments by name. Raises ValueError for a call with an error."""
        if self.error:
            raise ValueError(self.error)
        return json.loads(self.arguments)
