"""Takes from a pasted text what terminals, log collectors and serializers put round a stack trace."""

import html
import re
from collections.abc import Iterable, Iterator

MOST_ESCAPED_TIMES = 3  # JSON in JSON in JSON
LINE_CHARACTERS = 1_000  # read of one line
MOST_PREFIXES = 6  # of one line: a container, a time, a level, a thread
MOST_BLANK_LINES = 2  # in a row: formats look for the next word across line breaks, which costs their square

# Colours and links of a terminal; the escape character may be lost or written out, as in what a web page shows.
_COLOUR = re.compile(
    r"(?:\x1b|\u241b|\^\[|\\(?:u001[bB]|x1[bB]|033|e))\[[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b|\\(?:u001[bB]|x1[bB]|033|e))\]8;[^\x07\x1b\n]*?(?:\x07|\x1b\\)|\[\d{1,3}(?:;\d{1,3})*m|\[m(?=[\s\"(/]|$)"
)
# A line break that is written out is followed by an indented frame, or ends a heading; in a Windows path it is neither.
_ESCAPED = re.compile(r"\\n(?: |\\t|\\u0009|\\\\n|[\w.$<>/*]*@)|[:)]\\n|\\\\n")
_ESCAPE = re.compile(r"\\(?:u(?P<code>[0-9a-fA-F]{4})|x(?P<byte>[0-9a-fA-F]{2})|r\\n|(?P<letter>.))")
_LETTERS = {"n": "\n", "t": "\t", "r": "\n"}
_MARKUP = re.compile(r"&(?:quot|nbsp|lt|gt|#39|#x27|#34);|<br ?/?>")
_BREAK = re.compile(r"<br ?/?>\n?")

_TIME = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"
# What may stand before each line of a trace, by who puts it there.
_PREFIXES = (
    r"[|>│┃](?: |$)?",  # quotes, exception groups, frames round a text
    r"[A-Za-z][\w.-]*(?:/[\w.-]+)* *\| ?",  # docker compose
    r"(?!\[(?:cause|errors)\])(?:\[[^\]\n]{1,80}\])+:?(?: |$)",  # a pod, a thread, a time, a build tool's level
    rf"\d{{4}}[-/]\d\d[-/]\d\d[T ]{_TIME}(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?:?(?:[ \t]|$)",
    rf"[A-Z][a-z]{{2}} [ \d]?\d {_TIME} \S+ [\w./@-]+(?:\[\d+\])?: ?",  # syslog, journald
    rf"{_TIME}(?:[ \t]|$)",
    r"[IWEF]\d{4} " + _TIME + r" +\d+ [\w./-]+:\d+\] ?",  # klog
    r"[\w./@-]+\[[\w.-]+\]: ?",  # heroku
    r"(?:stdout|stderr) [FP](?: |$)",  # kubernetes
    r"\d\d[OE][ +]?",  # gitlab
    r"#\d+ \d+\.\d+(?: |$)",  # docker build
    r"##\[\w+\]",  # azure, github
    r"==\d+==(?: |$)",  # valgrind and the sanitizers
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}[ \t]",  # aws lambda
    r"(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b(?: ?[-:|] ?|[ \t]|$)",
    r"[a-z][\w-]*-[0-9a-f]{6,10}-[0-9a-z]{5} [\w.-]+(?: |$)",  # stern: a pod and a container
    r"[EWIDVF]/[\w.-]+ ?\( *\d+\): ?",  # android
)
_PREFIX = re.compile(rf"[ \t]*(?:{'|'.join(_PREFIXES)})")
_BORDER = re.compile(r"[ \t]*[│┃]?[ \t]*$")


def clean_trace_text(text: str) -> str:
    """Return the text with its line breaks, without colours, escapes and what stands before the lines of a log."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    for _ in range(MOST_ESCAPED_TIMES):
        if not _ESCAPED.search(text):
            break
        text = "\n".join(_unescape(line) if _ESCAPED.search(line) else line for line in text.split("\n"))
    if _MARKUP.search(text):
        text = html.unescape(_BREAK.sub("\n", text)).replace("\xa0", " ")
    lines = _COLOUR.sub("", text).split("\n")
    return "\n".join(_few_blank(_without_prefixes(line[:LINE_CHARACTERS]) for line in lines))


def _few_blank(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines, of blank ones in a row no more than MOST_BLANK_LINES, and those empty."""
    blank = 0
    for line in lines:
        blank = blank + 1 if not line or line.isspace() else 0
        if not blank:
            yield line
        elif blank <= MOST_BLANK_LINES:
            yield ""


def _unescape(line: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match["code"] or match["byte"]
        if code:
            return chr(int(code, 16))
        letter = match["letter"] or "n"
        return _LETTERS.get(letter, letter)

    return _ESCAPE.sub(plain, line)


def _without_prefixes(line: str) -> str:
    bare = _BORDER.sub("", line)
    for _ in range(MOST_PREFIXES):
        match = _PREFIX.match(bare)
        if match is None or not match[0].strip():
            break
        bare = bare[match.end() :]
    return bare
