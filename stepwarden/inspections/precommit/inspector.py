"""Reads a change, finds its risks, and checks how much of it was reviewed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from stepwarden.files.paths import path_below, shown
from stepwarden.files.secrets import is_secret
from stepwarden.inspections.context import CannotInspect, InspectedPlace, InspectionContext, InspectionResult
from stepwarden.inspections.precommit.changeset import (
    ChangeSet,
    ComparisonRequest,
    measure_new_files,
    name_in_root,
    read_change,
)
from stepwarden.inspections.precommit.handed_on import find_takers
from stepwarden.inspections.precommit.hunks import ReviewedLines, coverage_section, list_hunks
from stepwarden.inspections.precommit.report import (
    compared_with,
    file_clauses,
    later_facts,
    limit_clauses,
    nothing_sentence,
    opening_facts,
    place_of,
    risk_clauses,
    risk_section,
)
from stepwarden.inspections.precommit.risks import RISKS, ChangeFacts, ChangeRisk, find_risks, lock_names, sort_callers
from stepwarden.inspections.precommit.staged.partial import read_gaps
from stepwarden.inspections.shared.fact_text import clip, list_some
from stepwarden.source.git.change import FileChange
from stepwarden.source.git.command import GitFailed, GitSlow
from stepwarden.source.git.discovery import NothingFound, find_repositories
from stepwarden.source.git.mentions import find_mentions
from stepwarden.source.git.repository import Repository
from stepwarden.steps.inspection import Inspection

BLOCKING = frozenset({"conflict", "secret", "partial", "leftover"})
"""Kinds of risk that stand on disk until somebody takes them out, or stages the rest: no review makes them fit."""
MOST_NAMES = 20  # of changed definitions whose mentions elsewhere are searched
_KEY = "precommit"


@dataclass(frozen=True, slots=True)
class _Change:
    """The changes of all repositories, with their risks; `notes` say what was not read."""

    parts: Sequence[ChangeSet]
    risks: Sequence[ChangeRisk]
    notes: Sequence[str]

    @property
    def files(self) -> list[FileChange]:
        return [change for part in self.parts for change in part.files]


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Read the change as it is now, and check how much of it the live steps reviewed.

    Raises CannotInspect, or GitFailed, with what to send instead.
    """
    request, path = _requested(context)
    start = _start(context, path)
    try:
        found = find_repositories(context.reader.git, context.root, start, until=context.until)
    except NothingFound:
        if not context.is_first:
            return None
        if path or request.compare_to:
            raise
        fact = clip("No git repository here: name the changed files yourself, or send path.")
        return InspectionResult(Inspection(facts=(fact,)))
    parts, problems = read_all(found.repositories, context.root, request, context.until)
    notes = [*found.problems, *problems, *(note for part in parts for note in part.notes)]
    change = _Change(parts, (), notes)
    if not change.files:
        return _nothing(context, change)
    risks = find_risks(change_facts(context.root, parts, change.files))
    risks = with_takers(context, with_callers(context, risks, found.repositories), parts, found.repositories)
    return _measure(context, replace(change, risks=risks))


def _requested(context: InspectionContext) -> tuple[ComparisonRequest, str]:
    """Return what the live steps ask to compare, and the path; a later step overrides an earlier one."""
    fields: dict[str, Any] = {}
    for step in context.thread.live:
        fields |= step.submission.fields
    request = ComparisonRequest(
        str(fields.get("compare_to") or "").strip(),
        bool(fields.get("include_staged", True)),
        bool(fields.get("include_unstaged", True)),
    )
    if not (request.staged or request.unstaged or request.compare_to):
        raise CannotInspect(
            "include_staged and include_unstaged are both false, so there is nothing to check. "
            "Leave one of them out, or send compare_to."
        )
    return request, str(fields.get("path") or "").strip()


def _start(context: InspectionContext, path: str) -> str:
    """Return the directory or file to start from, inside the root."""
    if not path:
        return context.workspace.directory or ""
    place = Path(context.root, context.workspace.canonical(path))
    try:
        resolved = str(place.resolve(strict=True))
    except (OSError, RuntimeError, ValueError):
        resolved = ""
    if not resolved or path_below(resolved, context.root) is None or is_secret(place.parts):
        raise CannotInspect(
            f"path: '{shown(path)}' is not a directory that may be read here. Send one inside working_directory."
        )
    return resolved


def read_all(
    repositories: Sequence[Repository], root: str, request: ComparisonRequest, until: float
) -> tuple[list[ChangeSet], list[str]]:
    """Read the change of every repository; if one of several fails, it is noted; if all do, the step fails."""
    parts: list[ChangeSet] = []
    problems: list[GitFailed] = []
    for repository in repositories:
        try:
            part = read_change(repository, root, request, until=until)
            naming = partial(name_in_root, root, repository.top)
            gaps = read_gaps(repository, part.status, naming, until=until) if request.staged else ()
            parts.append(replace(part, gaps=gaps))
        except GitSlow:
            raise
        except GitFailed as error:
            problems.append(error)
    if not parts:
        raise problems[0]
    return parts, [str(error) for error in problems]


def change_facts(root: str, parts: Sequence[ChangeSet], files: Sequence[FileChange]) -> ChangeFacts:
    """Return what the risks of a change are found from."""
    sides = {path: side for part in parts for path, side in part.sides.items()}
    locks = frozenset(name for name in lock_names(files) if Path(root, name).is_file())
    gaps = [gap for part in parts for gap in part.gaps]
    return ChangeFacts(files, sides, measure_new_files(root, files), locks, gaps)


def with_callers(
    context: InspectedPlace, risks: Sequence[ChangeRisk], repositories: Sequence[Repository]
) -> list[ChangeRisk]:
    """Add to changed interfaces the files that mention them; one that no file here mentions may be used outside."""
    names = list(dict.fromkeys(risk.name for risk in risks if risk.name))[:MOST_NAMES]
    mentioned = _mentioned(context, names, repositories)
    located = [
        replace(risk, places=sort_callers(risk.path, mentioned[risk.name])) if risk.name in mentioned else risk
        for risk in risks
    ]
    return [
        replace(risk, what=f"{risk.what}; users outside may have it", name="")
        if risk.name in mentioned and not risk.places
        else risk
        for risk in located
    ]


def _mentioned(
    context: InspectedPlace, names: Sequence[str], repositories: Sequence[Repository]
) -> dict[str, list[str]]:
    mentioned: dict[str, list[str]] = {name: [] for name in names}
    for repository in repositories if names else ():
        for name, paths in find_mentions(repository, names, until=context.until).items():
            canonical = (name_in_root(context.root, repository.top, path) for path in paths)
            mentioned[name] += [path for path in canonical if path and not is_secret(path.split("/"))]
    return mentioned


def with_takers(
    context: InspectedPlace,
    risks: Sequence[ChangeRisk],
    parts: Sequence[ChangeSet],
    repositories: Sequence[Repository],
) -> list[ChangeRisk]:
    """Add names that changed files no longer hand on, where other files import them there."""
    dropped = {path: side.dropped for part in parts for path, side in part.sides.items() if side.dropped}
    names = list(dict.fromkeys(name for each in dropped.values() for name in each))[:MOST_NAMES]
    found = find_takers(context.root, dropped, _mentioned(context, names, repositories))
    return sorted([*risks, *found], key=lambda risk: (RISKS.index(risk.kind), risk.path, risk.line))


def _nothing(context: InspectionContext, change: _Change) -> InspectionResult:
    """Return that there is nothing to check, or that the change of earlier steps is gone."""
    if context.earlier.data.get(_KEY):
        places = list_some([place_of(part) for part in change.parts], 2)
        gone = clip(f"The change is gone: {places} is as {compared_with(change.parts)}.")
        return InspectionResult(Inspection(facts=(gone,), clauses=(), blockers=()))
    facts = tuple(clip(note) for note in change.notes)
    done = nothing_sentence(change.parts)
    return InspectionResult(Inspection(facts=facts, clauses=(), files=0, changed_lines=0, done=done))


def _measure(context: InspectionContext, change: _Change) -> InspectionResult:
    """Return facts, clauses and sections on a change and on how it was reviewed."""
    files, risks = change.files, change.risks
    reviewed = ReviewedLines.of(context.thread, context.directory)
    hunks = list_hunks(files)
    coverage = [reviewed.coverage_of(hunk) for hunk in hunks]
    if context.earlier.data.get(_KEY):
        facts = later_facts(hunks, coverage)
    else:
        facts = opening_facts(change.parts, files, risks, change.notes)
    clauses = (*risk_clauses(risks, reviewed), *file_clauses(files, risks, reviewed))
    return InspectionResult(
        Inspection(
            facts=tuple(facts),
            clauses=limit_clauses(clauses),
            files=len(files),
            changed_lines=sum(item.lines for item in files),
            blockers=tuple(f"{risk.kind} {risk.place}" for risk in risks if risk.kind in BLOCKING),
            data={_KEY: {"files": len(files), "hunks": len(hunks), "risks": [risk.kept() for risk in risks[:50]]}},
            sections={
                "Coverage of the change": coverage_section(hunks, coverage),
                "Risks of the change": risk_section(risks, reviewed),
            },
        )
    )
