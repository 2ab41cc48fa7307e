"""precommit's look: what changed, what is risky about it, and which of it was looked at."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stepwarden.files.paths import relative, shown
from stepwarden.files.secrets import is_secret
from stepwarden.inspections.context import CannotInspect, InspectionContext, InspectionResult
from stepwarden.inspections.precommit.changeset import ChangeSet, Comparison, name_in_root, read_change, sizes_of
from stepwarden.inspections.precommit.hunks import ReviewedLines, coverage_section, pieces_of
from stepwarden.inspections.precommit.report import (
    compared_with,
    file_clauses,
    first_of,
    later_facts,
    nothing_sentence,
    opening_facts,
    place_of,
    risk_clauses,
    risk_section,
)
from stepwarden.inspections.precommit.risks import ChangeFacts, ChangeRisk, callers_first, find_risks, lock_names
from stepwarden.inspections.scope import clip, some
from stepwarden.source.change import FileChange
from stepwarden.source.git import Repository
from stepwarden.source.hardened import GitFailed, GitSlow
from stepwarden.source.repositories import NothingFound, find_repositories
from stepwarden.steps.inspection import Inspection

LOOKED_UP = 20  # names whose mentions elsewhere are looked for
_KEY = "precommit"


def inspect(scene: InspectionContext) -> InspectionResult | None:
    """Read the change as it is now, and hold it against what the live steps looked at.

    Raises CannotInspect, or GitFailed, with what to send instead.
    """
    wanted, path = _wanted(scene)
    start = _start(scene, path)
    root = scene.workspace.root or ""
    try:
        found = find_repositories(scene.reader.git, root, start, until=scene.until)
    except NothingFound:
        if path or wanted.compare_to or not scene.is_first:
            if scene.is_first:
                raise
            return None
        return InspectionResult(
            Inspection(facts=(clip("No git repository here: name the changed files yourself, or send path."),))
        )
    changes, problems = _read_all(found.repositories, root, wanted, scene.until)
    files = [change for part in changes for change in part.files]
    notes = [*found.problems, *problems, *(note for part in changes for note in part.notes)]
    if not files:
        return _nothing(scene, changes, notes)
    risks = _with_places(find_risks(_facts(root, changes, files)), found.repositories, root, scene.until)
    return _measured(scene, changes, files, risks, notes)


def _wanted(scene: InspectionContext) -> tuple[Comparison, str]:
    """Return what the live steps ask for; a later step's word counts."""
    fields: dict[str, Any] = {}
    for step in scene.thread.live:
        fields |= step.submission.fields
    wanted = Comparison(
        str(fields.get("compare_to") or "").strip(),
        bool(fields.get("include_staged", True)),
        bool(fields.get("include_unstaged", True)),
    )
    if not (wanted.staged or wanted.unstaged or wanted.compare_to):
        raise CannotInspect(
            "include_staged and include_unstaged are both false, so there is nothing to check. "
            "Leave one of them out, or send compare_to."
        )
    return wanted, str(fields.get("path") or "").strip()


def _start(scene: InspectionContext, path: str) -> str:
    """Return the directory or file to start from, inside the root."""
    root, directory = scene.workspace.root or "", scene.workspace.directory or ""
    if not path:
        return directory
    name = scene.workspace.canonical(path)
    place = Path(root, name)
    try:
        resolved = str(place.resolve(strict=True))
    except (OSError, RuntimeError, ValueError):
        resolved = ""
    if not resolved or relative(resolved, root) is None or is_secret(place.parts):
        raise CannotInspect(
            f"path: '{shown(path)}' is no directory that may be read here. Send one inside working_directory."
        )
    return resolved


def _read_all(
    repositories: Sequence[Repository], root: str, wanted: Comparison, until: float
) -> tuple[list[ChangeSet], list[str]]:
    """Read every repository's change; one that fails among several is told of, alone it fails the step."""
    changes: list[ChangeSet] = []
    problems: list[GitFailed] = []
    for repository in repositories:
        try:
            changes.append(read_change(repository, root, wanted, until=until))
        except GitSlow:
            raise
        except GitFailed as error:
            problems.append(error)
    if not changes:
        raise problems[0]
    return changes, [str(error) for error in problems]


def _facts(root: str, changes: Sequence[ChangeSet], files: Sequence[FileChange]) -> ChangeFacts:
    sides = {path: side for part in changes for path, side in part.sides.items()}
    locks = frozenset(name for name in lock_names(files) if Path(root, name).is_file())
    return ChangeFacts(files, sides, sizes_of(root, files), locks)


def _with_places(
    risks: Sequence[ChangeRisk], repositories: Sequence[Repository], root: str, until: float
) -> list[ChangeRisk]:
    """Look up who else mentions what changed in an interface; what no other source mentions is no risk."""
    names = list(dict.fromkeys(risk.name for risk in risks if risk.name))[:LOOKED_UP]
    mentioned: dict[str, list[str]] = {name: [] for name in names}
    for repository in repositories:
        for name, paths in repository.mentions(names, until=until).items():
            seen = (name_in_root(root, repository.top, path) for path in paths)
            mentioned[name] += [path for path in seen if path and not is_secret(path.split("/"))]
    placed = [
        replace(risk, places=callers_first(risk.path, mentioned[risk.name])) if risk.name in mentioned else risk
        for risk in risks
    ]
    return [risk for risk in placed if risk.places or risk.name not in mentioned]


def _nothing(scene: InspectionContext, changes: Sequence[ChangeSet], notes: Sequence[str]) -> InspectionResult:
    """Return that there is nothing to check; where there was, that it is gone."""
    if scene.before.data.get(_KEY):
        places = some([place_of(part) for part in changes], 2)
        gone = clip(f"The change is gone: {places} is as {compared_with(changes)}.")
        return InspectionResult(Inspection(facts=(gone,), clauses=()))
    done = nothing_sentence(changes)
    return InspectionResult(
        Inspection(facts=tuple(clip(note) for note in notes), clauses=(), files=0, changed_lines=0, done=done)
    )


def _measured(
    scene: InspectionContext,
    changes: Sequence[ChangeSet],
    files: Sequence[FileChange],
    risks: Sequence[ChangeRisk],
    notes: Sequence[str],
) -> InspectionResult:
    looks = ReviewedLines.of(scene.thread, scene.base)
    pieces = pieces_of(files)
    words = [looks.word_for(piece) for piece in pieces]
    first = not scene.before.data.get(_KEY)
    clauses = (*risk_clauses(risks, looks), *file_clauses(files, risks, looks))
    facts = opening_facts(changes, files, risks, notes) if first else later_facts(pieces, words, risks, looks)
    return InspectionResult(
        Inspection(
            facts=tuple(facts),
            clauses=first_of(clauses),
            files=len(files),
            changed_lines=sum(change.lines for change in files),
            data={_KEY: {"files": len(files), "hunks": len(pieces), "risks": [risk.kept() for risk in risks[:50]]}},
            sections={
                "Coverage of the change": coverage_section(pieces, words),
                "Risks of the change": risk_section(risks, looks),
            },
        )
    )
