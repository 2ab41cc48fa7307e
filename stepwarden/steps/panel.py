"""The panel of a thread: which models are asked, and which of them its steps have heard."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwarden.steps.clause import Clause
from stepwarden.steps.panel_answer import PanelAnswer, Stance, Vote, panelist_name
from stepwarden.steps.synthesis import Seats, Synthesis, synthesis
from stepwarden.steps.thread import Thread

MOST_PANELISTS = 10  # models that one consensus asks (protocol, section 6); at least two
AGENT = "you (the agent)"
_OF_PANEL, _EXCHANGE = "consensus:", ":x"


@dataclass(frozen=True, slots=True)
class Panelist:
    """One place of a panel; `number` counts from 1, `prompt` is a stance in the agent's own words."""

    number: int
    model: str
    stance: Stance = Stance.NEUTRAL
    prompt: str = ""

    @property
    def name(self) -> str:
        """The name it is shown by."""
        return panelist_name(self.model, self.stance)

    @property
    def is_free(self) -> bool:
        """Whether it was told no side to argue, so that its vote counts."""
        return self.stance is Stance.NEUTRAL


@dataclass(frozen=True, slots=True)
class Panel:
    """All models of a thread. `together`: its first step hears them all; `exchange`: a split is voted on once more."""

    panelists: tuple[Panelist, ...]
    together: bool = False
    exchange: bool = False

    @property
    def steps(self) -> int:
        """How many steps it takes."""
        return 1 if self.together else len(self.panelists)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all panelists."""
        return tuple(one.name for one in self.panelists)

    @property
    def seats(self) -> Seats:
        """Who of them votes freely, who argues a side, and which models they are."""
        free = tuple(one.name for one in self.panelists if one.is_free)
        argued = tuple(one.name for one in self.panelists if not one.is_free)
        return Seats(free, argued, frozenset(one.model for one in self.panelists))

    def unheard(self, thread: Thread) -> tuple[Panelist, ...]:
        """Return the panelists that no live step has heard."""
        return tuple(one for one in self.panelists if one.number not in thread.answers)

    def due(self, thread: Thread) -> tuple[Panelist, ...]:
        """Return the panelists that the last step has to hear."""
        return tuple(one for one in self.unheard(thread) if self.together or one.number <= thread.last)

    def clauses(self, thread: Thread) -> tuple[Clause, ...]:
        """Return one open clause for each panelist that was not heard."""
        return tuple(Clause("not_heard", one.name) for one in self.unheard(thread))

    def free_voters(self, thread: Thread) -> tuple[Panelist, ...]:
        """Return the panelists whose free votes were heard."""
        return tuple(one for one in self.panelists if one.is_free and thread.answers[one.number].counted is not None)

    def synthesis(self, thread: Thread) -> Synthesis:
        """Return what the answers heard so far come to; the agent's own vote stands beside them."""
        return synthesis(thread.answers.values(), self.seats, agent_answer(thread))


def panel_of(thread: Thread) -> Panel | None:
    """Return the panel that the first live step named."""
    if not thread.trail:
        return None
    return panel_from(thread.trail[0].submission.fields)


def panel_from(fields: Mapping[str, Any]) -> Panel | None:
    """Return the panel that a tool's own fields name, None where they name no model."""
    panelists = tuple(
        Panelist(number, item["model"], Stance(item.get("stance", Stance.NEUTRAL)), item.get("stance_prompt", ""))
        for number, item in enumerate(fields.get("models", ()), 1)
    )
    return Panel(panelists, fields.get("handover") == "all", bool(fields.get("exchange"))) if panelists else None


def agent_answer(thread: Thread) -> PanelAnswer | None:
    """Return the agent as a panelist of its own: its latest findings, with the vote it gave last, if any."""
    if not thread.live:
        return None
    votes = [step.submission.fields["own_vote"] for step in thread.live if step.submission.fields.get("own_vote")]
    findings = [step.submission.findings for step in thread.live if step.submission.findings]
    if not votes and not findings:
        return None
    return PanelAnswer(0, AGENT, vote=Vote(votes[-1]) if votes else None, summary=(findings or [""])[-1] or "")


def answer_key(thread: Thread, number: int) -> str:
    """Name the consultation of a panelist; a first step that is sent anew asks anew."""
    return f"{_OF_PANEL}{max(thread.attempt(1), 1)}:{number}"


def exchange_key(thread: Thread, number: int) -> str:
    """Name the consultation of a panelist in the exchange round."""
    return answer_key(thread, number) + _EXCHANGE


def is_of_panel(key: str) -> bool:
    """Whether a key names a consultation of a panelist, not of an expert."""
    return key.startswith(_OF_PANEL)


def is_exchange(key: str) -> bool:
    """Whether a key names a consultation of the exchange round."""
    return key.endswith(_EXCHANGE)
