"""The expert, a second opinion before a thread completes: whom to ask, what is sent, and how the answer is read."""

from collections.abc import Sequence
from typing import Annotated, cast

import anyio.to_thread
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.consultant import AdmittedStep, WaitingThread
from stepwarden.consultation.context_budget import NO_FILES, FileSection
from stepwarden.consultation.expert_prompts import ExpertPrompts
from stepwarden.consultation.outcomes import ModelAnswer, ModelFailure, outcome
from stepwarden.files import Workspace
from stepwarden.files.written_paths import WrittenPath
from stepwarden.models import Choice, ErrorKind, ModelError, Models, ModelTier, find_some
from stepwarden.steps.consultation_rules import NOT_PREPARED, Preparation
from stepwarden.steps.events import Answered, Event
from stepwarden.steps.evidence import Quote
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread

MOST_POINTS = 12
MOST_ADVICE = 6
ADVICE_CHARS = 400


class ExpertPoint(BaseModel):
    """One objection of the expert."""

    model_config = ConfigDict(populate_by_name=True, defer_build=True)

    point: str = Field(
        description="What is wrong or missing, in a sentence or two",
        validation_alias=AliasChoices("point", "issue", "problem", "what", "text", "description", "message"),
    )
    file: str | None = None
    line: int | None = None
    quote: str | None = Field(default=None, description="The code it is about, word for word, without line numbers")
    claim: str | None = Field(default=None, description='The id of the issue it is about, such as I1, or "hypothesis"')


def _as_point(value: object) -> object:
    """Take a bare sentence for a point."""
    return {"point": value} if isinstance(value, str) else value


def _as_text(value: object) -> object:
    """Take an object for the text in it, where it has one."""
    if not isinstance(value, dict):
        return value
    return next((item for item in cast("dict[str, object]", value).values() if isinstance(item, str)), "")


class ExpertAnswer(BaseModel):
    """The typed verdict that an expert gives."""

    model_config = ConfigDict(defer_build=True)

    agrees: bool = Field(description="Whether the conclusion stands as it is")
    summary: str = Field(description="The verdict in a sentence or two")
    points: list[Annotated[ExpertPoint, BeforeValidator(_as_point)]] = Field(
        default_factory=list[ExpertPoint], description="Reasons that change the conclusion; none where you agree"
    )
    advice: list[Annotated[str, BeforeValidator(_as_text)]] = Field(
        default_factory=list[str], description="For whoever acts on it: the fix, its test, what it may break, at most 6"
    )
    files_needed: list[str] = Field(default_factory=list[str], description="Files to look at before this is settled")


def review_of(came: ModelAnswer | ModelFailure, workspace: Workspace, sent: FileSection = NO_FILES) -> ExpertReview:
    """Read what came of asking, and check the expert's own quotes in the files as an agent's are. Reads files."""
    if isinstance(came, ModelFailure):
        return ExpertReview(model=came.model, failed=came.text)
    answer = ExpertAnswer.model_validate(came.parsed)
    points = answer.points[:MOST_POINTS]
    if not (answer.agrees or points or answer.files_needed) and answer.summary.strip():
        points = [ExpertPoint(point=answer.summary)]  # its only reason
    return ExpertReview(
        agrees=answer.agrees,
        summary=answer.summary,
        points=_checked(points, workspace),
        missing=_wanted(answer.files_needed[:MOST_POINTS], workspace),
        model=came.model,
        price=came.usage.price,
        left_out=len(sent.left_out),
        files=sent.sent,
        advice=tuple(clipped for entry in answer.advice[:MOST_ADVICE] if (clipped := _clipped(entry))),
    )


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= ADVICE_CHARS else f"{line[: ADVICE_CHARS - 3]}..."


def _wanted(paths: Sequence[str], workspace: Workspace) -> tuple[str, ...]:
    """Return the files to look at, by their canonical names: none that is not there, secret or outside the root."""
    names = list(dict.fromkeys(workspace.canonical(path) for path in paths))
    facts = workspace.survey(names) if workspace.readable else {}
    return tuple(name for name in names if not workspace.readable or facts[name].exists)


def _checked(points: Sequence[ExpertPoint], workspace: Workspace) -> tuple[Objection, ...]:
    located = [workspace.locate(point.file) if point.file else WrittenPath("") for point in points]
    quotes = [
        (place, Quote(named.path, point.quote, point.line or named.line))
        for place, (point, named) in enumerate(zip(points, located, strict=True))
        if point.quote and named.path
    ]
    verdicts = dict(zip((place for place, _ in quotes), workspace.check([quote for _, quote in quotes]), strict=True))
    return tuple(
        Objection(
            point.point,
            named.path,
            verdicts[place].line if place in verdicts and verdicts[place].line else point.line or named.line,
            point.quote or "",
            verdicts[place].verdict if place in verdicts else None,
            (point.claim or "").strip(),
        )
        for place, (point, named) in enumerate(zip(points, located, strict=True))
    )


class Expert:
    """Asks one model to review a thread, in the background, with `prompts`."""

    def __init__(self, models: Models, requests: BackgroundRequests, prompts: ExpertPrompts) -> None:
        self._models = models
        self._requests = requests
        self._prompts = prompts

    async def prepare(self, step: AdmittedStep) -> tuple[Submission, Preparation]:
        """Choose the model that would be asked about this step; none where none is wanted or there is none.

        What the step leaves open, the live steps before it said. Raises ModelError for a name that no model has.
        """
        if not step.submission.more:
            await find_some(self._models)
        choice = self._chosen(step)
        return step.submission, Preparation(choice.info.name, source=choice.source) if choice else NOT_PREPARED

    def _chosen(self, step: AdmittedStep) -> Choice | None:
        if not _option(step, "use_assistant_model", default=True):
            return None
        name = _option(step, "model")
        try:
            return self._models.choose(str(name) if name else None, ModelTier.DEEP)
        except ModelError as error:
            if error.kind is ErrorKind.NO_MODEL:
                return None
            raise

    async def wait(self, waiting: WaitingThread, *, until: float) -> Sequence[Answered] | None:
        """Return the review that the thread waits for, None when it has not come by `until` (see `deadline`)."""
        review = await self._review(waiting, until)
        return None if review is None else (Answered(waiting.key, review),)

    async def arrived(self, waiting: WaitingThread) -> Sequence[PanelAnswer]:
        """Return nothing: there is one answer, and it is waited for."""
        return ()

    async def _review(self, waiting: WaitingThread, until: float) -> ExpertReview | None:
        model = waiting.thread.asked_model
        try:
            info = self._models.choose(model, ModelTier.DEEP).info
        except ModelError as error:
            return ExpertReview(model=model, failed=str(error))
        request, files = await anyio.to_thread.run_sync(self._prompts.request, waiting, info, ExpertAnswer)
        settled = await self._requests.wait(waiting.thread.id, waiting.key, request, until=until)
        if settled is None:
            return None
        return await anyio.to_thread.run_sync(review_of, outcome(settled), waiting.workspace, files)

    async def give_up(self, before: Thread | None, after: Thread, events: Sequence[Event]) -> None:
        """Stop asking for what the thread waited for before this call; the answer is dropped when it comes."""
        if before is not None and before.awaiting is not None:
            await self._requests.give_up(before.id, before.awaiting[0])


def _option(step: AdmittedStep, name: str, default: object = None) -> object:
    """Return what the step says of a field that goes to models, or what the live steps before it said last."""
    option = step.submission.fields.get(name)
    if option in {None, ""} and step.thread is not None:
        option = step.thread.model_option(name)
    return default if option is None else option
