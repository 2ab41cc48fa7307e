"""tracer's look: the definition that is meant, its trace, and what of it is still to be looked at."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwarden.files.text import split_lines
from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.fact_lines import packed
from stepwarden.inspections.manifests import package_names
from stepwarden.inspections.scope import clip, count, is_quoted, left_out, looked_at, some, text_of
from stepwarden.inspections.tracer.call_trace import Hop, Uses, flow, uses
from stepwarden.inspections.tracer.call_trace_text import flow_diagram, place, tree, used_text, users_text, uses_diagram
from stepwarden.reports.diagram import fenced
from stepwarden.source.call_resolver import Certainty, Resolution
from stepwarden.source.graph import Graph
from stepwarden.source.symbols import Symbol
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

MODES = ("precision", "dependencies")
ASK = "Which trace? Send trace_mode: precision (what it runs) or dependencies (who uses it)."
PATH_FILES, UNSURE = 6, 4  # files and unresolved calls that bar the finish
SOURCE_LINES = 400  # lines of one section
MENTION_FILES = 80
_NAME = re.compile(r"`([^`\s]{2,200})`|((?:[\w./-]+:)?[A-Za-z_$][\w$]*(?:(?:\.|::|#)[A-Za-z_$][\w$]*)*)")


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """What the thread asks to be traced: `mode` "" where it is not said yet."""

    mode: str
    target: str


def inspect(scene: InspectionContext) -> InspectionResult | None:
    """Trace when the thread says what and how, or says it anew; else hold the trace against what was looked at."""
    wish = _wish(scene.thread)
    if not wish.mode:
        return InspectionResult(Inspection(facts=(ASK,), clauses=(), data={"tracer": {}}))
    kept: Mapping[str, Any] = scene.before.data.get("tracer", {})
    if kept.get("wish") == [wish.mode, wish.target] and not scene.is_first:
        if not kept.get("files"):
            return None
        clauses = _clauses(scene.thread, kept)
        return InspectionResult(Inspection(facts=tuple(_later(kept, clauses)), clauses=clauses))
    return InspectionResult(_traced(scene, wish))


def _wish(thread: Thread) -> TraceRequest:
    mode = target = ""
    for step in thread.live:
        fields = step.submission.fields
        said = str(fields.get("trace_mode") or "")
        mode = said if said in MODES else mode
        target = str(fields.get("target") or target)
    if not target:
        described = (str(step.submission.fields.get("target_description") or "") for step in thread.live)
        target = next((text for text in described if text), thread.task)
    return TraceRequest(mode, target)


def _traced(scene: InspectionContext, wish: TraceRequest) -> Inspection:
    root = scene.workspace.root or ""
    scan = scene.reader.scan(root, (scene.base,), until=scene.until)
    graph = Graph(scan.outlines, package_names(root, scan.others))
    found = meant(graph, wish.target)
    missed = left_out(scan)
    data: dict[str, Any] = {"wish": [wish.mode, wish.target]}
    if len(found) == 1:
        measured = _flow(graph, found[0]) if wish.mode == "precision" else _uses(scene, graph, found[0])
        data |= measured.data
        facts = (*measured.facts, *missed)
        return Inspection(
            facts=facts,
            actions=measured.actions,
            clauses=_clauses(scene.thread, data),
            files=max(1, len(data["files"])),
            data={"tracer": data},
            sections=measured.sections,
        )
    facts = _several(graph, wish, found) if found else _nothing(graph, wish)
    return Inspection(facts=(*facts, *missed), clauses=(), data={"tracer": data})


def meant(graph: Graph, text: str) -> tuple[Symbol, ...]:
    """Return what a target means: the definitions of that name, or the one that a sentence names."""
    if found := graph.symbols.find(text):
        return _not_of_tests(found)
    best: tuple[Symbol, ...] = ()
    for quoted, name in _NAME.findall(text):
        word = quoted or name
        if not quoted and not re.search(r"[._:#$]|[a-z][A-Z]", word.strip(".:")):
            continue  # a plain word of a sentence
        found = _not_of_tests(graph.symbols.find(word))
        if len(found) == 1:
            return found
        best = best or found
    return best


def _not_of_tests(found: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    return tuple(symbol for symbol in found if not is_test_file(symbol.path)) or found


def _several(graph: Graph, wish: TraceRequest, found: Sequence[Symbol]) -> list[str]:
    places = [
        f"{symbol.spelled} (:{one.line})" if (one := graph.symbols.definition(symbol)) else symbol.spelled
        for symbol in found
    ]
    return [
        clip(f"{len(found)} definitions answer to {wish.target}. Send one as target:"),
        *(clip(spelled) for spelled in places[:8]),
        *([f"+{len(places) - 8} more"] if len(places) > 8 else []),
    ]


def _nothing(graph: Graph, wish: TraceRequest) -> list[str]:
    name = re.split(r"[.:#\s]", wish.target.strip())[-1] if len(wish.target) < 80 else ""
    near = difflib.get_close_matches(name, list(graph.symbols.by_name)[:50_000], n=3, cutoff=0.75) if name else []
    spelled = [graph.symbols.by_name[one][0].spelled for one in near]
    return [
        clip(f"No definition found for: {wish.target}"),
        *([clip(f"Near: {some(spelled)}")] if spelled else []),
        "Send target: a name, Class.method, path:Class.method or path:line.",
    ]


def _flow(graph: Graph, symbol: Symbol) -> Inspection:
    root = flow(graph, symbol)
    hops = [hop for hop in root.walk() if hop.call is not None]
    files = list(dict.fromkeys(hop.symbol.path for hop in _by_depth(hops) if hop.symbol and hop.is_sure))
    files = [symbol.path, *(path for path in files if path != symbol.path)]
    open_calls = [hop for hop in _by_depth(hops) if hop.symbol is None]
    deepest = max((hop.depth for hop in hops), default=0)
    likely = sum(hop.call is not None and hop.call.certainty is Certainty.LIKELY for hop in hops)
    known = [hop for hop in root.hops if hop.symbol is not None]
    facts = [
        clip(
            f"{_called(symbol)} {place(symbol, root.definition)}: {count(len(hops), 'call')}, "
            f"{count(len(files), 'file')}, depth {deepest}"
        ),
        *packed("Runs ", [f":{hop.lines[0]} {_called(hop.symbol)}" for hop in known if hop.symbol], 2),
        *packed(
            f"Not resolved {len(open_calls)}, likely {likely}: " if open_calls else f"All resolved, likely {likely}",
            [f"{hop.call.path}:{hop.call.call.line} {hop.call.text}" for hop in open_calls if hop.call],
            2,
        ),
    ]
    lines = tree(root)
    body = "\n".join(lines[:SOURCE_LINES])
    cut = f"\n\n{len(lines) - SOURCE_LINES} more lines are left out." if len(lines) > SOURCE_LINES else ""
    section = f"```text\n{body}\n```{cut}\n\n{fenced(flow_diagram(root))}"
    return Inspection(
        facts=tuple(facts),
        data={"files": files[:40], "open": [_kept(hop.call) for hop in open_calls[:20] if hop.call]},
        sections={f"Trace of {symbol.qualified or symbol.path}": section},
    )


def _called(symbol: Symbol) -> str:
    return symbol.qualified or symbol.path


def _by_depth(hops: Sequence[Hop]) -> list[Hop]:
    return sorted(hops, key=lambda hop: hop.depth)


def _kept(call: Resolution) -> list[Any]:
    return [call.path, call.call.line, call.text]


def _uses(scene: InspectionContext, graph: Graph, symbol: Symbol) -> Inspection:
    found = uses(graph, symbol)
    mentions = _mentions(scene, found)
    callers = list(dict.fromkeys(one.path for one in found.callers if not is_test_file(one.path)))
    tests = {one.path for one in found.callers} - set(callers)
    used = [one for one in found.calls if one.certainty in {Certainty.SURE, Certainty.LIKELY}]
    unsure_ones = [one for one in found.callers if one.certainty is Certainty.OPEN]
    open_calls = [
        one
        for one in found.calls
        if one.certainty in {Certainty.OPEN, Certainty.DYNAMIC} and "built-in type" not in one.reason
    ]
    used_files = list(dict.fromkeys(one.targets[0].path for one in used))
    users = [f"{path} {_lines(found, path)}" for path in callers]
    facts = [
        clip(
            f"{_called(symbol)} {place(symbol, found.definition)}: used by {count(len(found.callers), 'call')} in "
            f"{count(len(callers) + len(tests), 'file')}"
        ),
        *packed(f"Users ({len(tests)} test files, {len(unsure_ones)} unsure calls): ", users, 2),
        *packed("Uses ", used_files, 1),
        *packed(f"Not resolved {len(open_calls)}: ", [f":{one.call.line} {one.text}" for one in open_calls], 1),
        *packed("Named without a call: ", mentions, 1),
    ]
    body = "\n".join(users_text(found, mentions)[:SOURCE_LINES])
    down = "\n".join(used_text(found)[:SOURCE_LINES])
    ends = {Symbol(one.path, one.call.inside) for one in found.callers} | {one.targets[0] for one in used}
    diagram = uses_diagram(found, {end: graph.symbols.definition(end) for end in ends})
    section = f"### Used by\n\n```text\n{body}\n```\n\n### Uses\n\n```text\n{down}\n```\n\n{fenced(diagram)}"
    return Inspection(
        facts=tuple(facts),
        data={
            "files": [symbol.path, *(path for path in callers if path != symbol.path)][:40],
            "open": [_kept(one) for one in [*unsure_ones, *open_calls][:20]],
        },
        sections={f"Dependencies of {symbol.qualified or symbol.path}": section},
    )


def _lines(found: Uses, path: str) -> str:
    here = [one for one in found.callers if one.path == path]
    return some([f":{one.call.line}" for one in here], 3)


def _mentions(scene: InspectionContext, found: Uses) -> list[str]:
    """Return the lines that name the definition and neither call, define nor import it, in files that know it."""
    name = found.symbol.name
    if len(name) < 3:
        return []
    known: dict[str, set[int]] = {found.symbol.path: {found.definition.line} if found.definition else set()}
    for path, line in found.importers:
        known.setdefault(path, set()).add(line)
    for one in found.callers:
        known.setdefault(one.path, set()).add(one.call.line)
    word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
    places: list[str] = []
    for path, lines in list(known.items())[:MENTION_FILES]:
        text = text_of(scene, path) or ""
        for number, line in enumerate(split_lines(text), 1):
            if number not in lines and name in line and word.search(line) and not _IMPORT.match(line):
                places.append(f"{path}:{number}")
    return places


_IMPORT = re.compile(r"\s*(?:import\b|from\b.*\bimport\b|export\b.*\bfrom\b|[\w, ]+,?\s*$|\"[^\"]*\"\s*$)")


def _clauses(thread: Thread, kept: Mapping[str, Any]) -> tuple[Clause, ...]:
    """Return what of the trace is still to be done: its nearest files looked at, its unresolved calls explained."""
    seen = looked_at(thread)
    unseen = [path for path in kept.get("files", ())[:PATH_FILES] if path not in seen]
    told = " ".join(step.submission.learned for step in thread.live[1:])
    clauses = [Clause("measured", path, f"{path}: on the trace, not looked at") for path in unseen]
    for path, line, text in kept.get("open", ())[:UNSURE]:
        name = str(text).rpartition(".")[2]
        if not is_quoted(thread, path, line, near=3) and not re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", told):
            clauses.append(Clause("measured", f"{path}:{line}", f"{path}:{line}: say what {text} runs"))
    return tuple(clauses)


def _later(kept: Mapping[str, Any], clauses: Sequence[Clause]) -> Iterable[str]:
    files, calls = len(kept.get("files", ())[:PATH_FILES]), len(kept.get("open", ())[:UNSURE])
    open_files = sum(":" not in clause.subject for clause in clauses)
    yield f"Of the trace: {files - open_files} of {count(files, 'file')} looked at" + (
        f", {calls - (len(clauses) - open_files)} of {count(calls, 'unresolved call')} explained." if calls else "."
    )
