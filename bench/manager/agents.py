"""Simulated agents: parameterised stochastic models of who sends the steps.

The numbers are assumptions, but for `jumps_right`. They were written down before any rule was measured against them,
and none was changed since. How the stalled behave was corrected once, after the first runs: dry agents still brought
new theories.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from bench.manager.world import Task, draw_task
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Signal


@dataclass(frozen=True, slots=True)
class Character:
    """An investigator in numbers; all are chances, most of them for one step.

    `dries_after` is the number of steps after which nothing is found any more, None for an agent that goes on.
    """

    name: str
    share: float  # of all threads
    progresses: float  # a step of work brings the work forward
    finds: float  # with the work done, the truth is seen
    guesses: float  # a wrong theory is stated before
    slips: float  # a wrong theory is called very_high
    jumps: float  # certainty is claimed early
    jumps_right: float  # what was jumped at is true: agents that say 77 % succeed 22 % of the time
    works_on: float  # the work goes on although the agent is sure
    quotes: float  # a theory comes with a quote of its own accord
    misquotes: float  # the quote is not what the file says
    doubts: float  # to look for evidence, or to try to disprove, shows a wrong theory for what it is
    drifts: float  # one more step replaces a true theory by a wrong one
    ends_itself: float  # it asks to finish when sure, although the total says more
    persists: float  # it asks for more where the total is reached and nothing found
    gives_up: float  # it ends after two steps in a row that brought nothing
    heeds: float  # it does what the reply says of a stall or of splitting
    hints: float  # it sends total_steps on step 1
    dries_after: tuple[int, int] | None = None
    tries: float = 0.85  # a call to disprove is answered by a look, and a quote that was not there before
    names: float = 0.85  # told that its quotes have nothing to do with its theory, it says in it what it is about
    changes_late: float = 0.0  # once sure, the theory is replaced by a wrong one that rests on nothing new

    @property
    def solves(self) -> bool:
        """Whether the truth is within its reach."""
        return self.finds > 0


HONEST = Character(
    name="honest",
    share=0.55,
    progresses=0.93,
    finds=0.9,
    guesses=0.35,
    slips=0.05,
    jumps=0.0,
    jumps_right=0.0,
    works_on=1.0,
    quotes=0.8,
    misquotes=0.08,
    doubts=0.6,
    drifts=0.02,
    ends_itself=0.3,
    persists=0.85,
    gives_up=0.1,
    heeds=0.7,
    hints=0.5,
)
OVERCONFIDENT = Character(
    name="over-confident",
    share=0.15,
    progresses=0.85,
    finds=0.8,
    guesses=0.4,
    slips=0.2,
    jumps=0.5,
    jumps_right=0.22,
    works_on=0.6,
    quotes=0.5,
    misquotes=0.2,
    doubts=0.4,
    drifts=0.03,
    ends_itself=0.5,
    persists=0.5,
    gives_up=0.2,
    heeds=0.4,
    hints=0.5,
    tries=0.5,
    names=0.5,
)
STALLED = Character(
    name="stalled",
    share=0.12,
    progresses=1.0,
    finds=0.0,
    guesses=0.3,
    slips=0.05,
    jumps=0.0,
    jumps_right=0.0,
    works_on=1.0,
    quotes=0.4,
    misquotes=0.15,
    doubts=0.6,
    drifts=0.0,
    ends_itself=0.3,
    persists=0.6,
    gives_up=0.12,
    heeds=0.6,
    hints=0.5,
    tries=0.4,
    names=0.4,
    dries_after=(1, 3),
)


@dataclass(frozen=True, slots=True)
class Fraud:
    """An agent that concludes without work; what it quotes is made up (`invents`), or true and beside the point."""

    name: str
    share: float
    invents: bool
    quotes: float = 0.85  # a step brings quotes at all
    elsewhere: float = 0.3  # a made-up quote is of a file that does not exist
    withdraws: float = 0.3  # refuted quotes are taken back
    ends_itself: float = 0.5
    hints: float = 0.5
    repeats: bool = False  # the first quote is sent again with every step
    rewords: bool = False  # the claim is put into other words with every step
    from_named: float = 0.5  # a true quote is of a file that the task names
    names_symbols: float = 0.3  # the claim names a function of the program, any one
    solves: bool = False


QUIET = replace(
    HONEST,
    name="quiet reader",
    share=0.05,
    quotes=0.35,
    misquotes=0.02,
    guesses=0.1,
    jumps=0.0,
    hints=0.2,
)
LATE_CHANGER = replace(
    HONEST,
    name="late change of hypothesis",
    share=0.05,
    changes_late=1.0,
    quotes=1.0,
    misquotes=0.0,
)
MADE_UP = Fraud("liar, made-up quotes", 0.10, invents=True)
IRRELEVANT = Fraud("liar, irrelevant quotes", 0.08, invents=False)
REPEATER = Fraud("liar, repeats its quote", 0.04, invents=False, repeats=True)
PARAPHRASER = Fraud("liar, paraphraser", 0.04, invents=False, repeats=True, rewords=True)
CHARACTERS: tuple[Character | Fraud, ...] = (
    HONEST,
    OVERCONFIDENT,
    STALLED,
    QUIET,
    LATE_CHANGER,
    MADE_UP,
    IRRELEVANT,
    REPEATER,
    PARAPHRASER,
)

PATIENCE = (8, 14)  # steps after which any agent stops of itself
HABIT = ((3, 0.3), (4, 0.2), (5, 0.5))  # what agents send as total_steps out of habit
HABITUAL = 0.6  # how often they do, instead of estimating
ESTIMATE_SPREAD = 0.4
OWN_END = 0.8  # an agent that is sure and was told no total asks to finish

_EARLY = (Confidence.HIGH, Confidence.VERY_HIGH, Confidence.ALMOST_CERTAIN, Confidence.CERTAIN), (40, 35, 10, 15)
_LATER = (Confidence.VERY_HIGH, Confidence.ALMOST_CERTAIN, Confidence.CERTAIN), (45, 20, 35)
_BOASTS = (Confidence.CERTAIN, Confidence.ALMOST_CERTAIN, Confidence.VERY_HIGH), (60, 20, 20)


@dataclass(frozen=True, slots=True)
class View:
    """What the agent has seen of the reply to its last call. `total` is None where nobody tells it one."""

    number: int = 1
    total: int | None = None
    held: bool = False
    open: frozenset[str] = frozenset()  # kinds of the clauses that bar the finish
    signal: Signal | None = None
    refuted: tuple[str, ...] = ()  # files of quotes that are not there
    issues: Mapping[str, str] = field(default_factory=dict[str, str])  # live ones, words -> id


@dataclass(frozen=True, slots=True)
class Thread:
    """Who works on what: everything that is drawn before the first step, the same under every policy."""

    name: str
    character: Character | Fraud
    task: Task
    guess: int  # of the steps it will take
    hints: bool
    patience: int
    dries_after: int | None

    def random(self, call: int) -> Random:
        """Return the chance of one call: under every policy the agent meets the same luck."""
        return Random(f"{self.name} {call}")


def draw_thread(seed: int, index: int, hardness: float = 1.0) -> Thread:
    """Draw the thread of a seed with this index."""
    name = f"{seed}_{index}"
    random = Random(name)
    character = random.choices(CHARACTERS, [character.share for character in CHARACTERS])[0]
    task = draw_task(random, name, hardness)
    dries = character.dries_after if isinstance(character, Character) else None
    return Thread(
        name,
        character,
        task,
        guess=guessed(random, task.need),
        hints=random.random() < character.hints,
        patience=random.randint(*PATIENCE),
        dries_after=random.randint(*dries) if dries else None,
    )


def early_word(random: Random, found_before: bool) -> Confidence:
    """Return the word of an honest agent that holds the truth, at first and later."""
    return random.choices(*(_LATER if found_before else _EARLY))[0]


def boast(random: Random) -> Confidence:
    """Return the word of an agent that claims to be sure."""
    return random.choices(*_BOASTS)[0]


def guessed(random: Random, need: int) -> int:
    """Return an agent's own guess of the steps: most often a habit."""
    if random.random() < HABITUAL:
        return random.choices([steps for steps, _ in HABIT], [share for _, share in HABIT])[0]
    return max(2, round(need * random.lognormvariate(0, ESTIMATE_SPREAD)))
