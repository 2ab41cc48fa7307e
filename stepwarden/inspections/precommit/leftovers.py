"""Lines that are rarely committed on purpose: conflict markers, debugging, disabled tests."""

import re
from pathlib import PurePosixPath

from stepwarden.source.languages import language_of
from stepwarden.source.outline import Language
from stepwarden.source.testfiles import is_test_file

CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: \S|$)")

_PROGRAM_DIRECTORIES = frozenset(
    {"script", "scripts", "bin", "cli", "cmd", "tools", "examples", "example", "bench", "benchmarks", "docs"}
)
# Debugging code, by language.
_DEBUGGING: dict[Language, re.Pattern[str]] = {
    Language.PYTHON: re.compile(
        r"^\s*(?:breakpoint\(|(?:i?pdb|pudb|wdb)\.set_trace\(|(?:import|from) (?:i?pdb|pudb|wdb|icecream)\b|ic\()"
    ),
    Language.JAVASCRIPT: re.compile(
        r"^\s*debugger\b|(?<![\w.])(?:describe|it|test|context|suite)\.only\s*\(|^\s*f(?:describe|it)\("
    ),
    Language.GO: re.compile(r"^\s*(?:spew\.Dump|pp\.Print(?:ln)?|runtime\.Breakpoint)\("),
    Language.JAVA: re.compile(r"\.printStackTrace\(\s*\)"),
    Language.RUST: re.compile(r"(?<!\w)(?:dbg|todo|unimplemented)!\("),
    Language.CSHARP: re.compile(r"(?<!\w)Debugger\.(?:Break|Launch)\("),
    Language.C: re.compile(r"(?<!\w)(?:__debugbreak|DebugBreak)\(|\bint3\b"),
}
# Output, which is normal where a file had it before, or is a program.
_PRINTS: dict[Language, re.Pattern[str]] = {
    Language.PYTHON: re.compile(r"^\s*(?:print|pprint)\("),
    Language.JAVASCRIPT: re.compile(r"^\s*(?:console\.(?:log|debug|dir|trace)|alert)\("),
    Language.GO: re.compile(r"^\s*fmt\.Print(?:ln|f)?\("),
    Language.JAVA: re.compile(r"^\s*System\.(?:out|err)\.print(?:ln|f)?\("),
    Language.RUST: re.compile(r"^\s*e?println!\("),
    Language.CSHARP: re.compile(r"^\s*(?:System\.)?Console\.Write(?:Line)?\("),
}
_LIKE = {Language.TYPESCRIPT: Language.JAVASCRIPT, Language.CPP: Language.C}
_DISABLED = re.compile(
    r"@(?:pytest\.mark\.|unittest\.)(?:skip|xfail)|(?<!\w)pytest\.skip\(|(?<![\w.])(?:describe|it|test)\.(?:skip|todo)\s*\("
    r"|^\s*x(?:describe|it|test)\(|(?<!\w)t\.Skip(?:Now|f)?\(|@(?:Disabled|Ignore)\b|#\[ignore|\[(?:Ignore|Fact\(Skip)"
)
_NOTE = re.compile(r"\b(?:FIXME|XXX|HACK|DO NOT (?:COMMIT|MERGE)|NOCOMMIT)\b")


def find_leftover(path: str, line: str, *, prints_before: bool) -> str:
    """Return what was probably left in an added line by mistake, "" for nothing.

    `prints_before` says that the file wrote to the terminal before the change, so that more output is normal.
    """
    language = language_of(path)
    if is_test_file(path) and _DISABLED.search(line):
        return "a test is disabled"
    if language is not None:
        language = _LIKE.get(language, language)
        debugging, prints = _DEBUGGING.get(language), _PRINTS.get(language)
        if debugging is not None and debugging.search(line):
            return "debugging"
        if prints is not None and not prints_before and not _is_program(path) and prints.search(line):
            return "output for debugging"
    return "a note to come back" if _NOTE.search(line) else ""


def has_prints(path: str, text: str) -> bool:
    """Whether a file writes to the terminal anywhere."""
    language = language_of(path)
    pattern = _PRINTS.get(_LIKE.get(language, language)) if language is not None else None
    return pattern is not None and any(pattern.search(line) for line in text.split("\n"))


def _is_program(path: str) -> bool:
    parts = PurePosixPath(path)
    return (
        is_test_file(path)
        or parts.stem in {"main", "cli", "manage", "setup", "__main__"}
        or bool(_PROGRAM_DIRECTORIES.intersection(part.lower() for part in parts.parts[:-1]))
    )
