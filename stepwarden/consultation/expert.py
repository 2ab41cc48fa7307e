"""The expert, a second opinion before a thread completes: whom to ask, what is sent, and how the answer is read."""

from collections.abc import Sequence
from typing import Annotated

import anyio.to_thread
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.consultant import AdmittedStep, WaitingThread
from stepwarden.consultation.context_budget import file_section, request_bytes
from stepwarden.consultation.outcomes import ModelAnswer, ModelFailure, outcome
from stepwarden.files import Workspace
from stepwarden.files.secret_values import hide_secrets
from stepwarden.files.written_paths import WrittenPath
from stepwarden.models import ErrorKind, Message, ModelError, ModelInfo, ModelRequest, Models, ModelTier, find_some
from stepwarden.steps.consultation_rules import Preparation
from stepwarden.steps.digest import Digest, digest
from stepwarden.steps.events import Answered, Event
from stepwarden.steps.evidence import Quote
from stepwarden.steps.expert_review import ExpertReview, Objection
from stepwarden.steps.gate import Policy, assess
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread

FINDINGS_CHARS = 2_000  # of each step
MOST_POINTS = 12


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


def _as_point(value: object) -> object:
    """Take a bare sentence for a point."""
    return {"point": value} if isinstance(value, str) else value


class ExpertAnswer(BaseModel):
    """The typed verdict that an expert gives."""

    model_config = ConfigDict(defer_build=True)

    agrees: bool = Field(description="Whether the conclusion stands as it is")
    summary: str = Field(description="The verdict in a sentence or two")
    points: list[Annotated[ExpertPoint, BeforeValidator(_as_point)]] = Field(
        default_factory=list[ExpertPoint], description="Objections and corrections"
    )
    files_needed: list[str] = Field(default_factory=list[str], description="Files to look at before this is settled")


def expert_request(waiting: WaitingThread, info: ModelInfo, wording: str) -> tuple[ModelRequest, int]:
    """Return the request to the expert, and how many files did not fit in it. Reads files."""
    thread = waiting.thread
    work = _work(thread, waiting.policy, digest(thread))
    files = file_section(waiting.workspace, _files(thread), request_bytes([info]), (work, wording))
    text = f"{work}\n\n# Files\n{files.text or 'None could be read.'}{files.note}"
    request = ModelRequest(
        model=info.name,
        messages=(Message("system", wording), Message("user", text)),
        answer=ExpertAnswer,
        temperature=thread.model_option("temperature"),
        thinking=thread.model_option("thinking_mode"),
        purpose="expert",
        thread=thread.id,
    )
    return request, len(files.left_out)


def _files(thread: Thread) -> list[str]:
    """Name the files that matter, those of verified quotes first."""
    quoted = [item.path for _, item in thread.claims.evidence if item.holds]
    found = [path for path, there in thread.claims.files.items() if there]
    return list(dict.fromkeys([*quoted, *found]))


def _work(thread: Thread, policy: Policy, found: Digest) -> str:
    """Return the consolidated work as text without secrets; all in it is the agent's and counts as data."""
    lines = [f"# Task ({thread.tool})", found.task, "", "# Steps"]
    for step in found.steps:
        lines += [f"## {step.number} ({step.confidence or 'no confidence given'})", step.findings[:FINDINGS_CHARS]]
    if found.hypothesis:
        mark = "backed by verified quotes" if found.hypothesis_evidenced else "NOT backed by a verified quote"
        lines += ["", f"# Hypothesis ({mark})", found.hypothesis]
    if found.issues:
        lines += ["", "# Issues"]
        lines += [
            f"- {issue.id} {issue.severity}, {'evidenced' if issue.evidenced else 'NOT evidenced'}: "
            f"{issue.description} {issue.place}"
            for issue in found.issues
        ]
    quotes = [
        f"- {item.path}:{item.line} {item.verdict.value}: {hide_secrets(item.quote, item.path)}"
        for item in found.evidence
    ]
    lines += ["", "# Quotes that the server found in the files", *(quotes or ["none"])]
    lines += ["", f"# Assurance: {assess(thread, policy).assurance.value}"]
    return hide_secrets("\n".join(lines))


def review_of(came: ModelAnswer | ModelFailure, workspace: Workspace, *, left_out: int = 0) -> ExpertReview:
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
        left_out=left_out,
    )


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
        )
        for place, (point, named) in enumerate(zip(points, located, strict=True))
    )


class Expert:
    """Asks one model to review a thread, in the background and once; `wording` is its system prompt."""

    def __init__(self, models: Models, requests: BackgroundRequests, wording: str) -> None:
        self._models = models
        self._requests = requests
        self._wording = wording

    async def prepare(self, step: AdmittedStep) -> tuple[Submission, Preparation]:
        """Choose the model that would be asked about this step, "" where none is wanted or there is none.

        What the step leaves open, the live steps before it said. Raises ModelError for a name that no model has.
        """
        if not step.submission.more:
            await find_some(self._models)
        return step.submission, Preparation(self._chosen(step))

    def _chosen(self, step: AdmittedStep) -> str:
        if not _option(step, "use_assistant_model", default=True):
            return ""
        name = _option(step, "model")
        try:
            return self._models.choose(str(name) if name else None, ModelTier.DEEP).info.name
        except ModelError as error:
            if error.kind is ErrorKind.NO_MODEL:
                return ""
            raise

    async def wait(self, waiting: WaitingThread, *, until: float) -> Sequence[Answered] | None:
        """Return the review that the thread waits for, None when it has not come by `until` (see `deadline`)."""
        review = await self._review(waiting, until)
        return None if review is None else (Answered(waiting.key, review),)

    async def _review(self, waiting: WaitingThread, until: float) -> ExpertReview | None:
        model = waiting.thread.asked_model
        try:
            info = self._models.choose(model, ModelTier.DEEP).info
        except ModelError as error:
            return ExpertReview(model=model, failed=str(error))
        request, left_out = await anyio.to_thread.run_sync(expert_request, waiting, info, self._wording)
        settled = await self._requests.wait(waiting.thread.id, waiting.key, request, until=until)
        if settled is None:
            return None
        return await anyio.to_thread.run_sync(lambda: review_of(outcome(settled), waiting.workspace, left_out=left_out))

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
