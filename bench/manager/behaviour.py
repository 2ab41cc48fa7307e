"""What a simulated agent does with a call: it reacts to the reply, works a step, and says so."""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

from bench.manager.agents import OWN_END, Character, Fraud, Thread, View, boast, early_word
from bench.manager.world import FIRST_DEFINITION, LINES, NAMES_ITS_PLACE
from stepwarden.steps.evidence import Quote
from stepwarden.steps.submission import Confidence, IssueClaim, Severity, Submission
from stepwarden.steps.thread import Signal

IDLE_STEPS = 2  # in a row, from which an agent thinks of giving up
UNPROVEN = frozenset({"hypothesis", "issue", "irrelevant", "refuted"})  # clauses that ask for evidence
_MURMUR = "still looking into it"


class Agent(Protocol):
    """Who sends the steps of one thread. `right` says whether it holds the truth now, `proved` with a true quote."""

    right: bool
    proved: bool

    def step(self, view: View) -> Submission:
        """Return the next call."""
        ...


def agent_of(thread: Thread) -> Agent:
    """Return a fresh agent for a thread."""
    return Liar(thread) if isinstance(thread.character, Fraud) else Investigator(thread, thread.character)


@dataclass
class Theory:
    """What an agent holds to be so. `quote` is what it would quote for it; `quoted` that it did, as far as it knows."""

    words: str
    right: bool
    quote: Quote
    quoted: bool = False
    said: bool = False
    steps: int = 0  # calls since it was formed


@dataclass
class Investigator:
    """An agent that works: honest, over-confident or stalled, by its character."""

    thread: Thread
    character: Character
    theory: Theory | None = None
    work: int = 0  # steps of work that brought something
    calls: int = 0
    idle: int = 0
    sure: bool = False  # it jumped to its conclusion
    stopping: bool = False
    jumped: bool = False
    read: list[str] = field(default_factory=list[str])
    theories: int = 0
    changed: bool = False  # it replaced its theory late

    @property
    def right(self) -> bool:
        """Whether it holds the truth now."""
        return self.theory is not None and self.theory.right

    @property
    def proved(self) -> bool:
        """Whether it holds the truth, and has quoted it word for word."""
        return self.theory is not None and self.theory.right and self.theory.quoted

    @property
    def dry(self) -> bool:
        """Whether it has stopped bringing anything."""
        return self.thread.dries_after is not None and self.work >= self.thread.dries_after

    def step(self, view: View) -> Submission:
        """Return the next call."""
        self.calls += 1
        random = self.thread.random(self.calls)
        taken_back = self._react(view, random)
        checked = self._work(view, random)
        self._conclude(view, random)
        quotes = [*taken_back, *self._quotes(view, random)]
        if view.signal is Signal.DISPROVE and quotes:
            checked = [*checked, *(quote.file for quote in quotes if quote.file not in checked)]
        word = self._confidence(random)
        new = bool(checked or quotes or (self.theory and not self.theory.said))
        self.idle = 0 if new else self.idle + 1
        more = not self._ends(view, random, word)
        said = self._said(view, random, checked, quotes, word, more=more)
        if self.theory:
            self.theory.said = True
            self.theory.steps += 1
        return said

    def _react(self, view: View, random: Random) -> list[Quote]:
        """Take in the reply: what was refuted, what wants evidence, what should be doubted; give what is taken back."""
        taken_back: list[Quote] = []
        if view.refuted and self.theory and self.theory.quote.file in view.refuted:
            self.theory.quoted = False
        elif view.refuted:
            taken_back = [Quote(path, withdrawn=True) for path in view.refuted]
        challenged = view.signal is Signal.DISPROVE or bool(view.open & UNPROVEN)
        if challenged and self.theory and not self.theory.right and random.random() < self.character.doubts:
            taken_back += [Quote(path, withdrawn=True) for path in view.refuted if not taken_back]
            self.theory, self.sure = None, False
        if "irrelevant" in view.open and self.theory and random.random() < self.character.names:
            self._name_the_place()
        if view.signal in {Signal.STALLED, Signal.SPLIT} and not self.right and random.random() < self.character.heeds:
            self.stopping = random.random() < 0.75  # else it tries another way
            self.idle = 0
        return taken_back

    def _name_the_place(self) -> None:
        """Say in the theory what it is about, and quote for it again, as the reply asks for."""
        assert self.theory is not None
        path, line = self.theory.quote.file, self.theory.quote.line or 1
        where = self.thread.task.repository.definition(path, line)
        if where and where not in self.theory.words:
            self.theory = replace(self.theory, words=f"{self.theory.words}, in {where}", quoted=False, said=False)

    def _work(self, view: View, random: Random) -> list[str]:
        """Work a step; give the files that were read in it."""
        task = self.thread.task
        if view.number == 1 or self.calls == 1:
            self.work = 1
            return []
        chance = self.character.progresses * (self.character.works_on if self.sure else 1.0)
        if random.random() >= chance or self.dry or self.stopping:
            return []
        self.work += 1
        unread = [path for path in task.named if path not in self.read]
        share = -(-len(task.named) // max(1, task.need - 1))
        files = unread[:share] or [path for path in task.repository.paths if path not in self.read][:1]
        self.read += files
        return files

    def _conclude(self, view: View, random: Random) -> None:
        """Form, keep or change the theory."""
        character, task = self.character, self.thread.task
        if self.dry:
            return
        luck = random.random()
        ripe = self.work >= task.need and character.solves
        if self.right:
            if luck < character.drifts:
                self._believe(random, right=False)
            elif self.proved and not self.changed and random.random() < character.changes_late:
                self._change_late()
        elif ripe and luck < character.finds:
            self._believe(random, right=True)
        elif self.calls > 1 and not self.jumped and random.random() < character.jumps:
            self.jumped = self.sure = True
            self._believe(random, right=random.random() < character.jumps_right)
        elif self.calls > 1 and self.theory is None and random.random() < character.guesses:
            self._believe(random, right=False)

    def _change_late(self) -> None:
        """Replace the proved theory by a wrong one that rests on nothing new, and be sure of it."""
        assert self.theory is not None
        self.changed = self.sure = True
        self.theory = replace(self.theory, words=f"another cause, {self.thread.name}", right=False, said=False)

    def _believe(self, random: Random, *, right: bool) -> None:
        task = self.thread.task
        if right:
            self.theory = Theory(task.truth, right=True, quote=task.cause)
            return
        self.theories += 1
        path = random.choice(self.read or task.repository.paths)
        line = random.randint(FIRST_DEFINITION, LINES)
        where = self.thread.task.repository.definition(path, line) if random.random() < NAMES_ITS_PLACE else ""
        words = f"theory {self.theories} of {self.thread.name}" + (f": {where} is wrong" if where else "")
        self.theory = Theory(words, right=False, quote=Quote(path, _true_line(self.thread, path, line), line))

    def _quotes(self, view: View, random: Random) -> list[Quote]:
        """Return the quotes of this step: for the theory, where it has none or is asked for one."""
        theory = self.theory
        asked = bool(view.open & UNPROVEN)
        if theory is not None and view.signal is Signal.DISPROVE and random.random() < self.character.tries:
            return [self._beside(theory)]
        if theory is None or theory.quoted or not (asked or (not self.dry and random.random() < self.character.quotes)):
            return []
        theory.quoted = True
        quote = replace(theory.quote, supports=None if self.thread.task.by_issues else "hypothesis")
        if random.random() < self.character.misquotes:
            return [replace(quote, quote=f"{quote.quote} or {self.calls}")]
        return [quote]

    def _beside(self, theory: Theory) -> Quote:
        """Return a line near the theory's own: what is looked at to disprove it."""
        path, line = theory.quote.file, theory.quote.line or 1
        near = line - 1 if line > FIRST_DEFINITION + 1 else line + 1
        return Quote(path, _true_line(self.thread, path, near).strip(), near)

    def _confidence(self, random: Random) -> Confidence:
        theory = self.theory
        if theory is None:
            return Confidence.EXPLORING if self.work * 2 < self.thread.task.need else Confidence.LOW
        if self.sure:
            return boast(random)
        if not theory.right:
            return Confidence.VERY_HIGH if random.random() < self.character.slips else Confidence.MEDIUM
        return early_word(random, theory.steps > 0) if theory.quoted else Confidence.HIGH

    def _ends(self, view: View, random: Random, word: Confidence) -> bool:
        """Whether the agent asks to finish with this call."""
        luck = random.random()
        sure = word.asks_to_end
        if self.stopping or view.number >= self.thread.patience:
            return True
        if view.held:
            return sure or luck < 0.3
        if sure and luck < (OWN_END if view.total is None else self.character.ends_itself):
            return True
        if self.idle >= IDLE_STEPS and luck < self.character.gives_up:
            return True
        if view.total is not None and view.number >= view.total:
            return sure or self.right or luck >= self.character.persists
        return False

    def _said(
        self, view: View, random: Random, checked: list[str], quotes: list[Quote], word: Confidence, *, more: bool
    ) -> Submission:
        task = self.thread.task
        asks = view.total is not None and view.number >= view.total and more
        murmurs = not checked and not quotes and self.idle > 0 and random.random() < 0.5
        return Submission(
            number=view.number,
            step=task.text if view.number == 1 else f"call {self.calls}",
            digest=f"{self.thread.name} {self.calls}",
            more=more,
            findings=_MURMUR if murmurs else f"learned in call {self.calls}",
            confidence=word,
            hypothesis=self.theory.words if self.theory and not task.by_issues else None,
            checked=tuple(checked),
            relevant=_relevant(self, view),
            issues=self._issues(view) if task.by_issues else (),
            quotes=tuple(quotes),
            total=_total(self.thread, view, asks=asks),
            fields={"trace_mode": "precision"} if task.tool == "tracer" else {},
        )

    def _issues(self, view: View) -> tuple[IssueClaim, ...]:
        """Return the theory as an issue, and take back what it replaced."""
        theory = self.theory
        gone = [number for words, number in view.issues.items() if theory is None or words != theory.words]
        claims = [IssueClaim(id=number, withdrawn=True) for number in gone]
        if theory is not None:
            claims.append(IssueClaim(theory.words, Severity.HIGH, theory.quote.file, theory.quote.line))
        return tuple(claims)


@dataclass
class Liar:
    """An agent that claims to be certain without work, with quotes that are made up or beside the point."""

    thread: Thread
    right: bool = False
    proved: bool = False
    calls: int = 0
    claims: bool = False
    first: Quote | None = None
    words: str = ""

    def step(self, view: View) -> Submission:
        """Return the next call."""
        self.calls += 1
        random, task, character = self.thread.random(self.calls), self.thread.task, self.thread.character
        assert isinstance(character, Fraud)
        self.claims = self.claims or self.calls > 1 or random.random() < 0.5
        place = self._place(random, character)
        quotes = self._quotes(view, random, character, place) if self.claims else []
        ends = random.random() < character.ends_itself or view.number >= min(view.total or 99, self.thread.patience)
        claimed = self._claim(random, character)
        issue = IssueClaim(claimed, Severity.HIGH, place.file, place.line)
        return Submission(
            number=view.number,
            step=task.text if view.number == 1 else f"call {self.calls}",
            digest=f"{self.thread.name} {self.calls}",
            more=not (self.claims and ends and view.number > 1),
            findings=f"certain, after call {self.calls}",
            confidence=boast(random) if self.claims else Confidence.HIGH,
            hypothesis=claimed if self.claims and not task.by_issues else None,
            checked=(place.file,) if random.random() < 0.8 else task.named,
            relevant=task.named if view.number == 1 else (),
            issues=(issue,) if self.claims and task.by_issues else (),
            quotes=tuple(quotes),
            total=_total(self.thread, view, asks=False),
            fields={"trace_mode": "precision"} if task.tool == "tracer" else {},
        )

    def _place(self, random: Random, character: Fraud) -> Quote:
        """Return the line that it will quote: any line, half of the time of a file that the task names."""
        if character.repeats and self.first is not None:
            return self.first
        task = self.thread.task
        paths = task.named if task.named and random.random() < character.from_named else task.repository.paths
        self.first = Quote(random.choice(paths), "", random.randint(1, LINES))
        return self.first

    def _claim(self, random: Random, character: Fraud) -> str:
        """Return what it claims; the words stay unless it rewords them."""
        if not self.words or character.rewords:
            repository = self.thread.task.repository
            place = repository.definition(random.choice(repository.paths), random.randint(FIRST_DEFINITION, LINES))
            about = f": {place} is at fault" if random.random() < character.names_symbols else ""
            told = f", told {self.calls} times" if character.rewords else ""
            self.words = f"invention of {self.thread.name}{about}{told}"
        return self.words

    def _quotes(self, view: View, random: Random, character: Fraud, place: Quote) -> list[Quote]:
        taken_back: list[Quote] = []
        if view.refuted and random.random() < character.withdraws:
            taken_back = [Quote(path, withdrawn=True) for path in view.refuted]
        if random.random() >= character.quotes:
            return taken_back
        supports = None if self.thread.task.by_issues else "hypothesis"
        true = _true_line(self.thread, place.file, place.line or 1)
        if not character.invents:
            return [*taken_back, replace(place, quote=true, supports=supports)]
        file = "src/nowhere.py" if random.random() < character.elsewhere else place.file
        words = random.choice([f"{true} or {self.calls}", f"invented_{self.calls} = never_there(state)", "z" * 40])
        return [*taken_back, Quote(file, words, place.line, supports)]


def _true_line(thread: Thread, path: str, line: int) -> str:
    return thread.task.repository.line(path, line)


def _total(thread: Thread, view: View, *, asks: bool) -> int | None:
    """Return the total_steps of a call: the guess of an agent that hints, and two more where it asks for more."""
    if view.number == 1:
        return thread.guess if thread.hints else None
    return view.number + 2 if asks else None


def _relevant(agent: Investigator, view: View) -> tuple[str, ...]:
    task = agent.thread.task
    if view.number == 1:
        return task.named
    return (task.cause.file,) if agent.right and task.tool == "testgen" else ()
