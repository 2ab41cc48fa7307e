"""Assumptions that an agent marks as not checked: they stay open until it says what came of them.

Read from its own words, in the form that is asked of it: `the load stays low (not checked)`, `unchecked: the load stays
low`. A mark in running prose ("the input is not checked by save") is about the code, and none.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from stepwarden.steps.relevance import restates
from stepwarden.steps.text import fold
from stepwarden.steps.thread import Thread

TEXT_CHARS = 16_000  # of a text, that are read
ASSUMPTION_CHARS = 160  # kept of an assumption
MOST_ASSUMPTIONS = 12

_SEGMENT = re.compile(r"[^;\n]+?(?=[;\n]|[.!?](?:\s|$)|$)")
_OPEN = r"(?:still )?(?:not (?:yet )?(?:checked|verified|tested)(?: yet)?|unchecked|unverified|untested)"
_CLOSED = r"(?:checked|verified|tested|confirmed|refuted|wrong|false|true|holds|dropped)"
_OPEN_MARK = re.compile(rf"[(\[]\s*{_OPEN}\s*[)\]]", re.IGNORECASE)
_CLOSED_MARK = re.compile(rf"[(\[]\s*{_CLOSED}\b[^)\]]*[)\]]", re.IGNORECASE)
_OPEN_LABEL = re.compile(rf"^\s*{_OPEN}(?: assumptions?)?\s*:\s*", re.IGNORECASE)
_CLOSED_LABEL = re.compile(rf"^\s*{_CLOSED}(?: assumptions?)?\s*:\s*", re.IGNORECASE)
_LEAD = re.compile(r"^[\s.!?]*(?:[-*\d.)]+\s+)?(?:(?:my |the )?assumptions?\s*:\s*)?", re.IGNORECASE)


def open_assumptions(thread: Thread) -> tuple[str, ...]:
    """Return the assumptions of the live steps that are marked as not checked, and that no later mark settles."""
    found: dict[str, str] = {}
    for step in thread.live:
        for text in dict.fromkeys((step.submission.step, step.submission.learned)):
            for words, is_open in _marked(text[:TEXT_CHARS]):
                if is_open:
                    found.setdefault(fold(words), words)
                else:
                    found = {key: kept for key, kept in found.items() if not _is_same(words, kept)}
    return tuple(found.values())[:MOST_ASSUMPTIONS]


def _is_same(words: str, other: str) -> bool:
    return fold(words) == fold(other) or restates(words, other)


@lru_cache(maxsize=512)
def _marked(text: str) -> tuple[tuple[str, bool], ...]:
    """Return the marked parts of a text without their marks, and whether each is open."""
    return tuple(_read(text))


def _read(text: str) -> Iterator[tuple[str, bool]]:
    for segment in _SEGMENT.findall(text):
        plain = _LEAD.sub("", segment)
        for is_open, mark, label in ((True, _OPEN_MARK, _OPEN_LABEL), (False, _CLOSED_MARK, _CLOSED_LABEL)):
            words = ""
            if mark.search(plain):
                words = mark.sub("", plain)
            elif label.match(plain):
                words = label.sub("", plain)
            if words := " ".join(words.split())[:ASSUMPTION_CHARS]:
                yield words, is_open
                break
