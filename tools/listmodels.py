"""`listmodels`: the models that can be asked now, what `auto` picks, and what to set for the others."""

from collections.abc import Sequence
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import prompts
from stepwarden.models import ModelError, ModelInfo, Models, ModelTier, UnusableProvider, find_some
from stepwarden.threads.calls import Caller
from tools.shared.edge import READ_ONLY, EdgeTool, Progress, edge_tool, failure
from tools.shared.thread_result import clip
from tools.workflow.lenient_values import without_empty
from tools.workflow.request import Key
from tools.workflow.validation_errors import error_lines

BRIEF_BYTES = 1_500  # of the whole list
WHOLE_BYTES = 12_000  # of the list of one provider
LINE_CHARS = 160  # of a reason


class ListModelsRequest(BaseModel):
    """Which models to list."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return without_empty(cls.model_fields, value)

    provider: Key | None = Field(default=None, description="All models of this one")


def listmodels_tool(models: Models) -> EdgeTool:
    """Return the tool that lists `models`."""
    prompt = prompts.load("listmodels")

    async def show(arguments: dict[str, Any], _caller: Caller, _progress: Progress) -> CallToolResult:
        try:
            request = ListModelsRequest.model_validate(arguments)
        except ValidationError as error:
            return failure(error_lines(error, ListModelsRequest))
        await find_some(models)
        infos = await models.priced()
        text = _overview(models, infos) if request.provider is None else _one_provider(models, infos, request.provider)
        return CallToolResult(content=[TextContent(type="text", text=text)])

    return edge_tool(show, prompt, ListModelsRequest, READ_ONLY)


def _overview(models: Models, usable: Sequence[ModelInfo]) -> str:
    by_provider = _by_provider(usable)
    picks, any_picked = _picks(models)
    unusable = models.unusable() if any_picked else ()  # where there is no model, the reason says what to set
    most = max((len(infos) for infos in by_provider.values()), default=0)
    text = ""
    for with_reasons in (True, False):
        for shown in range(most, -1, -1):
            rows = [f"{name}: {_names(infos, shown)}" for name, infos in by_provider.items()]
            text = "\n".join([*picks, *_legend(usable), *rows, *_not_usable(unusable, with_reasons=with_reasons)])
            if len(text.encode()) <= BRIEF_BYTES:
                return text
    return text


def _one_provider(models: Models, usable: Sequence[ModelInfo], provider: str) -> str:
    wanted = provider.strip().casefold()
    infos = _by_provider(usable).get(wanted, [])
    if infos:
        for shown in range(len(infos), 0, -1):
            text = "\n".join([*_legend(infos), f"{wanted}: {_names(infos, shown)}"])
            if len(text.encode()) <= WHOLE_BYTES:
                return text
    reasons = [f"{one.provider} cannot be used now: {one.why}" for one in models.unusable() if one.provider == wanted]
    return "\n".join(reasons) or "There is no such provider; call listmodels without provider."


def _picks(models: Models) -> tuple[list[str], bool]:
    """Return what `auto` picks for each tier, or why it picks nothing; and whether it picks anything."""
    picks: dict[ModelTier, str] = {}
    any_picked = False
    for tier in ModelTier:
        try:
            choice = models.choose(None, tier)
        except ModelError as error:
            picks[tier] = str(error)
        else:
            picks[tier] = f"{choice.info.name}, {clip(choice.why, LINE_CHARS)}"
            any_picked = True
    if len(set(picks.values())) == 1:
        return [f"auto: {picks[ModelTier.DEEP]}"], any_picked
    return [f"auto, {tier}: {words}" for tier, words in picks.items()], any_picked


def _not_usable(unusable: Sequence[UnusableProvider], *, with_reasons: bool) -> list[str]:
    """Return in one line which providers cannot be used, and what to set where there is room for it."""
    if not unusable:
        return []
    named = [f"{one.provider}: {clip(one.why, LINE_CHARS)}" if with_reasons else one.provider for one in unusable]
    return [f"Not usable: {'; '.join(named)}" if with_reasons else f"Not usable (ask for one): {', '.join(named)}"]


def _by_provider(infos: Sequence[ModelInfo]) -> dict[str, list[ModelInfo]]:
    found: dict[str, list[ModelInfo]] = {}
    for info in infos:
        found.setdefault(info.provider, []).append(info)
    return found


def _names(infos: Sequence[ModelInfo], most: int) -> str:
    named = [_name(info) for info in infos[:most]]
    more = len(infos) - len(named)
    return ", ".join([*named, f"{more} more"] if more else named)


def _legend(infos: Sequence[ModelInfo]) -> list[str]:
    """Return what the figures behind a name mean, where there are any."""
    if not any(info.price or info.output_tokens for info in infos):
        return []
    return ["Models (aliases, context, most output, $ a million tokens in/out, sees images):"]


def _size(tokens: int) -> str:
    return f"{tokens / 1_000_000:.3g}M" if tokens >= 1_000_000 else f"{tokens // 1_000}k"


def _name(info: ModelInfo) -> str:
    """Return a model as `name (aliases, context, output limit, price, what it can)`."""
    context = _size(info.context_tokens) if info.context_tokens else ""
    output = f"{_size(info.output_tokens)} out" if info.output_tokens else ""
    price = str(info.price) if info.price else ""
    facts = [*info.aliases[:2], context, output, price, "sees" if info.sees_images else ""]
    details = ", ".join(fact for fact in facts if fact)
    return f"{info.name} ({details})" if details else info.name
