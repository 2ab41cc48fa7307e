"""The policies that are compared, and how a seed's threads are played under each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.manager.adviser import NoisyAdviser
from bench.manager.agents import Thread, draw_thread
from bench.manager.play import Played, needed_steps, play_managed, play_naive
from stepwarden.manager.manager import Manager
from stepwarden.steps.expert_review import ExpertReview, Objection

FIVE = 5


@dataclass
class Result:
    """One thread under every policy. `needed` are the steps to the truth, None where it is out of the agent's reach.

    `asked` are the questions that the model got, in `RULES_AND_MODEL`.
    """

    thread: Thread
    needed: int | None
    played: dict[str, Played] = field(default_factory=dict[str, Played])
    asked: int = 0


OWN_END = "agent's own end"
FIXED_FIVE = "fixed five"
GUESS = "agent's guess"
WORD_ONLY = "word-only early end"
RULES = "rules"
RULES_AND_MODEL = "rules + model"
CALIBRATED = "rules, own history"
DOUBTED = "rules + an expert's no"
_WHY = "the quotes do not show it"
NO = ExpertReview(agrees=False, summary=_WHY, points=(Objection(_WHY),), model="an expert that always says no")

_Play = Callable[[Thread], Awaitable[Played]]


async def play_seed(seed: int, count: int, hardness: float = 1.0) -> list[Result]:
    """Play the threads of a seed under every policy."""
    results: list[Result] = []
    finished: dict[str, list[int]] = {}
    for index in range(count):
        thread = draw_thread(seed, index, hardness)
        result = Result(thread, _really_needed(thread))
        result.played = {
            OWN_END: play_naive(thread, lambda _: None),
            FIXED_FIVE: play_naive(thread, lambda _: FIVE, strict=True),
            GUESS: play_naive(thread, lambda drawn: drawn.guess),
            WORD_ONLY: play_naive(thread, lambda _: FIVE, strict=True, word_ends=True),
            RULES: await play_managed(thread, Manager()),
            DOUBTED: await play_managed(thread, Manager(), expert=NO),
            CALIBRATED: await _calibrated(thread, finished.setdefault(thread.task.tool, [])),
        }
        adviser = NoisyAdviser(thread)
        result.played[RULES_AND_MODEL] = await play_managed(thread, Manager(adviser))
        result.asked = adviser.asked
        results.append(result)
    return results


def _really_needed(thread: Thread) -> int | None:
    """Return the steps that a thread really needs: to the truth, and at least the tool's minimum."""
    needed = needed_steps(thread) if thread.character.solves else None
    return None if needed is None else max(needed, thread.task.policy.min_steps)


async def _calibrated(thread: Thread, finished: list[int]) -> Played:
    """Play by the rules where the lengths of the tool's finished threads are known, as on a server after a while."""
    played = await play_managed(thread, Manager(), tuple(finished))
    if played.done:
        finished.insert(0, played.steps)
    return played
