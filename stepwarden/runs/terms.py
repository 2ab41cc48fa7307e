"""The words of a requirement or a result that say what it is about: compared by rule, and easily explained."""

import re
from collections.abc import Iterable

MOST_CHARS = 200_000

_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(r"\b(?:[A-Z][A-Z0-9]+-\d+|(?=[\w-]*[A-Za-z])(?=[\w-]*\d)[\w-]{3,})\b")
_QUOTED = re.compile(r"(?<!\w)[\"'`\u201c\u2018]([^\"'`\u201d\u2019\n]{2,80})[\"'`\u201d\u2019](?!\w)")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMON = _words(
    "a about after all also an and any are as at be been before both but by can could do does done each every for from "
    "had has have how i if in into is it its let may me more most must my no not of on one only or our out over own "
    "please same shall should so some such than that the their them then there these they this those through to too "
    "under up us use used using via was we were what when where which while who whose why will with without would you "
    "your using there's it's need needs want wants make sure get give show tell say says"
)
_SAME = {
    **dict.fromkeys(("ticket", "issue", "bug", "task", "story"), "issue"),
    **dict.fromkeys(("page", "article", "document", "doc", "wiki"), "page"),
    **dict.fromkeys(("find", "search", "look", "list", "query"), "search"),
    **dict.fromkeys(("note", "comment", "remark"), "note"),
    **dict.fromkeys(("add", "create", "new", "write"), "create"),
    **dict.fromkeys(("delete", "remove", "clear", "erase", "drop"), "delete"),
    **dict.fromkeys(("change", "update", "edit", "modify", "set"), "update"),
    **dict.fromkeys(("person", "user", "assignee", "owner"), "person"),
}
_CHANGES = _words(
    "add append archive assign attach cancel change clear close comment create delete deploy drop edit erase fix "
    "insert label link merge modify move notify open overwrite post prune publish put reassign remove rename reopen "
    "replace reply resolve revert save schedule send set store submit tag transition update upload write"
)
_MAY_BE_NOUNS = _words(
    "archive assign cancel change clear close comment drop edit fix label link merge move open order post prune "
    "publish put reply resolve save schedule set store submit tag transition update upload"
)
_BEFORE_NOUNS = _words("the a an any each every no our your their its this that these those is are was were of")
_BEFORE_VERBS = _words("and then to please also or")
_ANSWERS = _words(
    "answer assess classify compare conclude count decide describe estimate evaluate explain group judge name order "
    "prioritise prioritize propose rank recommend report say score sort suggest sum summarise summarize tell triage"
)


def stem_of(word: str) -> str:
    """Return a word without the endings of English, and one word for those that trackers and wikis use alike."""
    word = word.casefold()
    if word in _SAME:
        return _SAME[word]
    for ending in ("ies", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + ("y" if ending == "ies" else "")
            break
    return _SAME.get(word, _SAME.get(f"{word}e", word))


def terms_of(text: str) -> frozenset[str]:
    """Return the stems of the words in a text that say what it is about."""
    words = _WORD.findall(_CAMEL.sub(" ", text[:MOST_CHARS].replace("_", " ")))
    return frozenset(stem_of(word) for word in words if word.casefold() not in _COMMON and (len(word) > 1))


def names_of(text: str) -> frozenset[str]:
    """Return what a text names exactly: keys such as SHOP-7, words with digits in them, and what is quoted."""
    found = {match.group() for match in _NAME.finditer(text)} | {match.group(1) for match in _QUOTED.finditer(text)}
    return frozenset(_plain(name) for name in found)


def has_name(text: str, name: str) -> bool:
    """Return whether a text has a name of `names_of`, not as a part of another: SHOP-7 is not in SHOP-71."""
    return re.search(rf"(?<!\w){re.escape(name)}(?![\w])", _plain(text[:MOST_CHARS])) is not None


def has_quote(text: str, quote: str) -> bool:
    """Return whether a text has these words one after the other, whatever stands for space between them."""
    wanted = _plain(quote)
    return bool(wanted) and wanted in _plain(text)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def asks_for_change(text: str) -> bool:
    """Return whether a text asks that something be changed: one of its verbs does, and does not stand as a noun."""
    words = [word.casefold() for word in _WORD.findall(text)]
    return any(word in _CHANGES and _is_verb(words, at) for at, word in enumerate(words))


def _is_verb(words: list[str], at: int) -> bool:
    if at == 0 or words[at - 1] in _BEFORE_VERBS:
        return True
    return words[at] not in _MAY_BE_NOUNS and words[at - 1] not in _BEFORE_NOUNS


def asks_for_words(text: str) -> bool:
    """Return whether a text asks for an answer that is worked out, such as a summary."""
    return any(word.casefold() in _ANSWERS for word in _WORD.findall(text)[:3])


def shared_terms(text: str, others: Iterable[str]) -> tuple[int, int]:
    """Return how many of a text's terms stand in the others, and how many it has.

    What is to be done says nothing of what it is done to: its verb counts only where it has nothing else.
    """
    wanted = terms_of(text)
    wanted = (wanted - _VERBS) or wanted
    found = frozenset[str]().union(*(terms_of(other) for other in others))
    return len(wanted & found), len(wanted)


_VERBS = frozenset(stem_of(word) for word in (*_CHANGES, *_ANSWERS, "search", "read", "fetch", "check", "collect")) - {
    "note",
    "order",
}
