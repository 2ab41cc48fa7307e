"""Measures how a code base is built, and checks which of its central parts were read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from stepwarden.inspections.analyze.facts import cycle_names
from stepwarden.inspections.analyze.measurement import Measurement, measure
from stepwarden.inspections.analyze.structure import IMPORTED_BY
from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.shared.fact_text import clip, count
from stepwarden.inspections.shared.manifests import read_package_names
from stepwarden.inspections.shared.reviewed_files import files_named, files_read
from stepwarden.inspections.shared.subject import incompleteness, is_inside
from stepwarden.source.scan.derived import content_key
from stepwarden.source.scan.result import Scan
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Phase, Thread

_NOT_READ = "not read yet"


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Measure the code base at step 1, and later check which of its central parts were read."""
    kept: Mapping[str, Any] | None = context.earlier.data.get("analyze")
    if kept is not None and not context.is_first:
        return _check(context, kept) if kept["central"] else None
    scan = context.reader.scan(context.root, (context.directory,), until=context.until)
    found = _measure(context, scan)
    if not found.files:
        return None
    kept = {"central": [list(pair) for pair in found.central], "cycles": [list(path) for path in found.cycles]}
    return InspectionResult(
        Inspection(
            facts=(*incompleteness(scan), *found.facts),
            actions=_actions(context, kept),
            clauses=_clauses(context.thread, kept),
            files=found.files if scan.complete else None,
            data={"analyze": kept},
            sections=found.sections,
        )
    )


def _check(context: InspectionContext, kept: Mapping[str, Any]) -> InspectionResult:
    central, unread = len(kept["central"]), len(_unread(context.thread, kept))
    return InspectionResult(
        Inspection(
            facts=(f"Read {central - unread} of {count(central, 'central part')}.",),
            actions=_actions(context, kept),
            clauses=_clauses(context.thread, kept),
        )
    )


def _measure(context: InspectionContext, scan: Scan) -> Measurement:
    """Measure the files that the thread is about, all where it names none that is source.

    What the same files came to before is not worked out again.
    """
    scope = files_named(context.thread)
    inside = [path for path in scan.summaries if not scope or is_inside(path, scope)] or list(scan.summaries)
    packages = read_package_names(context.root, scan.others)
    key = content_key("analyze", scan.hashes, inside, sorted(packages.items()))
    return context.reader.derived.get(key, lambda: measure(scan.summaries_of(inside), packages))


def _clauses(thread: Thread, kept: Mapping[str, Any]) -> tuple[Clause, ...]:
    """Return the central parts that were not read, and the cycles that no findings mention."""
    clauses = [Clause("measured", unit, f"{unit} ({why}): {_NOT_READ}") for unit, why in _unread(thread, kept)]
    learned = " ".join(step.submission.learned for step in thread.live[1:])
    clauses += [
        Clause("measured", str(path[0]), f"cycle {' > '.join(cycle_names(path))}: say what it means")
        for path in kept["cycles"]
        if not _mentions_cycle(learned, path)
    ]
    return tuple(clauses)


def _mentions_cycle(text: str, path: Sequence[Any]) -> bool:
    """Whether a text mentions a cycle: by the word, or by two of its files."""
    names = [str(unit).rpartition("/")[2].partition(".")[0] for unit in path]
    return bool(re.search(r"\bcycl|\bcircular", text, re.IGNORECASE)) or sum(name in text for name in names) > 1


def _unread(thread: Thread, kept: Mapping[str, Any]) -> list[tuple[str, str]]:
    read = files_read(thread)
    return [(unit, why) for unit, why in kept["central"] if not any(is_inside(path, (unit,)) for path in read)]


def _actions(context: InspectionContext, kept: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what to do in the current phase of the analysis."""
    unread = [unit for unit, _ in _unread(context.thread, kept)]
    phase = context.step.phase
    if phase is Phase.SURVEY:
        files = ", ".join(unread[:2]) or "what everything else is built on"
        imported = any(why.startswith(IMPORTED_BY) for unit, why in kept["central"] if unit in unread[:2])
        asked = "who imports it, why?" if imported else "what holds it together?"
        return (clip(f"Analysis: read {files}; {asked}"),)
    if phase is Phase.DIG:
        return (clip(f"Deep dive: {unread[0] if unread else 'the part that decides the question'}, to the last line."),)
    if phase is Phase.PROVE:
        return ("Comparison: compare it with another part, the docs, or a common design.",)
    return ("Synthesis: answer first, then rank what to change.",)
