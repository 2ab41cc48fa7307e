"""How runtimes write stack traces: one row a format, with which end is the innermost and what joins two errors."""

import re
from dataclasses import dataclass
from enum import Enum


class Cause(Enum):
    """Where the cause of an error stands in a text that has several joined ones."""

    BEFORE = "before"
    AFTER = "after"
    PARTS = "parts"  # several causes of one error, all after it


@dataclass(frozen=True, slots=True)
class TraceFormat:
    """One way to write a trace; `frames` have the groups path, line and, where it is named, function.

    `last` says that the innermost frame is the last one, `last_after` that it is so after such a line. `start` is a
    line between two frames that begins another trace, unless `joint` matches there, which tells where the cause is.
    """

    name: str
    frames: tuple[re.Pattern[str], ...]
    last: bool = False
    last_after: re.Pattern[str] | None = None
    start: re.Pattern[str] | None = None
    joints: tuple[tuple[re.Pattern[str], Cause], ...] = ()


def _lines(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.MULTILINE) for pattern in patterns)


def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


_LINE = r":(?P<line>\d+)"
_PLACE = rf"(?P<path>(?:[A-Za-z]:)?[^\s:()][^\n:]*?){_LINE}"
_UNINDENTED = _line(r"^(?!\.\.\. |at |[{}\]])\S")
_CAUSED_BY = (_line(r"^\s*(?:Caused by: |\[(?:cause|errors)\]: )"), Cause.AFTER)
_PYTHON_JOINTS = (
    (
        _line(r"^\s*(?:During handling of the above exception|The above exception was the direct cause)"),
        Cause.BEFORE,
    ),
    (_line(r"^[ +-]*-{4,} \d+ -{4,}"), Cause.PARTS),
)
_TRACEBACK = _line(r"^\s*(?:\S.*)?(?:Traceback|Stack) \(most recent call last\)")

FORMATS: tuple[TraceFormat, ...] = (
    TraceFormat(
        "python faulthandler",
        _lines(r'^\s*File "(?P<path>[^"\n]+)", line (?P<line>\d+) in (?P<function>[^\n]+)'),
        start=_line(r"^\s*(?:Current thread|Thread) 0x"),
    ),
    TraceFormat(
        "python",
        _lines(r'^[ \t>|+]*File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>[^\n]+))?'),
        last=True,
        start=_TRACEBACK,
        joints=_PYTHON_JOINTS,
    ),
    TraceFormat(
        "ipython",
        _lines(
            rf"^File (?P<path>(?:[A-Za-z]:)?[^\n:\"]+?){_LINE}, in (?P<function>[\w<>.]+)",
            r"^(?P<path>\S[^\n]*\.py) in (?P<function>[\w<>]+)\([^\n]*\)\n(?:[^\n]*\n){0,6}?-+> (?P<line>\d+) ",
        ),
        last=True,
        start=_TRACEBACK,
        joints=_PYTHON_JOINTS,
    ),
    TraceFormat(
        "rich",
        _lines(rf"^\s*(?P<path>(?:[A-Za-z]:)?[^\s:][^\n:]*\.py){_LINE} in (?P<function>[\w<>.]+)"),
        last=True,
        start=_TRACEBACK,
        joints=_PYTHON_JOINTS,
    ),
    TraceFormat(
        "pytest",
        _lines(
            rf"^(?:E\s+)?(?P<path>(?:[A-Za-z]:)?[^\s:][^:\n]*\.py){_LINE}:[ ]?"
            r"(?:in (?P<function>[\w<>.]+)|(?:\w+\.)*[A-Z]\w*(?=\s*$)|(?=$))"
        ),
        last=True,
        start=_line(r"^(?:_{3,} .* _{3,}|=+ .* =+)$"),
        joints=_PYTHON_JOINTS,
    ),
    TraceFormat(
        "jvm",
        _lines(
            r"^\s*at (?:[\w.-]*(?:@[\w.-]+)?/)*(?P<function>[\w.$<>-]+)"
            rf"\((?P<path>[\w-]+\.(?:java|kts?|scala|groovy|cljc?|jsp)){_LINE}\)"
        ),
        start=_UNINDENTED,
        joints=(_CAUSED_BY,),
    ),
    TraceFormat(
        "dotnet",
        _lines(
            r"^\s*\w+ (?P<function>[^\n(]+?) ?\([^\n]*\) (?:\[0x[0-9a-f]+\] )?\w+ "
            r"(?P<path>[^\n]+?\.(?:cs|fs|vb|cshtml|razor)):(?:\w+ )?(?P<line>\d+)\b",
            rf"^\s*(?P<function>[\w.:`+<>]+) ?\([^\n]*\) \(at (?P<path>[^\n:()]+\.cs){_LINE}\)",
        ),
        start=_UNINDENTED,
    ),
    TraceFormat(
        "rust",
        _lines(
            r"(?:^ *\d+: +(?:0x[0-9a-f]+ - )?(?P<function>[^\n]+)\n\s+at |panicked at (?:'[^\n]*', )?)"
            rf"(?P<path>(?:[A-Za-z]:)?[^\s:][^\n:]*\.rs){_LINE}(?::\d+)?"
        ),
        start=_line(r"^thread '"),
    ),
    TraceFormat(
        "v8",
        _lines(
            r"^\s*at (?!\S+ \(eval at )(?:async )?(?:new )?(?:(?P<function>[^\n]+?) )?"
            rf"\((?:address at )?(?P<path>[^\n]+?){_LINE}:\d+\)\s*\{{?\s*$",
            rf"^\s*at (?:async )?(?P<path>(?![^\n]* \()[^\s()][^\n]*?){_LINE}:\d+\s*\{{?\s*$",
            rf"^\s*at (?P<function>\S+) \(eval at [^\n(]*\((?P<path>[^\n]+?){_LINE}:\d+\),",
        ),
        start=_UNINDENTED,
        joints=(_CAUSED_BY,),
    ),
    TraceFormat("react", _lines(rf"^\s*in (?P<function>\S+) \(at (?P<path>[^\n:]+){_LINE}\)")),
    TraceFormat(
        "vitest",
        _lines(
            rf"^\s*\u276f (?:(?P<function>[^\n]*?\S) )?(?P<path>\S+?){_LINE}:\d+\s*$",
        ),
        start=_line(r"^\s*FAIL "),
        joints=(_CAUSED_BY,),
    ),
    TraceFormat(
        "gecko",
        _lines(rf"^\s*(?P<function>[\w$.<>/*\[\] ]*)@(?P<path>[^\n@]+?){_LINE}:\d+\s*$"),
        start=_line(r"^(?:Uncaught |Error|\w+Error)\b"),
    ),
    TraceFormat(
        "go",
        _lines(
            rf"^[ \t]*(?P<function>[^\s(][^\n]*)\([^\n(]*\)\n[ \t]*(?P<path>(?:[A-Za-z]:)?[^\s:][^\n:]*\.go){_LINE}",
            rf"^created by (?P<function>\S+)[^\n]*\n[ \t]*(?P<path>(?:[A-Za-z]:)?[^\s:][^\n:]*\.go){_LINE}",
            rf"^(?P<function>[\w./-]+\.[\w.()*\[\]]+)\n[ \t]*(?P<path>(?:[A-Za-z]:)?[^\s:][^\n:]*\.go){_LINE}$",
        ),
        start=_line(r"^(?:goroutine \d+ |(?:WARNING: )?DATA RACE|\s*(?:Previous )?(?:[Rr]ead|[Ww]rite) at 0x)"),
    ),
    TraceFormat(
        "ruby",
        _lines(
            r"^\s*(?:\d+: )?(?:from )?"
            rf"(?P<path>(?:[A-Za-z]:)?[^\s:][^\n:]*\.(?:rb|erb|rake|ru|haml|slim|exs?|erl)){_LINE}:in "
            r"[`'](?:block (?:\(\d+ levels\) )?in |rescue in |ensure in )?(?P<function>[^'\n]+)'"
        ),
        last_after=_TRACEBACK,
        start=_line(r"^\s*(?:Traceback \(most recent|\S.*(?:Error|Exception)\b.*:$)"),
    ),
    TraceFormat(
        "php",
        _lines(
            r"^\s*#\d+ (?P<path>(?:[A-Za-z]:)?[^\n():]+\.(?:php|phtml|inc))\((?P<line>\d+)\): ",
            r"(?:Uncaught |^Next )[^\n]* in (?P<path>(?:[A-Za-z]:)?[^\n:]+\.(?:php|phtml|inc)):(?P<line>\d+)$",
            r"^(?:PHP )?(?:Parse error|Fatal error|Warning|Notice|Deprecated):? [^\n]*"
            r" in (?P<path>(?:[A-Za-z]:)?[^\n:]+\.(?:php|phtml|inc)) on line (?P<line>\d+)",
            rf" at (?P<path>(?:[A-Za-z]:)?[^\n:()]+\.php){_LINE}\)$",
        ),
        start=_line(r"Uncaught "),
    ),
    TraceFormat(
        "dart",
        _lines(
            rf"^\s*#\d+ +(?P<function>[^\n(]+?) \((?P<path>[^\n()]+\.dart){_LINE}(?::\d+)?\)",
            r"^(?P<path>[\w:./-]+\.dart) (?P<line>\d+):\d+ +(?P<function>\S+)",
        ),
        start=_line(r"^\s*#0 |^Unhandled "),
    ),
    TraceFormat(
        "swift",
        _lines(
            r"^\s*\d+ (?:\[[^\]\n]*\] )?(?:0x[0-9a-f]+ )?(?P<function>[^\s(]+)[^\n]* at "
            rf"(?P<path>/[^\n:]+\.swift){_LINE}",
            rf"^(?P<path>[^\s:][^\n:]*\.swift){_LINE}: (?:Fatal|Precondition|Assertion)",
            r"(?:[Ff]atal error|failed)[^\n]*: file (?P<path>[^\n]+\.swift), line (?P<line>\d+)",
        ),
    ),
    TraceFormat(
        "elixir",
        _lines(
            r"^\s*(?!\((?:elixir|stdlib|kernel|mix|ex_unit|logger|iex|eex)[ )])(?:\([\w.]+(?: [^)\n]+)?\) )?"
            rf"(?P<path>[\w./-]+\.(?:exs?|erl|eex|heex|leex)){_LINE}: "
            r"(?P<function>(?:anonymous fn/\d+ in )?[^\s(]+)(?:/\d+|\()",
        ),
        start=_line(r"^\s*\*\* \("),
    ),
    TraceFormat(
        "erlang",
        _lines(
            r"\{file,\s*\"(?P<path>[^\"\n]+)\"\},\s*\{line,\s*(?P<line>\d+)\}",
            r"\[file: (?:~c)?[\"'](?P<path>[^\"'\n]+)[\"'], line: (?P<line>\d+)\]",
            r"in (?:function|call from)\s+(?P<function>\S+) \((?P<path>[^,\n()]+), line (?P<line>\d+)\)",
        ),
    ),
    TraceFormat(
        "native",
        _lines(
            r"^\s*#\d+ +0x[0-9a-f]+ in (?P<function>[^\n(]+?)(?:\([^\n]*\)[^\n/]*?)? "
            rf"(?P<path>(?:[A-Za-z]:)?[/\\][^\n:()]*|[^\s:()]+){_LINE}",
            rf"^\s*#\d+ +(?:0x[0-9a-f]+ in )?(?P<function>[^\s(]+) \([^\n]*\) at {_PLACE}\b",
            rf"^\s*\*? ?frame #\d+: 0x[0-9a-f]+ [^\n`]+`(?P<function>[^\s(]+)[^\n]* at {_PLACE}\b",
            rf"^\s*(?:at|by) 0x[0-9A-Fa-f]+: (?P<function>[^\s(]+)[^\n]* \((?P<path>[^\n:()]+){_LINE}\)",
        ),
        start=_line(r"^\s*(?:(?:freed|previously allocated|allocated) by |Thread \d+ |#0 |\* thread )"),
    ),
)
