"""Tools of a run that ask about the code of its directory: outlines, callers, tests, git, and what a review sees."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import anyio.to_thread
from pydantic import BaseModel, ConfigDict, Field

from stepwarden.agents.toolbox import CallContext, CallOutput, LocalTool, RunTool
from stepwarden.errors import StepwardenError
from stepwarden.files.workspace import Workspace
from stepwarden.inspections.context import InspectedPlace
from stepwarden.inspections.runner import InspectionRunner

MOST_CHARACTERS = 18_000
"""Of one result: below what the model is shown of one (`conversation.RESULT_BYTES`)."""

MOST_PATHS = 50

_GivenT = TypeVar("_GivenT", bound=BaseModel)


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourcePath(_Arguments):
    """What `outline_file` takes."""

    path: str


class SymbolName(_Arguments):
    """What `find_definition` takes."""

    name: Annotated[str, Field(min_length=1, description="name, Class.method, path:Class.method or path:line")]


class CallQuestion(SymbolName):
    """What `find_calls` takes."""

    of: Literal["callers", "callees", "tests"] = "callers"


class GitQuestion(_Arguments):
    """What `read_git` takes."""

    what: Literal["status", "diff", "log", "blame"]
    path: str = ""
    first: Annotated[int, Field(ge=0, description="line, for log and blame")] = 0
    last: Annotated[int, Field(ge=0)] = 0
    compare_to: Annotated[str, Field(description="diff: a ref; without it the last commit")] = ""


class CheckedPaths(_Arguments):
    """What `check_files` takes."""

    paths: Annotated[list[str], Field(max_length=MOST_PATHS)] = []


class ChangeQuestion(_Arguments):
    """What `check_change` takes."""

    compare_to: Annotated[str, Field(description="a ref; without it the last commit")] = ""


def code_tools(inspections: InspectionRunner, workspace: Workspace) -> list[RunTool]:
    """Return the tools that read the code of `workspace`; none where nothing may be read."""
    if not workspace.readable:
        return []

    def tool(
        name: str, description: str, arguments: type[_GivenT], question: Callable[[InspectedPlace, _GivenT], str]
    ) -> LocalTool[_GivenT]:
        async def ask(_: CallContext, given: _GivenT) -> CallOutput:
            def look(place: InspectedPlace) -> str:
                return question(place, given)

            try:
                text = await anyio.to_thread.run_sync(inspections.ask, look, workspace)
            except StepwardenError as error:
                return CallOutput(str(error), failed=True)
            if len(text) <= MOST_CHARACTERS:
                return CallOutput(text)
            return CallOutput(f"{text[:MOST_CHARACTERS]}\n[cut: {MOST_CHARACTERS} of {len(text)} characters]")

        return LocalTool(name, description, arguments, ask)

    return [
        tool("outline_file", "What a source file defines, with lines and signatures.", SourcePath, _outline),
        tool("find_definition", "Where a name is defined in the code, with its lines.", SymbolName, _definition),
        tool(
            "find_calls",
            "Who calls a function or class (callers), what it calls (callees), or which tests reach it (tests).",
            CallQuestion,
            _calls,
        ),
        tool(
            "read_git",
            "The working directory in git: status, diff, log (of a path or lines), blame (of lines).",
            GitQuestion,
            _git,
        ),
        tool(
            "check_files",
            "What source files show by themselves, as a code review sees it: faults with file and line. "
            "Without paths: all of the working directory.",
            CheckedPaths,
            _faults,
        ),
        tool(
            "check_change",
            "The risks of the change that is not committed, with file and line: secrets, conflicts, broken "
            "interfaces, leftovers, missing tests.",
            ChangeQuestion,
            _risks,
        ),
    ]


def _outline(place: InspectedPlace, given: SourcePath) -> str:
    from stepwarden.inspections.questions.code_questions import outline_file

    return outline_file(place, given.path)


def _definition(place: InspectedPlace, given: SymbolName) -> str:
    from stepwarden.inspections.questions.code_questions import find_definitions

    return find_definitions(place, given.name)


def _calls(place: InspectedPlace, given: CallQuestion) -> str:
    from stepwarden.inspections.questions import code_questions

    listed: dict[str, Any] = {
        "callers": code_questions.list_callers,
        "callees": code_questions.list_callees,
        "tests": code_questions.list_tests,
    }
    return listed[given.of](place, given.name)


def _git(place: InspectedPlace, given: GitQuestion) -> str:
    from stepwarden.inspections.questions import git_questions

    lines = (max(1, given.first), max(given.first, given.last, 1))
    match given.what:
        case "status":
            return git_questions.tell_status(place)
        case "diff":
            return git_questions.tell_changes(place, given.path, given.compare_to)
        case "log":
            return git_questions.tell_log(place, given.path, lines if given.first else None)
        case "blame":
            last = lines[1] if given.last else lines[0] + git_questions.MOST_BLAMED - 1
            return git_questions.tell_blame(place, given.path, (lines[0], last))


def _faults(place: InspectedPlace, given: CheckedPaths) -> str:
    from stepwarden.inspections.questions.review_questions import check_files

    return check_files(place, given.paths)


def _risks(place: InspectedPlace, given: ChangeQuestion) -> str:
    from stepwarden.inspections.questions.review_questions import check_change

    return check_change(place, given.compare_to)
