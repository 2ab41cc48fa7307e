"""Whether a quote has to do with what it is quoted for: a test that needs no model and is easily explained.

A quote is relevant to a claim when it shows a line of code that
- stands in a definition that the claim names, or that calls or is called by one, or
- has a name in it that the claim names or speaks of, or
- stands in a definition that the task names, or round a place (file and line) that the task names or the claim gives
  itself, where the claim shares a word with that definition as well (a small one that the task names needs none).

What a claim copies out of the quote says nothing of it. A shared file alone is nothing; an import, a blank, a comment
or a lone bracket never counts. A long quote, or a claim of many words, has to share more of them: many lines share a
word with any claim, and a claim that lists the names of a file points at none. It cannot see whether a relevant line
proves anything: a true quote of the right function under a wrong theory passes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from stepwarden.steps.evidence import Evidence, LineKind, QuoteContext, Verdict
from stepwarden.steps.plain_words import COMMON_WORDS, LETTERS, WORDS_OF_CLAIMS, parts_of, stems_of

TEXT_CHARS = 16_000  # of a claim or a task, that are looked at
SPOKEN_CHARS = 1_500  # of them, whose plain words are compared
MOST_SYMBOLS, MOST_WORDS = 40, 300  # a claim that lists more than that points at nothing with them
LINES_PER_WORD = 12  # of a quote, for which it has to share one more word ...
STEMS_PER_WORD = 80  # ... and words of a claim, for which it has to
MOST_WORDS_MORE = 3
COPIED_CHARS = 12  # of a line that a claim repeats, from which it is a copy and no name
SMALL_LINES = 12  # a definition of so many that the task names is a place as it is
SAME_SHARE = 0.6  # of the names and words of a claim, from which another one is the same in other words
CLIP = 40  # characters of a quote in a reason


def _words(text: str) -> list[str]:
    return text.split()


_PATH = re.compile(r"[\w.~@/\\-]++")
_ENDINGS = frozenset(
    _words(
        "py pyi pyx js jsx ts tsx mjs mts cjs cts go rs java kt kts scala c h cc cpp cxx hpp hh cs rb php swift lua sh "
        "sql md rst txt toml yaml yml json ini cfg htm html css vue svelte proto ex exs dart jl zig m mm r pl"
    )
)
_LINE = re.compile(r"(?:[\"']?,? (?:on |at |in )?lines? |:|#L|\()(\d{1,7})")
_TOKEN = re.compile(r"(`?)([^\W\d]\w*(?:(?:\.|::|->|#|-)[^\W\d]\w*)*)(\(?)")
_PARTS = re.compile(r"\.|::|->|#")


_REMOVAL = re.compile(
    r"\b(?:remov|delet|drop|gone\b|los(?:t|es|ing)\b|missing|no longer|any ?more|without|disappear|vanish|stripped|"
    r"used to|formerly|(?:left|taken|took|takes|cut) (?:it )?(?:out|away))",
    re.IGNORECASE,
)


_WORDS_OF_KINDS = {
    LineKind.IMPORT: "is only an import",
    LineKind.COMMENT: "is only a comment",
    LineKind.BLANK: "says nothing by itself",
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names: `symbols` in the form of code and plain `words`, both folded, and `places` as (file, line).

    `titled` are plain words with a capital, as they stand: a type has such a name, and so has the first word of a
    sentence. `stems` are of plain words.
    """

    symbols: frozenset[str] = frozenset()
    titled: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()
    places: tuple[tuple[str, int], ...] = ()


@lru_cache(maxsize=512)
def named_in(text: str) -> Named:
    """Return what `text` names."""
    symbols: set[str] = set()
    words: set[str] = set()
    text = text[:TEXT_CHARS]
    spoken: list[str] = []
    titled: set[str] = set()
    plain, places = _without_files(text)
    for found in _TOKEN.finditer(plain):
        tick, token, call = found.groups()
        parts = _PARTS.split(token)
        if tick or call or len(parts) > 1 or _looks_like_code(token):
            symbols.update(folded for part in parts if len(folded := fold_name(part)) > 1)
        else:
            titled.update([token] if token.istitle() else ())
            spoken += [token] if found.start() < SPOKEN_CHARS else []
        words.update(word for part in parts for word in part.casefold().split("-") if len(word) > 2)
    return Named(frozenset(symbols), frozenset(titled), frozenset(words), stems_of(spoken), places)


def _without_files(text: str) -> tuple[str, tuple[tuple[str, int], ...]]:
    """Return a text without the files that it names, and the places among them, such as `a.py:3`."""
    kept: list[str] = []
    places: list[tuple[str, int]] = []
    end = 0
    for found in _PATH.finditer(text):
        if not _is_file(found[0]):
            continue
        kept.append(text[end : found.start()])
        end = found.end()
        if line := _LINE.match(text, end):
            places.append((found[0].replace("\\", "/"), int(line[1])))
            end = line.end()
    return " ".join([*kept, text[end:]]), tuple(places)


def _is_file(token: str) -> bool:
    name, dot, ending = token.rstrip(".-/").rpartition(".")
    return bool(dot and name) and ending in _ENDINGS and name not in {"self", "this"}


def fold_name(name: str) -> str:
    """Return a name so that `max_retries`, `maxRetries` and `max-retries` are the same."""
    return name.replace("_", "").replace("-", "").casefold()


def restates(claim: str, other: str) -> bool:
    """Whether a claim says in other words what `other` says: it has most of what the shorter of them names."""
    one, two = ({*named.symbols, *named.stems} for named in (named_in(claim), named_in(other)))
    return bool(one and two) and len(one & two) >= SAME_SHARE * min(len(one), len(two))


def _looks_like_code(token: str) -> bool:
    inner = token.strip("_")
    return (
        "_" in inner
        or any(sign.isdigit() for sign in inner)
        or not (inner[1:].islower() or inner.isupper() or len(inner) < 2)
    )


def is_relevant(item: Evidence, claims: Iterable[str], task: str, place: tuple[str, int] | None = None) -> bool:
    """Whether a quote that holds has to do with one of `claims`, each about `place`, made about `task`.

    What was recorded before quotes had a context counts as relevant: old threads mean what they meant.
    """
    if item.context is None:
        return True
    if item.context.kind is not LineKind.CODE:
        return False
    if item.verdict is Verdict.REMOVED:
        claims = [claim for claim in claims if speaks_of_removal(claim)]
        if not claims:
            return False
    shown = _Shown(item, item.context)
    stated = [_pointed_at(named_in(_in_own_words(claim, item))) for claim in claims if claim]
    if any(shown.is_claimed_by(named) for named in stated):
        return True
    # A place is half of it: the other half is that the claim shares a word with what stands there.
    given = named_in(task)
    if shown.is_small and (shown.is_inside(given) or shown.is_called_in(given.words - COMMON_WORDS)):
        return True
    is_given = shown.is_named_by(given) or any(map(shown.is_round, given.places))
    places = [there for named in stated for there in named.places] + ([place] if place else [])
    return (is_given or any(map(shown.is_round, places))) and any(map(shown.is_spoken_of_by, stated))


def speaks_of_removal(claim: str) -> bool:
    """Whether a claim says that something is gone: all that a line which a change took out can prove."""
    return bool(_REMOVAL.search(claim[:TEXT_CHARS]))


def _in_own_words(claim: str, item: Evidence) -> str:
    """Return a claim without the lines of a quote that are copied into it: they have to do with themselves alone."""
    text = " ".join(claim[:TEXT_CHARS].split())
    lines = [" ".join(line.split()) for line in item.quote.splitlines()]
    copied = [line for line in lines if len(line) >= COPIED_CHARS and line in text]
    if not copied:
        return claim
    for line in copied:
        text = text.replace(line, " ")
    return text


def _pointed_at(named: Named) -> Named:
    """Return what a claim names, without the names that are a list of all that might be quoted."""
    if len(named.symbols) <= MOST_SYMBOLS and len(named.words) <= MOST_WORDS:
        return named
    return Named(stems=named.stems, places=named.places)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A line of code that a quote shows."""

    item: Evidence
    context: QuoteContext

    @property
    def is_small(self) -> bool:
        """Whether its definition is hardly more than the line itself."""
        span = self.context.span
        return span is not None and span[1] - span[0] < SMALL_LINES

    def is_inside(self, named: Named) -> bool:
        """Whether a text names a definition that it stands in."""
        within = self.context.within
        return bool(named.symbols & {fold_name(name) for name in within} or named.titled & {*within})

    def is_called_in(self, words: frozenset[str]) -> bool:
        """Whether its own definition is among some words."""
        return any(len(name) >= LETTERS and name.casefold() in words for name in self.context.within[:1])

    def is_named_by(self, named: Named) -> bool:
        """Whether a text names its definition or a name on it, or two words of theirs."""
        context = self.context
        if self.is_inside(named):
            return True
        distinct = named.symbols - COMMON_WORDS
        if any(fold_name(name) in distinct for name in context.names):
            return True
        names = (*context.names, *context.within[:1])
        words = named.words - COMMON_WORDS
        more = self.words_more(named)
        if not more and any(name.casefold() in words for name in names if len(name) >= LETTERS):
            return True
        is_spoken = not more and any(_is_spoken(name, named.words) for name in names)
        return is_spoken or len(self.shares(named, names)) > 1 + more

    def is_claimed_by(self, named: Named) -> bool:
        """Whether a claim names its definition, a caller or a callee of that, or speaks of a name on it."""
        context = self.context
        more = self.words_more(named)
        if self.is_named_by(named) or len(self.shares(named, context.names)) > more:
            return True
        words = named.words - WORDS_OF_CLAIMS
        if not more and any(len(name) >= LETTERS and name.casefold() in words for name in context.names):
            return True
        near = {fold_name(name) for name in context.around}
        return bool((named.symbols - COMMON_WORDS) & near or named.titled & {*context.around})

    def words_more(self, named: Named) -> int:
        """Return how many words more than a short claim about a short quote they have to share.

        Many lines share a word with any claim, and a claim of many words with any line.
        """
        more = len(self.context.lines) // LINES_PER_WORD + len(named.stems) // STEMS_PER_WORD
        return min(more, MOST_WORDS_MORE)

    def is_spoken_of_by(self, named: Named) -> bool:
        """Whether a text shares a word with its definition."""
        return bool(self.shares(named, (*self.context.within, *self.context.words)))

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
    long = {part for part in parts_of(name) if len(part) > 2}
    return len(long) > 1 and long <= words and not long <= COMMON_WORDS


def why_beside(item: Evidence) -> str:
    """Return in words why a quote stands for nothing, and what would."""
    words = " ".join(item.quote.split())
    shown = words if len(words) <= CLIP else f"{words[: CLIP - 3]}..."
    path = item.path if len(item.path) <= CLIP else f"...{item.path[3 - CLIP :]}"
    place = f'"{shown}" ({path}:{item.line})'
    context = item.context
    if item.verdict is Verdict.REMOVED:
        return f"{place} was removed, which proves only that it is gone; say what is gone, or quote what is there now"
    if context is None or context.kind is not LineKind.CODE:
        kind = "says nothing by itself" if context is None else _WORDS_OF_KINDS[context.kind]
        return f"{place} {kind}; quote the code it is about"
    if not context.within:
        return f"{place} has nothing of what it names; quote the code it is about, or name in it what is meant"
    where = context.within[0]
    return (
        f"{place} is in {where}, of which it says nothing; quote the code it is about, or say what of {where} is meant"
    )
