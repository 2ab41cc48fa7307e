"""`listmodels`: what can be asked now, what `auto` picks, and what to set for the rest."""

from collections.abc import Sequence
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import prompts
from stepwarden.models import ModelError, ModelInfo, Models, ModelTier, find_some
from stepwarden.threads.calls import Caller
from tools.shared.edge import READ_ONLY, EdgeTool, Progress, edge_tool, failure
from tools.shared.thread_result import clip
from tools.workflow.request import Key
from tools.workflow.validation_errors import error_lines

BRIEF_BYTES = 1_500  # of the whole list
WHOLE_BYTES = 12_000  # of the list of one provider
LINE_CHARS = 160  # of a reason


class ListModelsRequest(BaseModel):
    """Which models to list."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    provider: Key | None = Field(default=None, description="All models of this one")


def listmodels_tool(models: Models) -> EdgeTool:
    """Make the tool that lists `models`."""
    prompt = prompts.load("listmodels")

    async def show(arguments: dict[str, Any], _caller: Caller, _progress: Progress) -> CallToolResult:
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            request = ListModelsRequest.model_validate(given)
        except ValidationError as error:
            return failure(error_lines(error, ListModelsRequest))
        await find_some(models)
        text = _overview(models) if request.provider is None else _one_provider(models, request.provider)
        return CallToolResult(content=[TextContent(type="text", text=text)])

    return edge_tool(show, prompt, ListModelsRequest, READ_ONLY)


def _overview(models: Models) -> str:
    by_provider = _by_provider(models.usable())
    picks, some = _picks(models)
    lacking = _lacking(models) if some else []  # where there is none at all, the reason says what to set
    most = max((len(infos) for infos in by_provider.values()), default=0)
    text = ""
    for shown in range(most, -1, -1):
        rows = [f"{name}: {_names(infos, shown)}" for name, infos in by_provider.items()]
        text = "\n".join([*picks, *rows, *lacking])
        if len(text.encode()) <= BRIEF_BYTES:
            break
    return text


def _one_provider(models: Models, provider: str) -> str:
    wanted = provider.strip().casefold()
    infos = _by_provider(models.usable()).get(wanted, [])
    if infos:
        for shown in range(len(infos), 0, -1):
            text = f"{wanted}: {_names(infos, shown)}"
            if len(text.encode()) <= WHOLE_BYTES:
                return text
    lacks = [f"{one.provider} cannot be used now: {one.why}" for one in models.unusable() if one.provider == wanted]
    return "\n".join(lacks) or "No such provider here; call listmodels without provider."


def _picks(models: Models) -> tuple[list[str], bool]:
    """Return what `auto` picks for each need, or why it picks nothing; and whether it picks anything."""
    said: dict[ModelTier, str] = {}
    some = False
    for need in ModelTier:
        try:
            choice = models.choose(None, need)
        except ModelError as error:
            said[need] = str(error)
        else:
            said[need] = f"{choice.info.name} ({clip(choice.why, LINE_CHARS)})"
            some = True
    if len(set(said.values())) == 1:
        return [f"auto: {said[ModelTier.DEEP]}"], some
    return [f"auto, {need}: {words}" for need, words in said.items()], some


def _lacking(models: Models) -> list[str]:
    """Return what cannot be used and what to set, in a line."""
    lacks = [f"{one.provider}: {clip(one.why, LINE_CHARS)}" for one in models.unusable()]
    return [f"Not usable: {'; '.join(lacks)}"] if lacks else []


def _by_provider(infos: Sequence[ModelInfo]) -> dict[str, list[ModelInfo]]:
    found: dict[str, list[ModelInfo]] = {}
    for info in infos:
        found.setdefault(info.provider, []).append(info)
    return found


def _names(infos: Sequence[ModelInfo], most: int) -> str:
    named = [_name(info) for info in infos[:most]]
    more = len(infos) - len(named)
    return ", ".join([*named, f"{more} more"] if more else named)


def _name(info: ModelInfo) -> str:
    """Return a model as `name (its aliases; its context; what it can)`."""
    tokens = info.context_tokens
    size = "" if tokens is None else f"{tokens // 1_000_000}M" if tokens >= 1_000_000 else f"{tokens // 1_000}k"
    facts = [*info.aliases[:2], size, "sees" if info.sees_images else ""]
    told = ", ".join(fact for fact in facts if fact)
    return f"{info.name} ({told})" if told else info.name
