"""What a change does to the behaviour of code, as far as its lines alone show: limits, conditions, errors, locks.

Removed and added lines are compared hunk by hunk. A line says what to look at; whether it is wrong, it cannot say.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from stepwarden.inspections.shared.masked_source import mask_source
from stepwarden.inspections.shared.oddities import find_oddities
from stepwarden.source.git.change import FileChange, Hunk
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language

MOST_PAIRED = 40  # lines of one side of a hunk that are compared with those of the other

Line = tuple[int, str]

_COMPARISON = re.compile(r"(?<![-=<>])(?:<=|>=|[!=]==?|<|>)(?![<>=])")
_NUMBER = re.compile(r"(?<![\w.])\d[\d_]*(?:\.\d+)?(?!\w)")
_ONE_MORE = re.compile(r"\s*[+-]\s*1(?![\w.])")
_NOT = re.compile(r"\bnot\s+|!(?!=)")
_AND_OR = re.compile(r"\b(?:and|or)\b|&&|\|\|")
_EVERYTHING = re.compile(
    r"^\s*except\s*(?::|(?:\(?\s*)(?:Base)?Exception\b)|\bcatch\s*(?:\{|\(\s*(?:final\s+)?(?:\w+\.)*(?:Exception|Throwable)\b)"
)
_SOME = re.compile(r"^\s*except\b|\bcatch\b")
_LOCKING = "holds a lock"
_NEW_ODDITIES = {
    "passes over an error": "an error is passed over",
    "has a default that all calls share": "a default that all calls share",
}


def find_changed_behaviour(change: FileChange) -> list[Line]:
    """Return (line now, what changed there) of a changed file of code, in the order of its lines."""
    language = language_of(change.path)
    if language is None or not change.removed or change.status == "D":
        return []
    found: dict[int, str] = {}
    moved = {_plain(text) for _, text in change.removed} & {_plain(text) for _, text in change.added}
    moved_from = {number for number, text in change.removed if _plain(text) in moved}
    moved_to = {number for number, text in change.added if _plain(text) in moved}
    for hunk, before, after in _hunks(change, language):
        for line, what in (
            *_reworded(_without(moved_from, before), _without(moved_to, after)),
            *_caught(before, after),
            *_odd(before, after, language),
        ):
            found.setdefault(line or hunk.line, what)
    if (line := _unlocked(change, language)) is not None:
        found.setdefault(line, "a lock is no longer taken")
    return sorted(found.items())


def _hunks(change: FileChange, language: Language) -> Iterator[tuple[Hunk, list[Line], list[Line]]]:
    """Yield the hunks with lines on both sides; comments and strings of the lines are blanked."""
    for hunk in change.hunks:
        if not (hunk.before and hunk.after):
            continue
        before = _lines_from(change.removed, hunk.line_before, hunk.before)
        after = _lines_from(change.added, hunk.line, hunk.after)
        yield hunk, _code_of(before, language), _code_of(after, language)


def _lines_from(lines: Sequence[Line], first: int, count: int) -> Sequence[Line]:
    """Return those of the lines, which are in their order, that have one of `count` numbers."""
    return lines[bisect_left(lines, (first, "")) : bisect_left(lines, (first + count, ""))]


def _code_of(lines: Sequence[Line], language: Language) -> list[Line]:
    masked = mask_source("\n".join(text for _, text in lines), language).split("\n")
    return [(number, text) for (number, _), text in zip(lines, masked, strict=True)]


def _without(moved: Collection[int], lines: Sequence[Line]) -> list[Line]:
    """Return the lines but for those that the change only moves or indents otherwise."""
    return [line for line in lines if line[0] not in moved]


def _reworded(before: Sequence[Line], after: Sequence[Line]) -> Iterator[Line]:
    """Yield the lines that differ from a removed one in a comparison, a limit, a condition or a step of one alone."""
    left = [text for _, text in before[:MOST_PAIRED]]
    for number, text in after[:MOST_PAIRED]:
        for old in left:
            if what := _difference(old, text):
                yield number, what
                left.remove(old)
                break


def _difference(old: str, new: str) -> str:
    """Return in what alone a line of code differs from the one it replaces, "" where that is more or nothing."""
    if _plain(old) == _plain(new):
        return ""
    signs, signs_now = _COMPARISON.findall(old), _COMPARISON.findall(new)
    if signs != signs_now and _plain(_COMPARISON.sub("?", old)) == _plain(_COMPARISON.sub("?", new)):
        was, now = next((was, now) for was, now in zip(signs, signs_now, strict=True) if was != now)
        return f"a comparison changed from {was} to {now}"
    if _plain(_NOT.sub("", old)) == _plain(_NOT.sub("", new)):
        return "a condition is turned round"
    if _AND_OR.search(old) and _plain(_AND_OR.sub("?", old)) == _plain(_AND_OR.sub("?", new)):
        return "a condition joins with another word"
    if _plain(_ONE_MORE.sub("", old)) == _plain(_ONE_MORE.sub("", new)):
        return "a limit moved by one"
    if signs and _plain(_NUMBER.sub("0", old)) == _plain(_NUMBER.sub("0", new)):
        was, now = next(
            (was, now) for was, now in zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True) if was != now
        )
        return f"a limit changed from {was} to {now}"
    return ""


def _plain(text: str) -> str:
    return "".join(text.split())


def _caught(before: Sequence[Line], after: Sequence[Line]) -> Iterator[Line]:
    """Yield the handlers that catch every error where others caught some."""
    if not any(_SOME.search(text) for _, text in before) or any(_EVERYTHING.search(text) for _, text in before):
        return
    yield from ((number, "every error is caught now") for number, text in after if _EVERYTHING.search(text))


def _odd(before: Sequence[Line], after: Sequence[Line], language: Language) -> Iterator[Line]:
    """Yield what the new lines have of unusual things that the old ones had not."""
    known = {words for _, words in find_oddities("\n".join(text for _, text in before), language)}
    for place, words in find_oddities("\n".join(text for _, text in after), language):
        if words in _NEW_ODDITIES and words not in known:
            yield after[place][0], _NEW_ODDITIES[words]


def _unlocked(change: FileChange, language: Language) -> int | None:
    """Return where a lock was taken that the change takes no more, None where as many are taken as before."""
    removed = _locks_in(change.removed, language)
    if len(removed) <= len(_locks_in(change.added, language)):
        return None
    at = removed[0]
    hunk = next((each for each in change.hunks if each.line_before <= at < each.line_before + each.before), None)
    return hunk.line if hunk is not None else None


def _locks_in(lines: Sequence[Line], language: Language) -> list[int]:
    runs: list[list[Line]] = [[line] for line in lines[:1]]
    for before, line in pairwise(lines):
        if line[0] == before[0] + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    return [
        run[place][0]
        for run in runs
        for place, words in find_oddities("\n".join(text for _, text in run), language)
        if words == _LOCKING
    ]
