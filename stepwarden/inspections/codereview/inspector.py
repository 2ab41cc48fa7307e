"""Measures the files under review, and checks which of them were read or quoted."""

from typing import Any

from stepwarden.inspections.codereview.coverage import (
    coverage_clauses,
    coverage_table,
    kept_files,
    later_facts,
    measure_file,
    opening_facts,
    sort_by_weight,
)
from stepwarden.inspections.codereview.shown_faults import fault_facts, fault_table, find_shown_faults
from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.shared.git_history import list_changed_files
from stepwarden.inspections.shared.reviewed_files import files_named
from stepwarden.inspections.shared.subject import incompleteness, is_inside, paths_mentioned
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

MOST_FILES = 500  # of one review that are tracked
# Suffixes of files that are under review only if they are named, not because they changed.
_TEXT = frozenset({"md", "rst", "txt", "lock", "svg", "map", "snap"})


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Measure the files under review when they are named, and later check which of them were read."""
    kept = context.earlier.data.get("codereview")
    named = files_named(context.thread)
    if context.is_first or kept is None or not set(named) <= set(kept["named"]):
        return _measure(context, named)
    files = kept_files(kept)
    if not files:
        return None
    return InspectionResult(
        Inspection(
            facts=tuple(later_facts(context.thread, files)),
            clauses=coverage_clauses(context.thread, files),
            sections={"Coverage": coverage_table(context.thread, files)},
        )
    )


def _measure(context: InspectionContext, named: tuple[str, ...]) -> InspectionResult | None:
    places, source = _places(context, named)
    if not places:
        data: dict[str, Any] = {"codereview": {"named": [], "files": []}}
        request = () if context.thread.origin is not None else ("Name what to review in relevant_files.",)
        return InspectionResult(Inspection(facts=request, data=data))
    readable = [path for path in places if _is_in_root(path)]
    scan = context.reader.scan(context.root, readable, until=context.until)
    paths = [path for path in (*scan.outlines, *scan.others) if path in places or path in scan.outlines]
    if not named:
        paths = [path for path in paths if path.rpartition(".")[2].lower() not in _TEXT]
    files = [measure_file(path, scan.outlines.get(path)) for path in sorted(paths)[:MOST_FILES]]
    if not files:
        return None
    faults = find_shown_faults(context, [item.path for item in sort_by_weight(files)])
    head, *sizes = opening_facts(files, source)
    facts = [*incompleteness(scan), head, *fault_facts(faults), *sizes, *_cut_note(paths)]
    shown = {"Shown by the code": fault_table(faults)} if faults else {}
    return InspectionResult(
        Inspection(
            facts=tuple(fact for fact in facts if fact not in _told(context.thread)),
            clauses=coverage_clauses(context.thread, files),
            files=len(files) if scan.complete else None,
            data={"codereview": {"named": list(named), "files": [item.kept() for item in files]}},
            sections={**shown, "Coverage": coverage_table(context.thread, files)},
        )
    )


def _told(thread: Thread) -> set[str]:
    """Return the facts that earlier steps of a thread have said."""
    return {fact for step in thread.live[:-1] if step.measured is not None for fact in step.measured.facts}


def _places(context: InspectionContext, named: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return the files and directories under review, and in words where they come from."""
    if named:
        return named, "named"
    if changed := list_changed_files(context):
        return changed, "changed since the last commit"
    scan = context.reader.scan(context.root, (context.directory,), until=context.until)
    return tuple(paths_mentioned(context.thread.task, (*scan.outlines, *scan.others))), "named in the task"


def _is_in_root(path: str) -> bool:
    """Whether a named path lies in the root; whether it exists is seen when it is read."""
    return not path.startswith(("/", "..")) and is_inside(path, ("",))


def _cut_note(paths: list[str]) -> list[str]:
    return [f"Only the first {MOST_FILES} of {len(paths)} files are tracked."] if len(paths) > MOST_FILES else []
