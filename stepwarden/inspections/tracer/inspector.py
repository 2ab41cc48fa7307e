"""Traces a definition, and checks what of the trace was read and explained."""

import re
from collections.abc import Mapping, Sequence
from posixpath import dirname
from typing import Any

from stepwarden.files.text import split_lines
from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.shared.fact_text import clip, count, list_some, pack
from stepwarden.inspections.shared.manifests import read_package_names
from stepwarden.inspections.shared.masked_source import mask_comments
from stepwarden.inspections.shared.reviewed_files import files_read, is_quoted
from stepwarden.inspections.shared.subject import incompleteness, is_foreign, read_text
from stepwarden.inspections.shared.targets import find_targets
from stepwarden.inspections.tracer.call_trace import Hop, Uses, find_uses, trace_flow
from stepwarden.inspections.tracer.call_trace_diagram import draw_flow, draw_uses
from stepwarden.inspections.tracer.call_trace_text import flow_text, place_of, used_text, users_text
from stepwarden.inspections.tracer.target import (
    TraceRequest,
    ambiguous_facts,
    read_request,
    unknown_facts,
)
from stepwarden.reports.diagram import fenced
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import DefinitionKind, Language
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

NO_MODE = "Which trace? Send trace_mode: precision (what it runs) or dependencies (who uses it)."
FILES, UNRESOLVED = 6, 4  # files and unresolved calls that bar the finish
SECTION_LINES = 400
MENTION_FILES = 80  # that are searched for mentions


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Trace when the thread says what and how, or changes that; else check what of the trace was read."""
    request = read_request(context.thread)
    if not request.mode:
        return InspectionResult(Inspection(facts=(NO_MODE,), clauses=(), data={"tracer": {}}))
    kept: Mapping[str, Any] = context.earlier.data.get("tracer", {})
    if context.is_first or kept.get("wish") != [request.mode, request.target]:
        return InspectionResult(_trace(context, request))
    if not kept.get("files"):
        return None
    clauses = _clauses(context.thread, kept)
    return InspectionResult(Inspection(facts=(_progress_fact(kept, clauses),), clauses=clauses))


def _trace(context: InspectionContext, request: TraceRequest) -> Inspection:
    scan = context.reader.scan(context.root, (context.directory,), until=context.until)
    graph = CodeGraph(scan.outlines, read_package_names(context.root, scan.others))
    found = find_targets(graph.symbols, request.target)
    missing = incompleteness(scan)
    data: dict[str, Any] = {"wish": [request.mode, request.target]}
    if len(found) != 1:
        find_facts = ambiguous_facts(graph.symbols, request.target, found) if found else ()
        facts = find_facts or unknown_facts(graph.symbols, request.target)
        return Inspection(facts=(*missing, *facts), clauses=(), data={"tracer": data})
    trace = _flow(graph, found[0]) if request.mode == "precision" else _uses(context, graph, found[0])
    data |= trace.data
    return Inspection(
        facts=(*missing, *trace.facts),
        clauses=_clauses(context.thread, data),
        files=max(1, len(data["files"])) if scan.complete else None,
        data={"tracer": data},
        sections=trace.sections,
    )


def _flow(graph: CodeGraph, symbol: Symbol) -> Inspection:
    """Return facts, data and section of what runs when `symbol` runs."""
    root = trace_flow(graph, symbol)
    hops = sorted((hop for hop in root.walk() if hop.call is not None), key=lambda hop: hop.depth)
    files = list(dict.fromkeys(hop.symbol.path for hop in hops if hop.symbol and hop.is_sure))
    files = _own_first(graph, symbol, [symbol.path, *files])
    unresolved = [hop.call for hop in hops if hop.symbol is None and hop.call is not None]
    lines = flow_text(root)
    body = "\n".join(lines[:SECTION_LINES])
    cut = f"\n\n{len(lines) - SECTION_LINES} more lines are left out." if len(lines) > SECTION_LINES else ""
    return Inspection(
        facts=tuple(_flow_facts(root, hops, files, unresolved)),
        data={"files": files[:40], "open": [_kept(call) for call in unresolved[:20]]},
        sections={f"Trace of {_name(symbol)}": f"```text\n{body}\n```{cut}\n\n{fenced(draw_flow(root))}"},
    )


def _flow_facts(root: Hop, hops: Sequence[Hop], files: Sequence[str], unresolved: Sequence[Resolution]) -> list[str]:
    assert root.symbol is not None
    depth = max((hop.depth for hop in hops), default=0)
    likely = sum(hop.call is not None and hop.call.certainty is Certainty.LIKELY for hop in hops)
    calls = [
        f":{hop.lines[0]} {_name(hop.symbol)}{'' if hop.is_sure else ' (guess)'}"
        for hop in root.hops
        if hop.symbol is not None
    ]
    guessed = f", {likely} guessed" if likely else ""
    head = f"{len(unresolved)} unresolved{guessed}: " if unresolved else f"All resolved{guessed}"
    return [
        clip(
            f"{_name(root.symbol)} {place_of(root.symbol, root.definition)}: {count(len(hops), 'call')}, "
            f"{count(len(files), 'file')}, depth {depth}"
        ),
        *pack("Calls ", calls, 2),
        *pack(head, [f"{call.path}:{call.call.line} {call.text}" for call in unresolved], 2),
    ]


def _uses(context: InspectionContext, graph: CodeGraph, symbol: Symbol) -> Inspection:
    """Return facts, data and section of who uses `symbol` and what it uses."""
    found = find_uses(graph, symbol)
    mentions = _find_mentions(context, graph, found)
    callers = _own_first(graph, symbol, [call.path for call in found.callers if not is_test_file(call.path)])
    unsure = [call for call in found.callers if call.certainty is Certainty.OPEN]
    unresolved = [
        call for call in found.calls if call.certainty in {Certainty.OPEN, Certainty.DYNAMIC} and not call.built_in
    ]
    users = "\n".join(users_text(found, mentions)[:SECTION_LINES])
    used = "\n".join(used_text(found)[:SECTION_LINES])
    ends = {Symbol(call.path, call.call.inside) for call in found.callers}
    ends |= {call.targets[0] for call in found.calls if call.is_known}
    diagram = draw_uses(found, {end: graph.symbols.definition(end) for end in ends})
    section = f"### Used by\n\n```text\n{users}\n```\n\n### Uses\n\n```text\n{used}\n```\n\n{fenced(diagram)}"
    return Inspection(
        facts=tuple(_use_facts(graph, found, callers, unresolved, mentions)),
        data={
            "files": _own_first(graph, symbol, [symbol.path, *callers])[:40],
            "open": [_kept(call) for call in [*unsure, *unresolved][:20]],
        },
        sections={f"Dependencies of {_name(symbol)}": section},
    )


def _use_facts(
    graph: CodeGraph, found: Uses, callers: Sequence[str], unresolved: Sequence[Resolution], mentions: Sequence[str]
) -> list[str]:
    """Return the facts; `callers` are the files that call the definition, without tests."""
    tests = {call.path for call in found.callers} - set(callers)
    unsure = sum(call.certainty is Certainty.OPEN for call in found.callers)
    guessed = sum(call.certainty is Certainty.LIKELY for call in found.callers)
    maybe = [f"{call.path}:{call.call.line} {call.text}" for call in found.maybe]
    used = _own_first(graph, found.symbol, [call.targets[0].path for call in found.calls if call.is_known])
    return [
        clip(
            f"{_name(found.symbol)} {place_of(found.symbol, found.definition)}: used by "
            f"{count(len(found.callers), 'call')} in {count(len(callers) + len(tests), 'file')}"
        ),
        *pack(f"Users ({_users_head(len(tests), unsure, guessed)}): ", _with_lines(found, callers), 2),
        *pack(f"Callers may be missing, {len(maybe)} calls of this name lead nowhere: ", maybe, 1),
        *pack("Uses ", used, 1),
        *pack(f"{len(unresolved)} unresolved: ", [f":{call.call.line} {call.text}" for call in unresolved], 1),
        *pack("Named without a call: ", mentions, 1),
    ]


def _users_head(tests: int, unsure: int, guessed: int) -> str:
    parts = [count(tests, "test file"), f"{count(unsure, 'call')} may mean another" if unsure else ""]
    return ", ".join(part for part in [*parts, f"{guessed} guessed" if guessed else ""] if part)


def _with_lines(found: Uses, paths: Sequence[str]) -> list[str]:
    """Return files with the lines on which they call the definition."""
    lines: dict[str, list[str]] = {}
    for call in found.callers:
        mark = {Certainty.LIKELY: " (guess)", Certainty.OPEN: " (unsure)"}.get(call.certainty, "")
        lines.setdefault(call.path, []).append(f":{call.call.line}{mark}")
    return [f"{path} {list_some(lines[path], 3)}" for path in paths]


def _own_first(graph: CodeGraph, symbol: Symbol, paths: Sequence[str]) -> list[str]:
    """Return files, each once: the symbol's own, those beside it, others, and last those that are not the project's."""
    beside = dirname(symbol.path)

    def rank(path: str) -> tuple[bool, bool, bool]:
        return path != symbol.path, is_foreign(path, graph.outlines[path]), dirname(path) != beside

    return sorted(dict.fromkeys(paths), key=rank)


def _name(symbol: Symbol) -> str:
    return symbol.qualified or symbol.path


def _kept(call: Resolution) -> list[Any]:
    return [call.path, call.call.line, call.text]


def _find_mentions(context: InspectionContext, graph: CodeGraph, found: Uses) -> list[str]:
    """Return the lines that name the definition without calling, defining or importing it, in files that know it.

    A comment that names it is none.
    """
    name = found.symbol.name
    if len(name) < 3:
        return []
    known: dict[str, set[int]] = {found.symbol.path: {found.definition.line} if found.definition else set()}
    for path, line in found.importers:
        known.setdefault(path, set()).add(line)
    for call in found.callers:
        known.setdefault(call.path, set()).add(call.call.line)
    before, after = r"(?<![\w$])", r"(?![\w$])"
    if graph.symbols.language(found.symbol.path) is Language.GO and found.definition is not None:
        # `x.Close` is no function, and `Close` alone no method
        before = r"(?<=\.)" if found.definition.kind is DefinitionKind.METHOD else r"(?<![\w.])"
    word = re.compile(rf"{before}{re.escape(name)}{after}")
    places: list[str] = []
    for path, lines in list(known.items())[:MENTION_FILES]:
        text = mask_comments(read_text(context, path) or "", graph.symbols.language(path))
        for number, line in enumerate(split_lines(text), 1):
            if number not in lines and name in line and word.search(line) and not _IMPORT.match(line):
                places.append(f"{path}:{number}")
    return places


_IMPORT = re.compile(r"\s*(?:import\b|from\b.*\bimport\b|export\b.*\bfrom\b|[\w, ]+,?\s*$|\"[^\"]*\"\s*$)")


def _clauses(thread: Thread, kept: Mapping[str, Any]) -> tuple[Clause, ...]:
    """Return what of the trace is left to do: its nearest files to read, its unresolved calls to explain."""
    read = files_read(thread)
    unread = [path for path in kept.get("files", ())[:FILES] if path not in read]
    learned = " ".join(step.submission.learned for step in thread.live[1:])
    clauses = [Clause("measured", path, f"{path}: on the trace, not read yet") for path in unread]
    for path, line, text in kept.get("open", ())[:UNRESOLVED]:
        name = re.escape(str(text).rpartition(".")[2])
        if not is_quoted(thread, path, line, near=3) and not re.search(rf"(?<![\w$]){name}(?![\w$])", learned):
            clauses.append(Clause("measured", f"{path}:{line}", f"{path}:{line}: say what {text} runs"))
    return tuple(clauses)


def _progress_fact(kept: Mapping[str, Any], clauses: Sequence[Clause]) -> str:
    """Return how much of the trace was read and explained."""
    files, calls = len(kept.get("files", ())[:FILES]), len(kept.get("open", ())[:UNRESOLVED])
    open_files = sum(":" not in clause.subject for clause in clauses)
    explained = calls - (len(clauses) - open_files)
    text = f"Of the trace: {files - open_files} of {count(files, 'file')} read"
    return f"{text}, {explained} of {count(calls, 'unresolved call')} explained." if calls else f"{text}."
