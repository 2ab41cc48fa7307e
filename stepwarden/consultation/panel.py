"""The panel of a consensus: all models asked at once and blind, each handed over in its turn."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio.to_thread

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.consultant import AdmittedStep, ConsultationRefused, WaitingThread
from stepwarden.consultation.outcomes import outcome
from stepwarden.consultation.panel_prompts import Brief, PanelPrompts, PanelRound
from stepwarden.consultation.votes import panel_answer_of, revised
from stepwarden.files import Workspace
from stepwarden.models import ModelError, ModelInfo, ModelRequest, Models, ModelTier
from stepwarden.steps.consultation_rules import NOT_PREPARED, Preparation
from stepwarden.steps.events import Answered, Event, StepRecorded
from stepwarden.steps.panel import Panel, Panelist, answer_key, exchange_key, is_exchange, panel_from, panel_of
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Outcome, Thread
from stepwarden.storage import Consultation, Store

_PANEL_FIELDS = ("models", "handover", "exchange")


class ModelPanel:
    """Asks the models of panels in the background, each once, with `prompts`."""

    def __init__(self, store: Store, models: Models, requests: BackgroundRequests, prompts: PanelPrompts) -> None:
        self._store = store
        self._models = models
        self._requests = requests
        self._prompts = prompts

    async def prepare(self, step: AdmittedStep) -> tuple[Submission, Preparation]:
        """Return a first step with its models by the names they are asked by, and the files they are not sent.

        One that goes back to step 1 keeps the panel where it names none. Raises ConsultationRefused where the models
        named make no panel, and ModelError for a name that no model has or where no model is configured.
        """
        if step.number > 1:
            return step.submission, NOT_PREPARED
        fields: dict[str, Any] = dict(step.submission.fields)
        if "models" not in fields and step.thread is not None:
            kept = step.thread.trail[0].submission.fields
            fields = {name: kept[name] for name in _PANEL_FIELDS if name in kept} | fields
        if "models" not in fields:
            self._info("auto")  # says so where no model can be asked at all
            raise ConsultationRefused(
                "models: name 2 to 10 models in step 1, such as [{model, stance}, ...]; listmodels has names."
            )
        fields["models"] = [item | {"model": self._info(item["model"]).name} for item in fields["models"]]
        panel = panel_from(fields)
        assert panel is not None
        if twice := next((name for name in panel.names if panel.names.count(name) > 1), None):
            raise ConsultationRefused(
                f"models: {twice} stands there twice; the same model twice needs different stances."
            )
        submission = replace(step.submission, fields=fields)
        brief = await anyio.to_thread.run_sync(self._brief, submission, panel, step.workspace)
        return submission, Preparation(left_out=brief.left_out, source=self._source(panel), files=brief.files)

    async def wait(self, waiting: WaitingThread, *, until: float) -> Sequence[Answered] | None:
        """Return the answers that the thread waits for, None when one has not come by `until` (see `deadline`).

        Whoever of the panel was not asked yet is asked now, and on the last ask to finish those that have answered
        already are heard as well.
        """
        thread = waiting.thread
        panel = panel_of(thread)
        assert panel is not None
        now = PanelRound.of(thread, panel)
        rows = {row.key: row for row in await self._store.consultations.of_stream(thread.id)}
        settled = {one.number: row for one in now.asked if (row := rows.get(now.key(one))) and row.settled}
        lacking = [one for one in now.asked if one.number not in settled and self._known(one)]
        requests = await anyio.to_thread.run_sync(self._requests_to, lacking, now, waiting) if lacking else {}
        await asyncio.gather(*(self._requests.start(thread.id, now.key(one), requests[one.number]) for one in lacking))
        waited = [one for one in lacking if one in now.due]
        came = await asyncio.gather(
            *(self._requests.wait(thread.id, now.key(one), requests[one.number], until=until) for one in waited)
        )
        if None in came:
            return None
        settled |= {one.number: row for one, row in zip(waited, came, strict=True) if row is not None}
        heard = [one for one in now.asked if one in now.due or (now.is_last_ask and one.number in settled)]
        return [Answered(now.key(one), voice=self._answer(now, one, settled.get(one.number))) for one in heard]

    async def arrived(self, waiting: WaitingThread) -> Sequence[PanelAnswer]:
        """Return the answers that came already of those waited for; in an exchange the first ones stand."""
        panel = panel_of(waiting.thread)
        assert panel is not None
        now = PanelRound.of(waiting.thread, panel)
        rows = {row.key: row for row in await self._store.consultations.of_stream(waiting.thread.id)}
        came = [(one, row) for one in now.due if (row := rows.get(now.key(one))) is not None and row.settled]
        return () if now.exchange else [self._answer(now, one, row) for one, row in came]

    async def give_up(self, before: Thread | None, after: Thread, events: Sequence[Event]) -> None:
        """Stop whom nobody waits for after this call.

        That is the awaited panelists where it went on without them, and all of a thread that ended or began anew. A
        backtrack stops nobody else: its step hears the same model again, by the answer that is there or under way.
        """
        backtrack = any(isinstance(event, StepRecorded) and event.backtracked for event in events)
        keys: list[str] = []
        if before is not None and before.awaiting is not None and not backtrack:
            keys += _awaited(before)
        ended = before if before is not None and backtrack and after.last == 1 else after
        if (ended is before or after.outcome is not Outcome.OPEN) and (panel := panel_of(ended)) is not None:
            keys += [answer_key(ended, one.number) for one in panel.unheard(ended)]
        for key in dict.fromkeys(keys):
            await self._requests.give_up(after.id, key)

    def _requests_to(
        self, panelists: Sequence[Panelist], now: PanelRound, waiting: WaitingThread
    ) -> dict[int, ModelRequest]:
        """Return the request to each of `panelists`, by number. Reads files."""
        brief = self._brief(now.thread.trail[0].submission, now.panel, waiting.workspace)
        return {one.number: self._prompts.request(one, brief, now, waiting) for one in panelists}

    def _brief(self, first: Submission, panel: Panel, workspace: Workspace) -> Brief:
        infos = [info for info in map(self._known, panel.panelists) if info is not None]
        return self._prompts.brief(first, infos, workspace)

    def _answer(self, now: PanelRound, panelist: Panelist, row: Consultation | None) -> PanelAnswer:
        if now.exchange:
            before = now.thread.answers[panelist.number]
            return before if row is None else revised(before, outcome(row))
        info = self._known(panelist)
        if row is None:
            failed = "it is not configured here any more"
            return PanelAnswer(panelist.number, panelist.model, stance=panelist.stance, failed=failed)
        return panel_answer_of(panelist, outcome(row), info.family if info is not None else "")

    def _info(self, name: str) -> ModelInfo:
        return self._models.choose(name, ModelTier.BALANCED).info

    def _source(self, panel: Panel) -> str:
        """Return which models are asked by nothing but a key, and by which: `gpt-6.1-sol by OPENAI_API_KEY`."""
        models = list(dict.fromkeys(one.model for one in panel.panelists))
        sources = [(model, self._models.choose(model, ModelTier.BALANCED).source) for model in models]
        return ", ".join(f"{model} {source}" for model, source in sources if source)

    def _known(self, panelist: Panelist) -> ModelInfo | None:
        try:
            return self._info(panelist.model)
        except ModelError:
            return None


def _awaited(thread: Thread) -> list[str]:
    """Return the consultations that a waiting thread has to hear."""
    panel = panel_of(thread)
    if panel is None or thread.awaiting is None:
        return []
    if is_exchange(thread.awaiting[0]):
        return [exchange_key(thread, one.number) for one in panel.panelists]
    return [answer_key(thread, one.number) for one in panel.due(thread)]
