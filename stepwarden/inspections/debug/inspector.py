"""Finds the frames of a pasted stack trace in the files of the project, and what stands round the place of a bug."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from stepwarden.files.secret_values import hide_secrets
from stepwarden.files.text import split_lines
from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.debug.place_facts import find_place, place_facts
from stepwarden.inspections.debug.stack_traces import Frame, FramePlace, parse_traces, resolve_frames
from stepwarden.inspections.shared.fact_text import clip, list_some, table
from stepwarden.inspections.shared.manifests import read_package_names
from stepwarden.inspections.shared.reviewed_files import files_read, is_quoted
from stepwarden.inspections.shared.subject import incompleteness, read_text, survey
from stepwarden.inspections.shared.targets import names_code
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

if TYPE_CHECKING:
    from stepwarden.source.scan.result import Scan

MOST_FRAMES = 6  # of the project, in one reply
SOURCE_BYTES = 56  # of the line that failed


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Resolve the stack trace of this step, or check whether the innermost frame of an earlier one was read."""
    traces = parse_traces("\n".join(filter(None, (context.submission.step, context.submission.findings))))
    if traces:
        return InspectionResult(_inspect_traces(context, traces))
    if context.is_first and (names_code(context.words) or context.submission.ranges):
        scan = survey(context).scan
        return InspectionResult(Inspection(facts=(*incompleteness(scan), *_around(context, scan, []))))
    kept = context.earlier.data.get("debug")
    if not kept or not kept["innermost"]:
        return None
    return InspectionResult(Inspection(clauses=tuple(_clauses(context.thread, kept["innermost"]))))


def _inspect_traces(context: InspectionContext, traces: Sequence[Sequence[Frame]]) -> Inspection:
    scan = survey(context).scan
    resolved = [resolve_frames(frames, (*scan.outlines, *scan.others), scan.outlines) for frames in traces]
    resolved.sort(key=lambda places: not own_places(places))  # those with frames of the project first
    places, others = resolved[0], resolved[1:]
    own = own_places(places)
    innermost = [own[0].path, own[0].frame.line] if own else []
    source = _source_line(context, own[0]) if own and not own[0].doubt else ""
    every = [place for found in resolved for place in found]
    return Inspection(
        facts=(
            *incompleteness(scan),
            *trace_facts(places, source),
            *other_trace_facts(others),
            *_around(context, scan, innermost),
        ),
        clauses=tuple(_clauses(context.thread, innermost)),
        data={"debug": {"innermost": innermost}},
        sections={"Stack trace": _table(every)} if any(place.paths for place in every) else {},
    )


def _around(context: InspectionContext, scan: "Scan", innermost: Sequence[Any]) -> list[str]:
    """Return what stands round the function that the step is about, where it names one."""
    graph = CodeGraph(scan.outlines, read_package_names(context.root, scan.others))
    symbol = find_place(context, graph, innermost)
    return place_facts(context, graph, symbol) if symbol is not None else []


def own_places(places: Sequence[FramePlace]) -> list[FramePlace]:
    """Return the frames that are in exactly one file of the project, each line once, those of its tests last."""
    once = {(place.path, place.frame.line): place for place in reversed(places) if place.path}
    found = list(reversed(once.values()))
    return sorted(found, key=lambda place: is_test_file(place.path))


def trace_facts(places: Sequence[FramePlace], source: str) -> list[str]:
    """Return in which files of the project the frames are, the innermost first, with its `source` line."""
    own = own_places(places)
    inside = sum(1 for place in places if place.paths)
    if not inside:
        return [f"Stack trace of {len(places)} frames: none is in a file of this directory."]
    facts: list[str] = []
    if own:
        facts.append(clip(f"Innermost frame here: {_position(own[0])}", 140))
        facts += [clip(f"  {source}", SOURCE_BYTES + 2)] if source else []
    facts += [
        clip(f"{place.frame.path}:{place.frame.line} may be {list_some(place.paths)}")
        for place in places
        if len(place.paths) > 1
    ][:2]
    facts += [f"Called from: {_position(place)}" for place in own[1:MOST_FRAMES]]
    others = len(places) - inside
    return [*facts, f"{others} of {len(places)} frames are outside this project."] if others else facts


def other_trace_facts(traces: Iterable[Sequence[FramePlace]]) -> list[str]:
    """Return where the further traces of a text broke, for those with frames of the project."""
    own = [own_places(places) for places in traces]
    return [clip(f"Another trace: innermost here {_position(places[0])}", 140) for places in own if places]


def _position(place: FramePlace) -> str:
    name = f" in {place.frame.function}" if place.frame.function else ""
    return f"{place.path}:{place.frame.line}{name}" + (f" ({place.doubt})" if place.doubt else "")


def _source_line(context: InspectionContext, place: FramePlace) -> str:
    lines = split_lines(hide_secrets(read_text(context, place.path) or "", place.path))
    return lines[place.frame.line - 1].strip() if 0 < place.frame.line <= len(lines) else ""


def _clauses(thread: Thread, innermost: Sequence[Any]) -> Iterable[Clause]:
    if not innermost:
        return
    path, line = str(innermost[0]), int(innermost[1])
    if path not in files_read(thread) and not is_quoted(thread, path, line):
        yield Clause("measured", f"{path}:{line}", f"{path}:{line}: the trace's innermost frame; read or quote it")


def _table(places: Sequence[FramePlace]) -> str:
    rows = [
        (place.path or list_some(place.paths), place.frame.line, place.frame.function)
        for place in places
        if place.paths
    ]
    return table(("File", "Line", "Function"), rows)
