"""Parses stack traces in a text, and finds the files of the project that their frames are in."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from stepwarden.inspections.debug.trace_formats import FORMATS, Cause, TraceFormat
from stepwarden.inspections.debug.trace_text import clean_trace_text
from stepwarden.inspections.shared.subject import is_function
from stepwarden.source.outline import Outline

MOST_FRAMES = 60  # of one trace: an overflowed recursion repeats itself
MOST_TRACES = 5  # of one text
MOST_DIGITS = 7  # of a line
_HEADING_CHARACTERS = 400  # before the first frame


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


# Installed packages, by a part of their path; one of them may be the project's own.
_INSTALLED = re.compile(
    r".*/(?:site-packages|dist-packages|node_modules|pkg/mod/[^@]*@[^/]+|registry/src/[^/]+|gems/[^/]+-\d[\w.-]*)/"
)
# Code of a language's runtime and standard library.
_GO_PACKAGES = (
    "archive|bufio|bytes|compress|container|context|crypto|database|debug|embed|encoding|errors|expvar|flag|fmt|go|hash|"
    "html|image|internal|io|iter|log|maps|math|mime|net|os|path|plugin|reflect|regexp|runtime|slices|sort|strconv|"
    "strings|sync|syscall|testing|text|time|unicode|unique|unsafe|vendor|weak"
)
_RUNTIME = re.compile(
    r"/lib/python\d[\d.]*/(?!site-|dist-)|^<|^node:|^dart:|^native |/lib/ruby/\d[\d.]*/(?!gems/)|^\$GOROOT"
    r"|^/rustc/|/\.rustup/|^(?:java|javax|jdk|sun|kotlin|kotlinx|scala)/"
    rf"|(?:/go\d?[\d.]*|/golang[^/]*)/src/(?:{_GO_PACKAGES})/"
)
# Names that a runtime shares with many projects: own code where the project has the whole path, with the function.
_SHARED_NAMES = re.compile(r"^(?:internal|runtime)/")


def parse_traces(text: str) -> tuple[tuple[Frame, ...], ...]:
    """Return the stack traces in a text as they follow each other, each with its innermost frame first.

    Of joined errors the first cause comes first. A trace that is repeated counts once.
    """
    text = clean_trace_text(text)
    traces = (_order_frames(found, text) for found in _split_traces(_find_frames(text), text))
    return tuple(dict.fromkeys(trace[:MOST_FRAMES] for trace in traces))[:MOST_TRACES]


@dataclass(frozen=True, slots=True)
class _Found:
    """A frame with its format and where it stands in the text."""

    format: TraceFormat
    start: int
    end: int
    frame: Frame


def _find_frames(text: str) -> list[_Found]:
    """Return the frames of all formats as they stand in the text; of two that overlap, the earlier format's."""
    found: list[_Found] = []
    taken: set[int] = set()
    for format_ in FORMATS:
        for match in (match for pattern in format_.frames for match in pattern.finditer(text)):
            start = match.start("path")
            if start in taken or len(match["line"]) > MOST_DIGITS:
                continue
            taken.add(start)
            found.append(_Found(format_, match.start(), match.end(), _frame(format_, match)))
    return sorted(found, key=lambda item: item.start)


def _frame(format_: TraceFormat, match: re.Match[str]) -> Frame:
    function = (match.groupdict().get("function") or "").strip().removesuffix("()")
    path = _plain_path(match["path"])
    if format_.name == "jvm":  # only the method's name tells the packages
        path = "/".join([*function.split(".")[:-2], path])
    return Frame(path, int(match["line"]), function)


def _split_traces(found: Sequence[_Found], text: str) -> list[list[_Found]]:
    traces: list[list[_Found]] = []
    for item in found:
        before = traces[-1][-1] if traces else None
        if before is None or before.format is not item.format or _starts_anew(item, text[before.end : item.start]):
            traces.append([])
        traces[-1].append(item)
    return traces


def _starts_anew(item: _Found, between: str) -> bool:
    start = item.format.start
    between = between.partition("\n")[2] if start else ""  # the rest of the frame's own line
    return bool(start and start.search(between) and _joint(item.format, between) is None)


def _joint(format_: TraceFormat, between: str) -> Cause | None:
    return next((cause for pattern, cause in format_.joints if pattern.search(between)), None)


def _order_frames(found: Sequence[_Found], text: str) -> tuple[Frame, ...]:
    """Return the frames of one trace, the innermost of the first cause first."""
    format_ = found[0].format
    blocks: list[list[_Found]] = []
    joints: list[Cause] = []
    for item in found:
        joint = _joint(format_, text[blocks[-1][-1].end : item.start]) if blocks else None
        if not blocks or joint:
            blocks.append([])
            joints += [joint] if joint else []
        blocks[-1].append(item)
    if Cause.AFTER in joints:
        blocks.reverse()
    if Cause.PARTS in joints:
        first = joints.index(Cause.PARTS) + 1
        blocks = [*blocks[first:], *blocks[:first]]
    heading = text[max(0, found[0].start - _HEADING_CHARACTERS) : found[0].start]
    last = format_.last or bool(format_.last_after and format_.last_after.search(heading))
    return tuple(item.frame for block in blocks for item in (reversed(block) if last else block))


def _plain_path(path: str) -> str:
    """Return a path with slashes, without the scheme, the host and the query of an address."""
    path = path.strip().removeprefix("\\\\?\\")
    address = re.match(r"[a-z][\w+.-]+:/{2,}(?:[^/\s]*:\d+/|(?<=p://)[^/]+/|(?<=s://)[^/]+/)?", path)
    if address:
        path = "/" + unquote(path[address.end() :])
    path = re.sub(r"^package:(\w+)/", r"\1/lib/", path)
    return path.replace("\\", "/").partition("?")[0]


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
    if _SHARED_NAMES.search(tail):
        best = defining or [path for path in best if path == tail]
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
