"""Stack traces in a text, read as frames, and the frames resolved to files of the project: the pure part of debug."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from stepwarden.inspections.scope import is_function
from stepwarden.source.outline import Outline

MOST_FRAMES = 60  # of one trace: a recursion that overflowed repeats itself


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as the trace has it; `path` with slashes, `function` without its arguments, "" where none is named."""

    path: str
    line: int
    function: str = ""


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where a frame is in the project: the files that its path may mean, none for code of others.

    `doubt` says why the line may be another than the one that ran.
    """

    frame: Frame
    paths: tuple[str, ...]
    doubt: str = ""

    @property
    def path(self) -> str:
        """The one file that it is in, "" where there are none or several."""
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

# Code of others, by a part of its path; what follows may still be the project's own, installed.
_INSTALLED = re.compile(r".*/(?:site-packages|dist-packages|node_modules|pkg/mod/[^@]*@[^/]+|registry/src/[^/]+)/")
_FOREIGN = re.compile(
    r"/lib/python\d[\d.]*/(?!site-|dist-)|^<|^node:|/go\d?[\d.]*/src/|/golang[^/]*/src/|^/rustc/|/\.rustup/|^native "
    r"|^(?:java|javax|jdk|sun|kotlin|scala|runtime)/|^internal/|^\$GOROOT"
)


def frames_in(text: str) -> tuple[Frame, ...]:
    """Return the frames of the stack trace in a text, the one where it broke first; () where there is none.

    Of a chain of errors the first cause comes first. Known are the formats of Python (and pytest), V8, Gecko, Go,
    the JVM, Rust and .NET.
    """
    text = text.replace("\r\n", "\n")
    found = max((read(text) for read in _READERS), key=len)
    return tuple(found[:MOST_FRAMES])


def _python(text: str) -> list[Frame]:
    blocks = [_frames(_PYTHON, block)[::-1] for block in _CHAINED.split(text)]
    return [frame for block in blocks for frame in block]


def _pytest(text: str) -> list[Frame]:
    return _frames(_PYTEST, text)[::-1]


def _java(text: str) -> list[Frame]:
    blocks = [_frames(_JAVA, block) for block in _CAUSED.split(text)]
    return [_with_package(frame) for block in reversed(blocks) for frame in block]


def _with_package(frame: Frame) -> Frame:
    """Put the packages of the class, which the method's name tells, before the bare name of its file."""
    folders = frame.function.split(".")[:-2]
    return Frame("/".join([*folders, frame.path]), frame.line, frame.function)


def _plain(pattern: re.Pattern[str]) -> Callable[[str], list[Frame]]:
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


_READERS: tuple[Callable[[str], list[Frame]], ...] = (
    _python,
    _pytest,
    _java,
    _plain(_V8),
    _plain(_GECKO),
    _plain(_GO),
    _plain(_RUST),
    _plain(_CSHARP),
)


def resolve(frames: Sequence[Frame], paths: Iterable[str], outlines: Mapping[str, Outline]) -> tuple[FramePlace, ...]:
    """Find the file of each frame among `paths`: the one that shares the longest end of its path.

    Where several share it, the one that defines the frame's function at its line. A bare name that fits a longer path
    only counts with its function in it: code of others has a `utils.py` too.
    """
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(PurePosixPath(path).name, []).append(path)
    return tuple(_place(frame, by_name, outlines) for frame in frames)


def _place(frame: Frame, by_name: Mapping[str, list[str]], outlines: Mapping[str, Outline]) -> FramePlace:
    if _FOREIGN.search(frame.path):
        return FramePlace(frame, ())
    tail = _INSTALLED.sub("", frame.path)
    parts = [part for part in tail.split("/") if part not in {"", "."}]
    candidates = by_name.get(parts[-1], []) if parts else []
    shared = {path: _shared(parts, path.split("/")) for path in candidates}
    longest = max(shared.values(), default=0)
    best = [path for path in candidates if shared[path] == longest]
    if tail != frame.path and longest < len(parts):
        best = []  # installed: only the project's own package has the whole of it
    sure = [path for path in best if _defines(outlines.get(path), frame)]
    if len(best) > 1 and len(sure) == 1:
        best = sure
    if longest == 1 and len(parts) > 1:
        best = sure
    doubt = _doubt(outlines.get(best[0]), frame) if len(best) == 1 else ""
    return FramePlace(frame, tuple(best), doubt)


def _shared(parts: Sequence[str], others: Sequence[str]) -> int:
    count = 0
    for one, other in zip(reversed(parts), reversed(others), strict=False):
        if one != other:
            break
        count += 1
    return count


def _name(frame: Frame) -> str:
    """Return the last name in a frame's function, "" where it has none of its own (module level, lambdas)."""
    names = re.findall(
        r"[A-Za-z_$][\w$]*", re.sub(r"<[^>]*>|::\{[^}]*\}.*|::h[0-9a-f]{16}$|\.func\d.*", "", frame.function)
    )
    return names[-1] if names else ""


def _around(found: Outline, line: int) -> list[str]:
    return [item.name for item in found.definitions if is_function(item) and item.line <= line <= item.end_line]


def _defines(found: Outline | None, frame: Frame) -> bool:
    return found is not None and bool(_name(frame)) and _name(frame) in _around(found, frame.line)


def _doubt(found: Outline | None, frame: Frame) -> str:
    """Return why the file may not be as it was when the trace was made."""
    if found is None:
        return ""
    if frame.line > found.lines:
        return f"the file has {found.lines} lines now"
    name, around = _name(frame), _around(found, frame.line)
    defined = {item.name: item for item in found.definitions if is_function(item)}
    if name in defined and name not in around:
        return f"{name} is at line {defined[name].line} now"
    return ""
