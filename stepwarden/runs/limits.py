"""What a run may use, what it used, and what is set aside for what is under way."""

from dataclasses import dataclass, fields
from decimal import Decimal
from math import isfinite

LAST_PROMPT_TOKENS, LAST_ANSWER_TOKENS = 6_000, 1_000
"""What the last turn of a job may take: it is set aside from the start, so that a limit leaves an answer."""

MOST = 1_000_000_000_000
"""No limit is above it, whatever its unit."""

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """US dollars for a million tokens."""

    input: Decimal = Decimal()
    output: Decimal = Decimal()


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, in and out together, and US dollars."""

    tokens: int = 0
    dollars: Decimal = Decimal()

    def __add__(self, other: "Amount") -> "Amount":
        """Return both together."""
        return Amount(self.tokens + other.tokens, self.dollars + other.dollars)

    def above(self, other: "Amount") -> "Amount":
        """Return by how much it passes `other`, each of the two on its own and never below zero."""
        return Amount(max(0, self.tokens - other.tokens), max(Decimal(), self.dollars - other.dollars))


NOTHING = Amount()


def cost_of(price: TokenPrice | None, prompt_tokens: int, answer_tokens: int) -> Amount:
    """Return what one question costs at most; without a known price it costs tokens alone."""
    known = price or TokenPrice()
    dollars = (known.input * prompt_tokens + known.output * answer_tokens) / _MILLION
    return Amount(prompt_tokens + answer_tokens, dollars)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What a run may use; None is no limit.

    `steps` are answers of models, `seconds` are those in which something was under way: waiting for a person does not
    count. `calls_at_once` bounds the calls of tools of the whole run. `call_seconds` bounds one call, `answer_seconds`
    one question to a model and `answer_tokens` its answer. `memory_mb` is by how much the process that drives the run
    may grow while the calls of one step are made; calls at once share it. `question_seconds` is how long a person is
    waited for; then what waits is refused, or it is gone on with less.
    """

    steps: int | None = 15
    seconds: float | None = 900.0
    tokens: int | None = None
    dollars: Decimal | None = None
    calls_at_once: int = 8
    call_seconds: float = 30.0
    answer_seconds: float = 120.0
    answer_tokens: int = 4_000
    memory_mb: int | None = None
    question_seconds: float | None = None

    def problems(self) -> list[str]:
        """Return what is wrong with them, a sentence each."""
        found = [
            f"The limit {field.name} is {value}: it has to be a number above 0, at most {MOST}."
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None and not (isfinite(value) and 0 < value <= MOST)
        ]
        least = LAST_PROMPT_TOKENS + LAST_ANSWER_TOKENS
        if self.tokens is not None and 0 < self.tokens <= least:
            found.append(f"The limit tokens is {self.tokens}: the last answer alone is given {least}; set more.")
        return found


DEFAULT_LIMITS = RunLimits(steps=15, seconds=900.0)
"""The limits of a run for which none are set."""

STORED_LIMITS = RunLimits()
"""What older streams leave out of the limits of a run: a format, which no newer default changes."""


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How much of one limit is used. Both numbers have the unit that its name says."""

    name: str
    used: Decimal
    limit: Decimal

    @property
    def share(self) -> Decimal:
        """The used part of it: 1 is all."""
        return self.used / self.limit

    def __str__(self) -> str:
        """Return it as it is shown: `steps 12 of 15`."""
        digits = 1 if self.name == "seconds" else 4
        return f"{self.name} {_plain(self.used, digits)} of {_plain(self.limit, 4)}"


def _plain(number: Decimal, digits: int) -> str:
    shown = f"{number:.{digits}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
