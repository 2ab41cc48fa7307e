"""The tools that every run has: its state, the time, arithmetic, and the files of its directory."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import anyio.to_thread
from pydantic import BaseModel, ConfigDict, Field

from stepwarden.agents.arithmetic import calculate
from stepwarden.agents.run_files import RunFiles
from stepwarden.agents.toolbox import CallContext, CallOutput, LocalTool, RunTool
from stepwarden.runs.run_events import StateChanged
from stepwarden.runs.workflow_state import StateChange

MOST_STATE_BYTES = 64_000


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NoArguments(_Arguments):
    """For tools that take none."""


class StateUpdate(_Arguments):
    """What `update_state` takes."""

    phase: str = ""
    progress: Annotated[float, Field(ge=-1, le=1, description="added to it; all of the work is 1")] = 0.0
    data: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    error: str = ""


class Expression(_Arguments):
    """What `calculate` takes."""

    expression: str


class FolderName(_Arguments):
    """What `list_files` takes."""

    folder: str = "."


class FilePart(_Arguments):
    """What `read_file` takes."""

    path: str
    first: Annotated[int, Field(ge=1)] = 1
    lines: Annotated[int, Field(ge=1)] = 400


class FileSearch(_Arguments):
    """What `search_files` takes."""

    text: Annotated[str, Field(min_length=2)]
    folder: str = "."


def local_tools(files: RunFiles) -> Sequence[RunTool]:
    """Return the tools of a run whose files are `files`."""
    return [*_STATE_TOOLS, *(_file_tools(files) if files.readable else [])]


async def _update_state(context: CallContext, given: StateUpdate) -> CallOutput:
    change = StateChange(given.phase or None, given.progress, given.data, given.metrics, given.error or None)
    state = context.run.state.changed(change, time.time())
    if len(json.dumps(asdict(state), default=str)) > MOST_STATE_BYTES:
        return CallOutput(f"The state would be over {MOST_STATE_BYTES} bytes: keep less in it.", failed=True)
    return CallOutput(f"phase {state.phase or '-'}, progress {state.progress:.0%}", events=(StateChanged(change),))


async def _read_state(context: CallContext, _: NoArguments) -> CallOutput:
    return CallOutput(json.dumps(asdict(context.run.state), ensure_ascii=False, default=str))


async def _current_time(_: CallContext, __: NoArguments) -> CallOutput:
    return CallOutput(time.strftime("%Y-%m-%dT%H:%M:%SZ, %A", time.gmtime()))


async def _calculate(_: CallContext, given: Expression) -> CallOutput:
    try:
        return CallOutput(f"{calculate(given.expression):.12g}")
    except ValueError as error:
        return CallOutput(str(error), failed=True)


_STATE_TOOLS: Sequence[RunTool] = (
    LocalTool(
        "update_state",
        "Write where the work stands: a phase, progress to add, data and metrics by name, an error. It lasts: it is "
        "there after a restart.",
        StateUpdate,
        _update_state,
    ),
    LocalTool("read_state", "Read where the work stands, as it was written.", NoArguments, _read_state),
    LocalTool("get_current_time", "The date and time now, in UTC.", NoArguments, _current_time),
    LocalTool("calculate", "The value of an arithmetic expression, such as (3 + 4) * sqrt(2).", Expression, _calculate),
)


def _file_tools(files: RunFiles) -> Sequence[RunTool]:
    async def list_files(_: CallContext, given: FolderName) -> CallOutput:
        return await anyio.to_thread.run_sync(files.listing, given.folder)

    async def read_file(_: CallContext, given: FilePart) -> CallOutput:
        return await anyio.to_thread.run_sync(files.read, given.path, given.first, given.lines)

    async def search_files(_: CallContext, given: FileSearch) -> CallOutput:
        return await anyio.to_thread.run_sync(files.search, given.text, given.folder)

    return [
        LocalTool("list_files", "The files in a folder of the working directory.", FolderName, list_files),
        LocalTool(
            "read_file",
            "Lines of a text file of the working directory, numbered: `lines` of them from `first` on.",
            FilePart,
            read_file,
        ),
        LocalTool(
            "search_files",
            "The lines of the working directory's files that contain a text; upper and lower case are the same.",
            FileSearch,
            search_files,
        ),
    ]
