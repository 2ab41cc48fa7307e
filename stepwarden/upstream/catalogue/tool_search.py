"""Finds the few tools that a few words mean, in everyday words too."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stepwarden.upstream.catalogue.everyday_words import alike, stem
from stepwarden.upstream.catalogue.tool import UpstreamTool

FOUND = 8
_NAME, _FIRST, _TITLE, _REST = 4.0, 2.0, 1.5, 0.7  # of a word in the name, the first sentence, the title and arguments
_BEGINNING = 0.5  # of a word that only begins alike
_LENGTH = 0.04  # what each further word of a name costs: the plain tool comes before its variants
_LITTLE = (
    "a all am an and are as at be been by do does for from go has have how i if in into is it let's me my of on or our "
    "out please some somebody something than that the their them then there these they this those to us was we were "
    "will with you your"
)
_STOP = frozenset(_LITTLE.split())


@dataclass(frozen=True)
class SearchEntry:
    """A tool and its upstream; `barred` says that it changed and has to be accepted.

    `source` is "resource" or "prompt" for what is read instead of called.
    """

    upstream: str
    tool: UpstreamTool
    barred: bool = False
    source: str = ""

    @property
    def name(self) -> str:
        """How it is called here."""
        return f"{self.upstream}/{self.tool.name}"


def search_tools(query: str, entries: Sequence[SearchEntry], most: int = FOUND) -> list[SearchEntry]:
    """Return the tools that `query` fits best.

    Rare words count more; a word of much the same meaning, and one that begins alike, count less than the word itself.
    """
    words = [word for word in _words(query) if word not in _STOP] or _words(query)
    indexed = [(entry, _indexed(entry)) for entry in entries]
    rarity = _rarities(counts for _, counts in indexed)
    scored = [(_score(words, counts, rarity, entry), entry) for entry, counts in indexed]
    best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0])
    floor = best[0][0] * 0.2 if best else 0.0
    return [entry for score, entry in best[:most] if score >= floor]


def _score(words: Sequence[str], counts: Mapping[str, float], rarity: Mapping[str, float], entry: SearchEntry) -> float:
    found = [_fit(word, counts, rarity) or _begins_alike(stem(word), counts, rarity) for word in words]
    return sum(found) * (1 - _LENGTH * min(10, len(_words(entry.tool.name))))


def _fit(word: str, counts: Mapping[str, float], rarity: Mapping[str, float]) -> float:
    own = rarity.get(stem(word), math.inf)  # what stands for a word of every tool says no more than that word
    return max(
        share * min(own, rarity.get(meant, 0.0)) * counts.get(meant, 0.0) for meant, share in alike(word).items()
    )


def _begins_alike(word: str, counts: Mapping[str, float], rarity: Mapping[str, float]) -> float:
    if len(word) < 3:
        return 0.0
    near = [
        weight * rarity[other]
        for other, weight in counts.items()
        if other.startswith(word) or (len(other) > 3 and word.startswith(other))
    ]
    return max(near, default=0.0) * _BEGINNING


def _indexed(entry: SearchEntry) -> Mapping[str, float]:
    """Return the stems of a tool, each with the weight of the best place that it stands in."""
    tool = entry.tool
    first, _, rest = tool.description[:1_000].partition(". ")
    places: tuple[tuple[float, Iterable[str]], ...] = (
        (_REST, (rest,)),
        (_TITLE, (tool.title, *tool.parameters)),
        (_FIRST, (first.partition("\n")[0],)),
        (_NAME, (entry.upstream, tool.name)),
    )
    return {stem(word): weight for weight, texts in places for text in texts for word in _words(text)}


def _rarities(indexed: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    having: dict[str, float] = {}
    tools = 0
    for counts in indexed:
        tools += 1
        for word, weight in counts.items():
            having[word] = having.get(word, 0.0) + weight / _NAME
    return {word: math.log(1 + tools / (1 + count)) for word, count in having.items()}


def _words(text: str) -> list[str]:
    """Return the words of a text or a name (getIssue, get_issue, get-issue) in lower case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text[:4_000])
    return [word.lower() for word in re.findall(r"[^\W_]+", spaced)]
