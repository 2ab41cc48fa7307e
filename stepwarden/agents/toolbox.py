"""The tools of a job: what its model is told of them, what each may do, and the making of a call."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ValidationError

from stepwarden.runs.run import Run
from stepwarden.runs.run_calls import CallKind, ToolGrant
from stepwarden.runs.run_events import RunEvent
from stepwarden.tool_calls import OfferedTool
from stepwarden.upstream.calls.call_doubt import DoubtResolution


@dataclass(frozen=True)
class CallContext:
    """One call under way, `key` being unique in the run. It has `seconds` in all.

    `was_doubted`: somebody looked, and it was not carried out when it was sent before.
    """

    run: Run
    principal: str
    arguments: Mapping[str, Any]
    was_doubted: bool = False
    key: str = ""
    seconds: float = 30.0


@dataclass(frozen=True)
class CallOutput:
    """What a tool gave. `events` are recorded with the result; `in_doubt` says that nobody knows what was done.

    `thread` is the thread that it took a step of, "" for none.
    """

    text: str
    failed: bool = False
    in_doubt: bool = False
    events: tuple[RunEvent, ...] = ()
    thread: str = ""


class RunTool(Protocol):
    """A tool that a job may use."""

    @property
    def grant(self) -> ToolGrant:
        """Its name, and what a call of it does."""
        ...

    @property
    def offered(self) -> OfferedTool:
        """What a model is told of it."""
        ...

    async def call(self, context: CallContext) -> CallOutput:
        """Make a call. What it raises is the call's error."""
        ...


@runtime_checkable
class DoubtSettler(Protocol):
    """A tool that can find out what became of a call of it that was lost."""

    async def settle(self, context: CallContext) -> DoubtResolution:
        """Return what became of it; nothing is sent but reads."""
        ...


_Arguments = TypeVar("_Arguments", bound=BaseModel)


@dataclass(frozen=True)
class LocalTool(Generic[_Arguments]):
    """A tool of ours: its name, what it is for, the type of its arguments, and what it does."""

    name: str
    description: str
    arguments: type[_Arguments]
    run: Callable[[CallContext, _Arguments], Awaitable[CallOutput]]

    @property
    def grant(self) -> ToolGrant:
        """See `RunTool`."""
        return ToolGrant(self.name, CallKind.LOCAL)

    @property
    def offered(self) -> OfferedTool:
        """See `RunTool`."""
        return OfferedTool(self.name, self.description, _plain_schema(self.arguments))

    async def call(self, context: CallContext) -> CallOutput:
        """See `RunTool`; arguments that do not fit are told with what is taken."""
        try:
            given = self.arguments.model_validate(context.arguments, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "arguments"
            taken = json.dumps(dict(self.offered.schema["properties"]))
            return CallOutput(f"{where}: {first['msg']}. {self.name} takes {taken}.", failed=True)
        return await self.run(context, given)


@cache  # every question tells it
def _plain_schema(arguments: type[BaseModel]) -> Mapping[str, Any]:
    """Return a schema without the titles, which say what its names say."""
    schema = arguments.model_json_schema()
    properties = {
        name: {key: value for key, value in one.items() if key not in {"title", "default"}}
        for name, one in schema.get("properties", {}).items()
    }
    plain = {"type": "object", "properties": properties, "additionalProperties": False}
    return plain | ({"required": schema["required"]} if "required" in schema else {})


@dataclass(frozen=True)
class Toolbox:
    """The tools that a run may use, by name."""

    tools: Mapping[str, RunTool]

    @classmethod
    def of(cls, tools: Sequence[RunTool]) -> "Toolbox":
        """Return a toolbox of these; the first of a name counts."""
        return cls({tool.grant.name: tool for tool in reversed(tools)})

    def grants(self, names: Sequence[str] | None = None) -> tuple[ToolGrant, ...]:
        """Return what a job is given of them: those with these names, `upstream/*` for all of one, or all."""
        given = [tool.grant for tool in self.tools.values()]
        if names is None:
            return tuple(given)
        return tuple(one for one in given if one.name in names or f"{one.name.partition('/')[0]}/*" in names)

    def offered(self, names: Sequence[str]) -> tuple[OfferedTool, ...]:
        """Return what a model is told of the tools with these names."""
        return tuple(self.tools[name].offered for name in names if name in self.tools)
