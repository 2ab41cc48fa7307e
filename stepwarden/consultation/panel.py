"""The models of a consensus: all asked at once and blind, each handed over in its turn."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio.to_thread

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.expert import BYTES_PER_TOKEN, CONTEXT_TOKENS, SHARE
from stepwarden.consultation.outcomes import outcome
from stepwarden.consultation.votes import VoteForm, panel_answer_of, revised
from stepwarden.errors import StepwardenError
from stepwarden.files import Workspace
from stepwarden.models import Message, ModelError, ModelInfo, ModelRequest, Models, ModelTier
from stepwarden.steps.events import Event, StepRecorded
from stepwarden.steps.gate import Policy
from stepwarden.steps.panel import Panel, Panelist, answer_key, exchange_key, is_exchange, panel_from
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Outcome, Thread
from stepwarden.storage import Consultation, Store

_PANEL_FIELDS = ("models", "handover", "exchange")


class PanelRefused(StepwardenError):
    """The models named make no panel; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What every seat is sent: the question with its files; `left_out` did not fit or may not be read."""

    text: str
    left_out: tuple[str, ...] = ()


class ConsensusRunner:
    """Asks the models of panels in the background, each once; holds nothing of any thread.

    `wording` has the texts `system`, `form`, `exchange` and one for each stance.
    """

    def __init__(
        self, store: Store, models: Models, consultants: BackgroundRequests, wording: Mapping[str, str]
    ) -> None:
        self._store = store
        self._models = models
        self._consultants = consultants
        self._wording = wording

    def seated(self, said: Submission, before: Thread | None) -> Submission:
        """Return a first step with its models by the names they are asked by.

        One that goes back to step 1 of `before` keeps the panel where it names none. Raises PanelRefused, and
        ModelError for a name that no model has or where no model is configured.
        """
        fields: dict[str, Any] = dict(said.fields)
        if "models" not in fields and before is not None:
            kept = before.trail[0].submission.fields
            fields = {name: kept[name] for name in _PANEL_FIELDS if name in kept} | fields
        if "models" not in fields:
            raise PanelRefused(
                "models: name 2 to 10 models in step 1, such as [{model, stance}, ...]; listmodels has names."
            )
        fields["models"] = [item | {"model": self._info(item["model"]).name} for item in fields["models"]]
        panel = panel_from(fields)
        names = panel.names if panel is not None else ()
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise PanelRefused(f"models: {twice} stands there twice; the same model twice needs different stances.")
        return replace(said, fields=fields)

    def brief(self, first: Submission, workspace: Workspace) -> Brief:
        """Return what the models of a first step are sent: never the agent's findings. Reads files."""
        panel = panel_from(first.fields)
        assert panel is not None
        infos = [info for info in map(self._known, panel.seats) if info is not None]
        tokens = min((info.context_tokens or CONTEXT_TOKENS for info in infos), default=CONTEXT_TOKENS)
        spent = len(first.step.encode()) + max(len(seat.prompt.encode()) for seat in panel.seats)
        spent += sum(len(text.encode()) for text in self._wording.values())
        room = max(0, int(tokens * BYTES_PER_TOKEN * SHARE) - spent)
        files, left_out = workspace.numbered(first.relevant, room)
        shown = f"\n\n# Files\n{files}" if files else ""
        named = f"\n\nNot included, did not fit or may not be read: {', '.join(left_out)}" if left_out else ""
        return Brief(f"# Question\n{first.step}{shown}{named}", tuple(left_out))

    async def hear(
        self, thread: Thread, panel: Panel, workspace: Workspace, *, until: float, principal: str
    ) -> Sequence[PanelAnswer] | None:
        """Return the voices that `thread` waits for, None when one has not come by `until` (see `deadline`).

        Whoever of the panel was not asked yet is asked now, and on the last ask to finish those that have answered
        already are heard as well.
        """
        assert thread.awaiting is not None
        ask = _Round(self, thread, panel, workspace, principal, is_exchange(thread.awaiting[0]))
        rows = {row.key: row for row in await self._store.consultations.of_stream(thread.id)}
        settled = {seat.number: row for seat in ask.seats if (row := rows.get(ask.key(seat))) and row.settled}
        lacking = [seat for seat in ask.seats if seat.number not in settled and self._known(seat)]
        requests = await anyio.to_thread.run_sync(ask.requests, lacking) if lacking else {}
        await asyncio.gather(*(self._consultants.start(thread.id, ask.key(s), requests[s.number]) for s in lacking))
        waited = [seat for seat in lacking if seat in ask.due]
        came = await asyncio.gather(
            *(self._consultants.wait(thread.id, ask.key(s), requests[s.number], until=until) for s in waited)
        )
        if None in came:
            return None
        settled |= {seat.number: row for seat, row in zip(waited, came, strict=True) if row is not None}
        ending = not thread.trail[-1].submission.more and 0 < thread.held_at < thread.last
        heard = [seat for seat in ask.seats if seat in ask.due or (ending and seat.number in settled)]
        return [self._voice(thread, seat, settled.get(seat.number), exchange=ask.exchange) for seat in heard]

    async def give_up(self, before: Thread | None, after: Thread, policy: Policy, events: Sequence[Event]) -> None:
        """Stop what nobody waits for after a call of these `events` on `before`.

        That is the awaited seats where it went on without them, and all of a thread that ended or began anew.
        """
        backtrack = any(isinstance(event, StepRecorded) and event.backtracked for event in events)
        keys: list[str] = []
        if before is not None and before.awaiting is not None and not backtrack:
            keys += _awaited(before, policy.panel(before))
        ended = before if before is not None and backtrack and after.last == 1 else after
        if ended is before or after.outcome is not Outcome.OPEN:
            panel = policy.panel(ended)
            keys += [answer_key(ended, seat.number) for seat in (panel.unheard(ended) if panel is not None else ())]
        for key in dict.fromkeys(keys):
            await self._consultants.give_up(after.id, key)

    async def close(self) -> None:
        """Abort what is under way."""
        await self._consultants.close()

    def request(self, seat: Panelist, messages: tuple[Message, ...], thread: Thread, principal: str) -> ModelRequest:
        """Return the request to a seat: the common wording, its stance, and what it is asked."""
        system = "\n\n".join(
            [self._wording["system"], seat.prompt or self._wording[seat.stance.value], self._wording["form"]]
        )
        return ModelRequest(
            model=seat.model,
            messages=(Message("system", system), *messages),
            form=VoteForm,
            temperature=thread.model_option("temperature"),
            thinking=thread.model_option("thinking_mode"),
            purpose="consensus",
            thread=thread.id,
            principal=principal,
        )

    def exchange_messages(self, voice: PanelAnswer, others: Sequence[PanelAnswer]) -> tuple[Message, ...]:
        """Return what a model is told in the exchange round: its own answer, and the others' reasons without names."""
        own = "\n".join([f"My vote: {voice.vote}.", voice.summary, *(f"- {reason}" for reason in voice.reasons)])
        told = [
            f"- One votes {other.vote}: {' '.join([other.summary, *other.reasons, *other.conditions])}"
            for other in others
        ]
        return Message("assistant", own), Message("user", "\n".join([self._wording["exchange"], *told]))

    def _voice(self, thread: Thread, seat: Panelist, row: Consultation | None, *, exchange: bool) -> PanelAnswer:
        if exchange:
            before = thread.voices[seat.number]
            return before if row is None else revised(before, outcome(row))
        info = self._known(seat)
        if row is None:
            return PanelAnswer(seat.number, seat.model, stance=seat.stance, failed="it is not configured here any more")
        return panel_answer_of(seat, outcome(row), info.family if info is not None else "")

    def _info(self, name: str) -> ModelInfo:
        return self._models.choose(name, ModelTier.BALANCED).info

    def _known(self, seat: Panelist) -> ModelInfo | None:
        try:
            return self._info(seat.model)
        except ModelError:
            return None


def _awaited(thread: Thread, panel: Panel | None) -> list[str]:
    if panel is None or thread.awaiting is None:
        return []
    if is_exchange(thread.awaiting[0]):
        return [exchange_key(thread, seat.number) for seat in panel.seats]
    return [answer_key(thread, seat.number) for seat in panel.due(thread)]


class _Round:
    """One hearing: whom it asks, whom it waits for, by which keys, and with what."""

    def __init__(
        self,
        panels: ConsensusRunner,
        thread: Thread,
        panel: Panel,
        workspace: Workspace,
        principal: str,
        exchange: bool,
    ) -> None:
        self._panels = panels
        self._thread = thread
        self._workspace = workspace
        self._principal = principal
        self.exchange = exchange
        voted = tuple(s for s in panel.seats if exchange and thread.voices[s.number].counted is not None)
        self.seats = voted if exchange else panel.unheard(thread)
        self.due = voted if exchange else panel.due(thread)
        self._name: Callable[[Thread, int], str] = exchange_key if exchange else answer_key

    def key(self, seat: Panelist) -> str:
        return self._name(self._thread, seat.number)

    def requests(self, seats: Sequence[Panelist]) -> dict[int, ModelRequest]:
        """Return the request to each of `seats`, by number. Reads files."""
        brief = Message("user", self._panels.brief(self._thread.trail[0].submission, self._workspace).text)
        return {
            seat.number: self._panels.request(seat, (brief, *self._told(seat)), self._thread, self._principal)
            for seat in seats
        }

    def _told(self, seat: Panelist) -> tuple[Message, ...]:
        if not self.exchange:
            return ()
        voices = self._thread.voices
        others = [voices[other.number] for other in self.seats if other != seat]
        return self._panels.exchange_messages(voices[seat.number], others)
