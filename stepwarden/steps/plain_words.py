"""The words that names and texts are made of, without those that say little of which line is meant."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_PLURALS = (("ies", "y"), ("ses", "s"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", ""))
_ENDINGS = ("ation", "ied", "ing", "ed", "er", "e", "y")
LETTERS = 4  # of a word, at least

_OF_CLAIMS = (
    "called first last next with from that this then when before after wrong cause case cases fault issue done find "
    "look show should must could would does cannot never always only also into than there than their them they will "
    "have been being some every each other another because while until where which what whose missing invalid unknown "
    "given used uses using same different possible existing old make made work works like over under more most less "
    "least very just even still too late early taken two one three not and the for are was were has had its but any "
    "all can may might both either neither without within between about against through during again once here fails "
    "fail failed breaks broken throws raises happens instead correct incorrect properly correctly actual expected bug "
    "bugs "
)
_OF_PROGRAMS = (
    "value values data self result results state name names list lists item items index error errors line lines test "
    "tests return returns call calls type types key keys text code function functions method methods class classes "
    "object objects module modules input output number numbers count counts time times size check checks none true "
    "false string strings argument arguments args kwargs parameter parameters default options option start stop step "
    "steps current previous instance property attribute attributes field fields variable constant help info init main "
    "bool int str dict tuple set get new add sum length begin end params param base util utils helper helpers common "
    "kind mode flag flags exception exceptions file files path paths read write run runs "
)

# Words of every claim, and of every program.
WORDS_OF_CLAIMS = frozenset(_OF_CLAIMS.split())
COMMON_WORDS = WORDS_OF_CLAIMS | frozenset(_OF_PROGRAMS.split())


def parts_of(name: str) -> list[str]:
    """Return the words that a name is made of, in small letters: `parseHeader` and `parse_header` are two."""
    return [part.casefold() for part in _WORD.findall(name)]


def words_of(names: Iterable[str]) -> list[str]:
    """Return the words that names are made of, short and common ones left out."""
    words = (word for name in names for word in parts_of(name))
    return [word for word in words if len(word) >= LETTERS and word not in COMMON_WORDS]


def stems_of(names: Iterable[str]) -> frozenset[str]:
    """Return the stems of those words, so that `retries` and `retry` are the same."""
    return frozenset(map(_stem, words_of(names)))


def _stem(word: str) -> str:
    for plural, single in _PLURALS:
        if word.endswith(plural) and not word.endswith("ss") and len(word) - len(plural) >= LETTERS - 1:
            word = word[: -len(plural)] + single
            break
    return next((word[: -len(end)] for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= LETTERS), word)
