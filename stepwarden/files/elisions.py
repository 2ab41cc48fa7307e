"""What stands in a quote for words that it leaves out: `...`, `# ... other lines ...`, `[12 lines omitted]`."""

import re

from stepwarden.files.text import fold, split_lines

# A line that stands for others says nothing but that: with any other word in it, it is a line of the file or is none.
_SAYING = (
    r"(?:\d{1,6}|other|more|some|few|rest|remaining|remainder|existing|previous|earlier|later|same|unchanged|omitted|skipped"
    r"|elided|truncated|snip|snipped|cut|hidden|shortened|lines?|code|body|functions?|methods?|class|contents?|imports?"
    r"|statements?|section|block|implementation|cases|setup|of|the|file|here|as|before|above|below|for|brevity|and|etc)"
)
_SAYINGS = rf"(?=[\d ]{{0,8}}[a-z]){_SAYING}(?:[ ,.:-]{{1,3}}{_SAYING}){{0,8}}"
_DOTS = r"(?:\.{3,}|\u2026)"
_WORDS = rf"(?:{_DOTS} ?(?:{_SAYINGS} ?{_DOTS}?)?|{_SAYINGS} ?{_DOTS})"
_IN_BRACKETS = rf"[\[(<{{] ?(?:{_DOTS}[^\n\])>}}]{{0,40}}|{_SAYINGS}) ?[\])>}}]"
_COMMENT = r"(?:\#|//|/\*|--|<!--|;|%|\*)"
_LINE = re.compile(
    rf"{_COMMENT}? ?(?:{_WORDS}|{_DOTS}? ?{_IN_BRACKETS}) ?{_DOTS}? ?(?:\*/|-->)?$|--$|<snip>$", re.IGNORECASE
)
_END = re.compile(rf"(?:\s*{_COMMENT})? ?{_DOTS}? ?(?:{_IN_BRACKETS}|{_DOTS})$|\s+<snip>$", re.IGNORECASE)
_START = re.compile(rf"\s*(?:{_IN_BRACKETS}|{_DOTS}) ?", re.IGNORECASE)
_END_CHARACTERS = 80  # of a text, in which what stands for its end is searched


def is_elision(line: str) -> bool:
    """Whether a line without white space around it stands for others."""
    return _LINE.match(line) is not None


def split_elided(text: str) -> list[str]:
    """Return the parts of a quote between lines that stand for others, the whole where there is none."""
    parts: list[list[str]] = [[]]
    for line in split_lines(text):
        if is_elision(line.strip()):
            parts.append([])
        else:
            parts[-1].append(line)
    return [joined for part in parts if fold(joined := "\n".join(part))]


def strip_elisions(text: str) -> str:
    """Return a text without what stands at its ends for words before and after it."""
    lines = split_lines(text.strip("\r\n"))
    while lines and (not lines[0].strip() or is_elision(lines[0].strip())):
        lines.pop(0)
    while lines and (not lines[-1].strip() or is_elision(lines[-1].strip())):
        lines.pop()
    text = "\n".join(lines).rstrip()
    if start := _START.match(text):
        text = text[start.end() :]
    if end := _END.search(text, max(0, len(text) - _END_CHARACTERS)):
        text = text[: end.start()].rstrip()
    return text
