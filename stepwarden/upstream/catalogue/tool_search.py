"""Finds the few tools that a few words mean."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stepwarden.upstream.catalogue.tool import UpstreamTool

FOUND = 8
_WEIGHTS = (4.0, 2.0, 1.0)  # of a word in the name, in the title or the names of arguments, in the description
_STOP = frozenset(
    ["a", "all", "an", "and", "are", "as", "at", "by", "for", "from", "i", "in", "is", "it", "me", "my", "of", "on"]
) | frozenset(["or", "some", "that", "the", "this", "to", "with"])


@dataclass(frozen=True)
class SearchEntry:
    """A tool and its upstream; `barred` says that it changed and has to be accepted."""

    upstream: str
    tool: UpstreamTool
    barred: bool = False

    @property
    def name(self) -> str:
        """How it is called here."""
        return f"{self.upstream}/{self.tool.name}"


def search_tools(query: str, entries: Sequence[SearchEntry], most: int = FOUND) -> list[SearchEntry]:
    """Return the tools that `query` fits best; rare words count more, and a word's beginning counts half."""
    words = [word for word in _words(query) if word not in _STOP] or _words(query)
    indexed = [(entry, _indexed(entry)) for entry in entries]
    rarity = {word: _rarity(word, [counts for _, counts in indexed]) for word in words}
    scored = [(sum(rarity[word] * _weight(word, counts) for word in words), entry) for entry, counts in indexed]
    best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0])
    floor = best[0][0] * 0.2 if best else 0.0
    return [entry for score, entry in best[:most] if score >= floor]


def _indexed(entry: SearchEntry) -> Counter[str]:
    tool = entry.tool
    words = Counter[str]()
    places: tuple[Iterable[str], ...] = (
        (entry.upstream, tool.name),
        (tool.title, *tool.parameters),
        (tool.description[:1_000],),
    )
    for weight, texts in zip(_WEIGHTS, places, strict=True):
        for word in {word for text in texts for word in _words(text)}:
            words[word] = max(words[word], round(weight))
    return words


def _weight(word: str, words: Counter[str]) -> float:
    if word in words:
        return words[word]
    if len(word) < 3:
        return 0.0
    near = [
        weight
        for other, weight in words.items()
        if other.startswith(word) or (len(other) > 3 and word.startswith(other))
    ]
    return max(near, default=0) / 2


def _rarity(word: str, all_words: Sequence[Counter[str]]) -> float:
    having = sum(1 for words in all_words if _weight(word, words))
    return math.log(1 + len(all_words) / (1 + having))


def _words(text: str) -> list[str]:
    """Return the words of a text or a name (getIssue, get_issue, get-issue) in lower case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text[:4_000])
    return [word.lower() for word in re.findall(r"[^\W_]+", spaced)]
