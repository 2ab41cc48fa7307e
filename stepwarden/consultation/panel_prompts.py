"""What the models of a panel are sent: the question with its files, a stance each, and others' reasons on a split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stepwarden.consultation.consultant import WaitingThread
from stepwarden.consultation.context_budget import file_section, request_bytes
from stepwarden.consultation.votes import vote_form
from stepwarden.files import Workspace
from stepwarden.files.secret_values import hide_known
from stepwarden.models import Message, ModelInfo, ModelRequest
from stepwarden.steps.panel import Panel, Panelist, answer_key, exchange_key, is_exchange, panel_from
from stepwarden.steps.panel_answer import PanelAnswer, Stance
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread


@dataclass(frozen=True, slots=True)
class Brief:
    """What every panelist is sent: the question with its files; `left_out` did not fit or may not be read.

    `files` counts those that it is sent, `secrets` are values in any of them.
    """

    text: str
    left_out: tuple[str, ...] = ()
    files: int = 0
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PanelRound:
    """One round of a panel: who is asked in it, and who of them has to answer now. The second one is the exchange."""

    thread: Thread
    panel: Panel
    exchange: bool
    asked: tuple[Panelist, ...]
    due: tuple[Panelist, ...]

    @classmethod
    def of(cls, thread: Thread, panel: Panel) -> "PanelRound":
        """Return the round that `thread` waits for."""
        if thread.awaiting is not None and is_exchange(thread.awaiting[0]):
            voted = panel.free_voters(thread)
            return cls(thread, panel, True, voted, voted)
        return cls(thread, panel, False, panel.unheard(thread), panel.due(thread))

    @property
    def is_last_ask(self) -> bool:
        """Whether the agent asked to finish again after it was held: what is there by now is all it wants."""
        thread = self.thread
        return not thread.trail[-1].submission.more and 0 < thread.held_at < thread.last

    def key(self, panelist: Panelist) -> str:
        """Name the consultation of a panelist in this round."""
        return (exchange_key if self.exchange else answer_key)(self.thread, panelist.number)


class PanelPrompts:
    """The requests of a panel.

    `wording` has the texts `system`, `blind`, `informed`, `form`, `exchange`, and one for each stance.
    """

    def __init__(self, wording: Mapping[str, str]) -> None:
        self._wording = wording
        self._form = vote_form(wording["form"])

    def brief(self, first: Submission, infos: Iterable[ModelInfo], workspace: Workspace) -> Brief:
        """Return what models of a first step are sent: never the agent's findings. Reads files."""
        panel = panel_from(first.fields)
        assert panel is not None
        longest = max((one.prompt for one in panel.panelists), key=lambda prompt: len(prompt.encode()))
        texts = (first.step, longest, *self._wording.values())
        files = file_section(workspace, first.relevant, request_bytes(infos), texts)
        shown = f"\n\n# Files\n{files.text}" if files.text else ""
        question = hide_known(first.step, files.secrets)
        return Brief(f"# Question\n{question}{shown}{files.note}", files.left_out, files.sent, files.secrets)

    def request(self, panelist: Panelist, brief: Brief, now: PanelRound, waiting: WaitingThread) -> ModelRequest:
        """Return the request to a panelist: the common wording, its stance, and what it is asked."""
        stance = panelist.prompt or self._wording[panelist.stance.value]
        knows = self._wording["informed" if now.exchange else "blind"]
        system = "\n\n".join([self._wording["system"], knows, stance, self._form.words])
        exchanged = self._exchanged(panelist, now) if now.exchange else ()
        return ModelRequest(
            model=panelist.model,
            messages=(Message("system", system), Message("user", brief.text), *exchanged),
            form=self._form,
            temperature=now.thread.model_option("temperature"),
            thinking=now.thread.model_option("thinking_mode"),
            purpose="consensus",
            thread=now.thread.id,
            principal=waiting.principal,
            secrets=brief.secrets,
        )

    def _exchanged(self, panelist: Panelist, now: PanelRound) -> Sequence[Message]:
        """Return what a model is told in the exchange round: its own answer, and the others' reasons without names."""
        answers = now.thread.answers
        own = answers[panelist.number]
        mine = "\n".join([f"My vote: {own.vote}.", *_said(own)])
        others = [answers[other.number] for other in now.panel.panelists if other != panelist]
        told = [line for answer in others if answer.counted for line in (_introduced(answer), *_said(answer))]
        return Message("assistant", mine), Message("user", "\n".join([self._wording["exchange"], *told]))


def _introduced(answer: PanelAnswer) -> str:
    if answer.stance is Stance.NEUTRAL:
        return f"\n## One votes {answer.counted}"
    return f"\n## One was told to argue {answer.stance.value} the proposal, and votes {answer.counted}"


def _said(answer: PanelAnswer) -> list[str]:
    """Return what a panelist said: summary, reasons and conditions, each apart from the others."""
    lines = [answer.summary] if answer.summary else []
    for head, items in (("Reasons:", answer.reasons), ("Conditions:", answer.conditions)):
        lines += [head, *(f"- {item}" for item in items)] if items else []
    return lines
