"""Parses stack traces in a text, and finds the files of the project that their frames are in."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from stepwarden.inspections.shared.subject import is_function
from stepwarden.source.outline import Outline

MOST_FRAMES = 60  # of one trace: an overflowed recursion repeats itself


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a trace; `path` has slashes, `function` no arguments and is "" where none is named."""

    path: str
    line: int
    function: str = ""


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where a frame is in the project: the files that its path may mean, none for other code.

    `doubt` says why the line may not be the one that ran.
    """

    frame: Frame
    paths: tuple[str, ...]
    doubt: str = ""

    @property
    def path(self) -> str:
        """The file that the frame is in, "" where there are none or several."""
        return self.paths[0] if len(self.paths) == 1 else ""


_PYTHON = re.compile(
    r'^[ \t>|+]*File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>[^\n]+))?', re.MULTILINE
)
_PYTEST = re.compile(
    r"^(?:E\s+)?(?P<path>[^\s:][^:\n]*\.py):(?P<line>\d+): "
    r"(?:in (?P<function>[\w<>.]+)|[\w.]*(?:Error|Exception|Exit|Failed)\b)",
    re.MULTILINE,
)
_V8 = re.compile(
    r"^\s*at (?:async )?(?:new )?(?:(?P<function>[^\n(]+?) \()?(?P<path>[^\s()][^()\n]*?):(?P<line>\d+):\d+\)?\s*$",
    re.MULTILINE,
)
_GECKO = re.compile(r"^(?P<function>[\w$.<>/*]*)@(?P<path>[^\n@]+?):(?P<line>\d+):\d+\s*$", re.MULTILINE)
_GO = re.compile(r"^(?P<function>\S[^\n]*)\([^\n(]*\)\n\s+(?P<path>[^\s:][^\n]*\.go):(?P<line>\d+)", re.MULTILINE)
_JAVA = re.compile(
    r"^\s*at (?:[\w.]*(?:@[\w.]+)?/)*(?P<function>[\w.$<>]+)\((?P<path>\w+\.(?:java|kt|scala)):(?P<line>\d+)\)",
    re.MULTILINE,
)
_RUST = re.compile(
    r"(?:^ *\d+: +(?:0x[0-9a-f]+ - )?(?P<function>[^\n]+)\n\s+at |panicked at (?:'[^\n]*', )?)"
    r"(?P<path>[^\s:][^\n:]*\.rs):(?P<line>\d+)(?::\d+)?",
    re.MULTILINE,
)
_CSHARP = re.compile(r"^\s*at (?P<function>[^\n(]+)\([^\n]*\) in (?P<path>[^\n]+?):line (?P<line>\d+)", re.MULTILINE)
_CAUSED = re.compile(r"^Caused by: ", re.MULTILINE)
_CHAINED = re.compile(
    r"^(?:During handling of the above exception|The above exception was the direct cause)[^\n]*$", re.MULTILINE
)

# Installed packages, by a part of their path; one of them may be the project's own.
_INSTALLED = re.compile(r".*/(?:site-packages|dist-packages|node_modules|pkg/mod/[^@]*@[^/]+|registry/src/[^/]+)/")
# Code of a language's runtime and standard library.
_RUNTIME = re.compile(
    r"/lib/python\d[\d.]*/(?!site-|dist-)|^<|^node:|/go\d?[\d.]*/src/|/golang[^/]*/src/|^/rustc/|/\.rustup/|^native "
    r"|^(?:java|javax|jdk|sun|kotlin|scala|runtime)/|^internal/|^\$GOROOT"
)


def parse_frames(text: str) -> tuple[Frame, ...]:
    """Return the frames of the stack trace in a text, the innermost first; () where there is none.

    Of chained errors the first cause comes first. Known formats are those of Python (and pytest), V8, Gecko, Go, the
    JVM, Rust and .NET.
    """
    text = text.replace("\r\n", "\n")
    found = max((parse(text) for parse in _PARSERS), key=len)
    return tuple(found[:MOST_FRAMES])


def _parse_python(text: str) -> list[Frame]:
    blocks = [_frames(_PYTHON, block)[::-1] for block in _CHAINED.split(text)]
    return [frame for block in blocks for frame in block]


def _parse_pytest(text: str) -> list[Frame]:
    return _frames(_PYTEST, text)[::-1]


def _parse_java(text: str) -> list[Frame]:
    blocks = [_frames(_JAVA, block) for block in _CAUSED.split(text)]
    return [_with_package(frame) for block in reversed(blocks) for frame in block]


def _with_package(frame: Frame) -> Frame:
    """Return the frame with the packages of the class, from the method's name, before the bare name of its file."""
    packages = frame.function.split(".")[:-2]
    return Frame("/".join([*packages, frame.path]), frame.line, frame.function)


def _parser_of(pattern: re.Pattern[str]) -> Callable[[str], list[Frame]]:
    return lambda text: _frames(pattern, text)


def _frames(pattern: re.Pattern[str], text: str) -> list[Frame]:
    return [
        Frame(_slashes(match["path"]), int(match["line"]), _bare(match["function"] or ""))
        for match in pattern.finditer(text)
        if len(match["line"]) < 8
    ]


def _slashes(path: str) -> str:
    path = re.sub(r"^(?:file|webpack(?:-internal)?|https?|app)://+(?:[^/]*:\d+/)?", "/", path.strip())
    return path.replace("\\", "/").partition("?")[0]


def _bare(function: str) -> str:
    return function.strip().removesuffix("()")


_PARSERS: tuple[Callable[[str], list[Frame]], ...] = (
    _parse_python,
    _parse_pytest,
    _parse_java,
    _parser_of(_V8),
    _parser_of(_GECKO),
    _parser_of(_GO),
    _parser_of(_RUST),
    _parser_of(_CSHARP),
)


def resolve_frames(
    frames: Sequence[Frame], paths: Iterable[str], outlines: Mapping[str, Outline]
) -> tuple[FramePlace, ...]:
    """Find the file of each frame among `paths`: the one that shares the longest end of its path.

    Of several, the one that defines the frame's function at its line. A file that shares only its name counts only if
    it does, too: other code may also have a `utils.py`.
    """
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(PurePosixPath(path).name, []).append(path)
    return tuple(_find_place(frame, by_name, outlines) for frame in frames)


def _find_place(frame: Frame, by_name: Mapping[str, list[str]], outlines: Mapping[str, Outline]) -> FramePlace:
    if _RUNTIME.search(frame.path):
        return FramePlace(frame, ())
    tail = _INSTALLED.sub("", frame.path)
    parts = [part for part in tail.split("/") if part not in {"", "."}]
    candidates = by_name.get(parts[-1], []) if parts else []
    shared = {path: _shared_length(parts, path.split("/")) for path in candidates}
    longest = max(shared.values(), default=0)
    best = [path for path in candidates if shared[path] == longest]
    if tail != frame.path and longest < len(parts):
        best = []  # of an installed package, only the project's own has the whole path
    defining = [path for path in best if _defines(outlines.get(path), frame)]
    if len(best) > 1 and len(defining) == 1:
        best = defining
    if longest == 1 and len(parts) > 1:
        best = defining
    doubt = _doubt(outlines.get(best[0]), frame) if len(best) == 1 else ""
    return FramePlace(frame, tuple(best), doubt)


def _shared_length(parts: Sequence[str], others: Sequence[str]) -> int:
    count = 0
    for one, other in zip(reversed(parts), reversed(others), strict=False):
        if one != other:
            break
        count += 1
    return count


def _name(frame: Frame) -> str:
    """Return the last name in a frame's function, "" where it has none (module level, lambdas)."""
    names = re.findall(
        r"[A-Za-z_$][\w$]*", re.sub(r"<[^>]*>|::\{[^}]*\}.*|::h[0-9a-f]{16}$|\.func\d.*", "", frame.function)
    )
    return names[-1] if names else ""


def _functions_at(outline: Outline, line: int) -> list[str]:
    return [item.name for item in outline.definitions if is_function(item) and item.line <= line <= item.end_line]


def _defines(outline: Outline | None, frame: Frame) -> bool:
    return outline is not None and bool(_name(frame)) and _name(frame) in _functions_at(outline, frame.line)


def _doubt(outline: Outline | None, frame: Frame) -> str:
    """Return how the file differs from what it was when the trace was made, "" where nothing shows that."""
    if outline is None:
        return ""
    if frame.line > outline.lines:
        return f"the file has {outline.lines} lines now"
    name, functions = _name(frame), _functions_at(outline, frame.line)
    defined = {item.name: item for item in outline.definitions if is_function(item)}
    if name in defined and name not in functions:
        return f"{name} is at line {defined[name].line} now"
    return ""
