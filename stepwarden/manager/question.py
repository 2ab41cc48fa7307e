"""What the words of a task ask for: the kind of question, and how much is known about where a defect is.

The tables are short on purpose: a word is listed when it names the kind by itself. Tasks in other languages than
English read as "how", which changes nothing.
"""

import re
from enum import StrEnum

from stepwarden.steps.question_kind import QuestionKind

READ_CHARACTERS = 16_000  # of the task; keeps the rules under 5 ms on the longest task the protocol lets through


class Clue(StrEnum):
    """Something in a task that says where a defect is, or what it is."""

    TRACE = "trace"
    PLACE = "place"
    EXCEPTION = "exception"
    SYMBOL = "symbol"


_WORDS: dict[str, QuestionKind] = {
    word: kind
    for kind, words in {
        QuestionKind.SECURITY: "security secure insecure vulnerability vulnerabilities vulnerable exploit exploits "
        "exploitable attack attacks attacker attackers xss csrf ssrf owasp cve",
        QuestionKind.ARCHITECTURE: "architecture architectures architectural design redesign restructure modularity "
        "coupling layering",
        QuestionKind.REVIEW: "review reviews reviewing audit audits auditing critique",
        QuestionKind.DEBUG: "debug debugging bug bugs crash crashes crashed crashing fails failing failure broken hang "
        "hangs deadlock deadlocks segfault flaky regression traceback stacktrace",
    }.items()
    for word in words.split()
}

# A word alone: no part of a path, an identifier, a call or a flag, which name things and ask nothing.
_WORD = re.compile(r"(?<![\w./\\])(?<!--)[^\W\d_]++(?![\w/\\(]|\.\w)")

_SUFFIX = (
    r"\.(?:c|cc|cpp|cs|css|cxx|dart|ex|exs|go|h|hpp|html|java|js|json|jsx|kt|lua|m|md|php|py|pyi|pyx|rb|rs|scala|sh|"
    r"sql|svelte|swift|toml|ts|tsx|vue|xml|ya?ml|zig)"
)
_EXCEPTION = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Fault|Panic)\b|\bSIG[A-Z]{3,6}\b")
_CLUES = {
    Clue.TRACE: re.compile(
        r"Traceback \(most recent|panicked at |\bgoroutine \d|^[ \t]*at [^\n]{1,300}?:\d", re.MULTILINE
    ),
    Clue.PLACE: re.compile(rf"\w{_SUFFIX}(?::\d|\"?,? line \d)"),
    Clue.EXCEPTION: _EXCEPTION,
    Clue.SYMBOL: re.compile(rf"[^\W_]_[^\W_]|[a-z][A-Z]|\w\(\)|\w{_SUFFIX}\b"),
}


def question_kind(task: str, apart_from: frozenset[QuestionKind] = frozenset()) -> QuestionKind:
    """Return the kind of question that `task` asks; kinds in `apart_from` are passed over.

    Only whole words count, with case folded, and how often they stand there does not.
    """
    words = _WORD.findall(_head(task).casefold())
    asked = {kind for word in words if (kind := _WORDS.get(word))} - apart_from
    return next((kind for kind in QuestionKind if kind in asked), QuestionKind.HOW)


def clues(task: str) -> frozenset[Clue]:
    """Return what `task` says about a defect; the name of an exception is not counted as a symbol as well."""
    text = _head(task)
    found = {clue for clue, pattern in _CLUES.items() if clue is not Clue.SYMBOL and pattern.search(text)}
    if _CLUES[Clue.SYMBOL].search(_EXCEPTION.sub(" ", text)):
        found.add(Clue.SYMBOL)
    return frozenset(found)


def _head(task: str) -> str:
    """Return the part of the task that is read, ending with a whole word."""
    if len(task) <= READ_CHARACTERS:
        return task
    head = task[:READ_CHARACTERS]
    ends_whole = head[-1].isspace() or task[READ_CHARACTERS].isspace()
    return head if ends_whole else head.removesuffix(head.rsplit(maxsplit=1)[-1])
