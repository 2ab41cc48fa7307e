"""Whether a quote has to do with what it is quoted for: a test that needs no model and is easily explained.

A quote is relevant to a claim when it shows a line of code that
- stands in a definition that the claim or the task names, or that calls or is called by one that the claim names, or
- has a name in it that the claim or the task names, or shares a word with the claim or two with the task, or
- stands in the definition round a place (file and line) that the task names, or that the claim gives itself where the
  claim shares a word with that definition as well.

A shared file alone is nothing; an import, a blank, a comment or a lone bracket never counts. It cannot see whether a
relevant line proves anything: a true quote of the right function under a wrong theory passes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from stepwarden.steps.common_words import COMMON_WORDS, WORDS_OF_CLAIMS
from stepwarden.steps.evidence import Evidence, LineKind, QuoteContext

TEXT_CHARS = 16_000  # of a claim or a task, that are looked at
SPOKEN_CHARS = 1_500  # of them, whose plain words are compared
CLIP = 40  # characters of a quote in a reason

_FILE = re.compile(
    r"[\w.~@/\\-]*\w\.(?:pyi?|pyx|jsx?|tsx?|[mc][jt]s|go|rs|java|kts?|scala|c|h|cc|cpp|cxx|hpp|hh|cs|rb|php|swift|lua|"
    r"sh|sql|md|rst|txt|toml|ya?ml|json|ini|cfg|html?|css|vue|svelte|proto|exs?|dart|jl|zig|m|mm|r|pl)\b"
)
_PLACE = re.compile(rf"({_FILE.pattern})(?:[\"']?,? (?:on |at |in )?lines? |:|#L|\()(\d{{1,7}})")
_TOKEN = re.compile(r"(`?)([^\W\d]\w*(?:(?:\.|::|->|#|-)[^\W\d]\w*)*)(\(?)")
_PARTS = re.compile(r"\.|::|->|#")
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ied", "ers", "ed", "es", "er", "s", "e", "y")
_WORDS_OF_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names, folded: `symbols` in the form of code, plain `words`, and `places` as (file, line)."""

    symbols: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()
    places: tuple[tuple[str, int], ...] = ()


@lru_cache(maxsize=512)
def named_in(text: str) -> Named:
    """Return what `text` names."""
    symbols: set[str] = set()
    words: set[str] = set()
    text = text[:TEXT_CHARS]
    places = tuple((path.replace("\\", "/"), int(line)) for path, line in _PLACE.findall(text))
    plain = _FILE.sub(" ", text)
    spoken: list[str] = []
    for found in _TOKEN.finditer(plain):
        tick, token, call = found.groups()
        parts = _PARTS.split(token)
        if tick or call or len(parts) > 1 or _looks_like_code(token):
            symbols.update(folded for part in parts if len(folded := fold_name(part)) > 1)
        elif found.start() < SPOKEN_CHARS:
            spoken.append(token)
        words.update(word for part in parts for word in part.casefold().split("-") if len(word) > 2)
    return Named(frozenset(symbols), frozenset(words), stems_of(spoken), places)


def stems_of(names: Iterable[str]) -> frozenset[str]:
    """Return the stems of the words that names are made of, those apart that stand everywhere."""
    words = (part.casefold() for name in names for part in _WORDS_OF_NAME.findall(name))
    return frozenset(_stem(word) for word in words if len(word) > 3 and word not in COMMON_WORDS)


def _stem(word: str) -> str:
    return next((word[: -len(end)] for end in _ENDINGS if word.endswith(end) and len(word) - len(end) > 3), word)


def fold_name(name: str) -> str:
    """Return a name so that `max_retries`, `maxRetries` and `max-retries` are the same."""
    return name.replace("_", "").replace("-", "").casefold()


def _looks_like_code(token: str) -> bool:
    inner = token.strip("_")
    return (
        "_" in inner
        or any(sign.isdigit() for sign in inner)
        or not (inner[1:].islower() or inner.isupper() or len(inner) < 2)
    )


def is_relevant(item: Evidence, claims: Iterable[str], task: str, place: tuple[str, int] | None = None) -> bool:
    """Whether a quote that holds has to do with one of `claims`, which is about `place`, or with `task`.

    What was recorded before quotes had a context counts as relevant: old threads mean what they meant.
    """
    if item.context is None:
        return True
    if item.context.kind is not LineKind.CODE:
        return False
    shown = _Shown(item, item.context)
    given = named_in(task)
    if shown.is_named_by(given) or any(shown.is_round(there) for there in given.places):
        return True
    return any(_is_claimed(shown, named_in(claim), place) for claim in claims)


def _is_claimed(shown: "_Shown", named: Named, place: tuple[str, int] | None) -> bool:
    """Whether a quote has to do with a claim: with what it names, a caller or a callee of that, or a word of the line.

    The place that a claim gives itself is not enough: the claim has to share a word with what stands there.
    """
    context = shown.context
    if shown.is_named_by(named) or shown.shares(named, context.names):
        return True
    words = named.words - WORDS_OF_CLAIMS
    if any(len(name) > 3 and name.casefold() in words for name in (*context.names, *context.within[:1])):
        return True
    if (named.symbols - COMMON_WORDS) & {fold_name(name) for name in context.around}:
        return True
    places = (*named.places, *([place] if place else []))
    return any(map(shown.is_round, places)) and bool(shown.shares(named, (*context.within, *context.around)))


@dataclass(frozen=True, slots=True)
class _Shown:
    """A line of code that a quote shows."""

    item: Evidence
    context: QuoteContext

    def is_named_by(self, named: Named) -> bool:
        """Whether a text names its definition or a name on it, or two words of theirs."""
        context = self.context
        if named.symbols & {fold_name(name) for name in context.within}:
            return True
        distinct = named.symbols - COMMON_WORDS
        if any(fold_name(name) in distinct for name in context.names):
            return True
        names = (*context.names, *context.within[:1])
        words = named.words - COMMON_WORDS
        if any(name.casefold() in words for name in names if len(name) > 3):
            return True
        return any(_is_spoken(name, named.words) for name in names) or len(self.shares(named, names)) > 1

    def shares(self, named: Named, names: Iterable[str]) -> frozenset[str]:
        """Return the stems of a text that stand in some names, without those of the file's own name."""
        return (named.stems & stems_of(names)) - stems_of(re.split(r"[^\w]+", self.item.path))

    def is_round(self, place: tuple[str, int]) -> bool:
        """Whether a place lies in its definition, or on its very line outside of any."""
        path, line = place
        mine = self.item.path
        if not (mine == path or mine.endswith(f"/{path}") or path.endswith(f"/{mine}")):
            return False
        span = self.context.span
        return line in self.context.lines if span is None else span[0] <= line <= span[1]


def _is_spoken(name: str, words: frozenset[str]) -> bool:
    """Whether the words of a name of several, such as `parse_header`, all stand in a text."""
    long = {part.casefold() for part in _WORDS_OF_NAME.findall(name) if len(part) > 2}
    return len(long) > 1 and long <= words and not long <= COMMON_WORDS


def why_beside(item: Evidence) -> str:
    """Return in words why a quote stands for nothing, and what would."""
    words = " ".join(item.quote.split())
    shown = words if len(words) <= CLIP else f"{words[: CLIP - 3]}..."
    place = f'"{shown}" ({item.path}:{item.line})'
    context = item.context
    if context is None or context.kind is not LineKind.CODE:
        kind = (
            "nothing by itself"
            if context is None or context.kind is LineKind.BLANK
            else f"only a line of {context.kind}"
        )
        return f"{place} is {kind}; quote the code it is about"
    where = f"is in {context.within[0]}" if context.within else "has names"
    return f"{place} {where}, which neither it nor the task names; quote the code it is about, or name this in it"
