"""Source text with its comments and strings blanked, character for character, so that only code is left."""

import re
from functools import cache

from stepwarden.source.outline import Language

# Every alternative starts with a literal character: the regex engine then skips ahead to the next candidate.
_ESCAPED = r"\\(?:\r\n|.)"
# Every string ends with the text at the latest: one that could fail there would be tried from each of its quotes.
_END = r"\\?\Z"
_DOUBLE = rf'" [^"\\\n]*(?:{_ESCAPED}[^"\\\n]*)* (?:["\n]|{_END})'
_SINGLE = rf"' [^'\\\n]*(?:{_ESCAPED}[^'\\\n]*)* (?:['\n]|{_END})"
_CHARACTER = r"' (?:\\[^\n']{1,9}|\\'|[^'\\\n]) '"
_TRIPLE = rf'\"\"\" [^\\"]*(?:(?:\\.|"(?!""))[^\\"]*)* (?:\"\"\"|{_END})'
_COMMENTS = r"//[^\n]* | /\*.*?(?:\*/|\Z)"
_TRIPLE_SINGLE = rf"''' [^\\']*(?:(?:\\.|'(?!''))[^\\']*)* (?:'''|{_END})"
_PYTHON = rf"\#[^\n]* | {_TRIPLE} | {_TRIPLE_SINGLE} | {_DOUBLE} | {_SINGLE}"
# A slash starts a regular expression where no value comes before it.
_REGEX = (
    r"/ (?![*/]) (?:(?<=[=(,:;!&|?{}\[+]/)|(?<=[=(,:;!&|?{}\[+>]\s/)|(?<=return\s/)|(?<=\n/))"
    r" (?:[^/\\\n\[]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*\])+ /"
)
_JAVASCRIPT = rf"{_COMMENTS} | {_DOUBLE} | {_SINGLE} | ` [^`\\]*(?:\\.[^`\\]*)* (?:`|{_END}) | {_REGEX}"
_GO = rf"{_COMMENTS} | {_DOUBLE} | `[^`]*(?:`|\Z) | {_CHARACTER}"
_JAVA = rf"{_COMMENTS} | {_TRIPLE} | {_DOUBLE} | {_CHARACTER}"
_RUST = rf'{_COMMENTS} | r(?P<fence>\#*)" .*? (?:"(?P=fence)|\Z) | " [^"\\]*(?:\\.[^"\\]*)* (?:"|{_END}) | {_CHARACTER}'
_CSHARP = (
    rf'{_COMMENTS} | @\$?"[^"]*(?:""[^"]*)*(?:"|\Z) | (?P<fence>"{{3,}}) .*? (?:(?P=fence)|\Z) '
    rf"| {_DOUBLE} | {_CHARACTER}"
)
_C = rf"{_COMMENTS} | {_DOUBLE} | {_CHARACTER}"
_CPP = rf'{_COMMENTS} | R"(?P<fence>[^\s()\\]{{0,16}})\( .*? (?:\)(?P=fence)"|\Z) | {_DOUBLE} | {_CHARACTER}'
_SYNTAX = {  # any other language is read with the comments and strings of C
    Language.PYTHON: _PYTHON,
    Language.JAVASCRIPT: _JAVASCRIPT,
    Language.TYPESCRIPT: _JAVASCRIPT,
    Language.GO: _GO,
    Language.JAVA: _JAVA,
    Language.RUST: _RUST,
    Language.CSHARP: _CSHARP,
    Language.C: _C,
    Language.CPP: _CPP,
}
_NOT_LINE_FEED = re.compile(r"[^\n]")
_QUOTES = "\"'`"


@cache
def _pattern(language: Language) -> re.Pattern[str]:
    return re.compile(_SYNTAX.get(language, _C), re.VERBOSE | re.DOTALL)


def mask_source(text: str, language: Language) -> str:
    """Return a source text with its comments and the contents of its strings blanked; lines and offsets stay.

    Of a string, the first and the last quotation mark stay.
    """
    return _pattern(language).sub(_blank, text)


def mask_comments(text: str, language: Language) -> str:
    """Return a source text with only its comments blanked; lines and offsets stay."""
    return _pattern(language).sub(lambda match: _blank(match) if _is_comment(match[0]) else match[0], text)


def _is_comment(found: str) -> bool:
    return found[0] == "#" or found[:2] in {"//", "/*"}


def _blank(match: re.Match[str]) -> str:
    found = match[0]
    blank = _NOT_LINE_FEED.sub(" ", found) if "\n" in found else " " * len(found)
    if found[0] in "#/":  # a comment or a regular expression, in which quotation marks have no meaning
        return blank
    start = 0 if found[0] in _QUOTES else next((at for at, letter in enumerate(found) if letter in _QUOTES), None)
    if start is None or len(found) < start + 2:
        return blank
    end = found[-1] if found[-1] in _QUOTES else blank[-1]
    return f"{blank[:start]}{found[start]}{blank[start + 1 : -1]}{end}"
