"""codereview's look: the files under review, and which of them were read or quoted."""

from typing import Any

from stepwarden.inspections.codereview.coverage import (
    coverage_clauses,
    coverage_table,
    kept_subjects,
    later_facts,
    opening_facts,
    subject_of,
)
from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.git_history import changed_files
from stepwarden.inspections.scope import is_inside, left_out, mentioned, named_paths
from stepwarden.steps.inspection import Inspection

MOST_FILES = 500  # of one review that are counted singly
_TEXT = (
    "md",
    "rst",
    "txt",
    "lock",
    "svg",
    "map",
    "snap",
)  # named, they are read; among changed files they are passed over


def inspect(scene: InspectionContext) -> InspectionResult | None:
    """Measure the files under review when they are named, and hold them against what was read since."""
    kept = scene.before.data.get("codereview")
    named = named_paths(scene.thread)
    if not scene.is_first and kept is not None and set(named) <= set(kept["named"]):
        subjects = kept_subjects(kept)
        if not subjects:
            return None
        return InspectionResult(
            Inspection(
                facts=tuple(later_facts(scene.thread, subjects)),
                clauses=coverage_clauses(scene.thread, subjects),
                sections={"Coverage": coverage_table(scene.thread, subjects)},
            )
        )
    return _measured_anew(scene, named)


def _measured_anew(scene: InspectionContext, named: tuple[str, ...]) -> InspectionResult | None:
    whence = "named" if named else "changed since the last commit"
    places = named or changed_files(scene)
    if not places:
        scan = scene.reader.scan(scene.workspace.root or "", (scene.base,), until=scene.until)
        places, whence = tuple(mentioned(scene.thread.task, (*scan.outlines, *scan.others))), "named in the task"
    if not places:
        data: dict[str, Any] = {"codereview": {"named": [], "files": []}}
        asked = () if scene.thread.origin is not None else ("Name what to review in relevant_files.",)
        return InspectionResult(Inspection(facts=asked, data=data))
    there = [path for path in places if _may_read(scene, path)]
    scan = scene.reader.scan(scene.workspace.root or "", there, until=scene.until)
    paths = [path for path in (*scan.outlines, *scan.others) if path in places or path in scan.outlines]
    if not named:
        paths = [path for path in paths if path.rpartition(".")[2].lower() not in _TEXT]
    subjects = [subject_of(path, scan.outlines.get(path)) for path in sorted(paths)[:MOST_FILES]]
    if not subjects:
        return None
    return InspectionResult(
        Inspection(
            facts=(*opening_facts(subjects, whence), *_cut(paths), *left_out(scan)),
            clauses=coverage_clauses(scene.thread, subjects),
            files=len(subjects),
            data={"codereview": {"named": list(named), "files": [item.kept() for item in subjects]}},
            sections={"Coverage": coverage_table(scene.thread, subjects)},
        )
    )


def _may_read(scene: InspectionContext, path: str) -> bool:
    """Whether a named path lies in the working directory's root; the reader looks whether it is there."""
    return not path.startswith(("/", "..")) and is_inside(path, ("",))


def _cut(paths: list[str]) -> list[str]:
    return [f"Counted singly: the first {MOST_FILES} of {len(paths)} files."] if len(paths) > MOST_FILES else []
