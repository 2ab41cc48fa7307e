"""Finds the largest and most complex functions, repeated blocks, and complex files that change often."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.refactor.candidates import (
    LONG_LINES,
    MANY_BRANCHES,
    MOST_FUNCTIONS,
    RefactorCandidate,
    find_large_functions,
    find_repeated_blocks,
)
from stepwarden.inspections.refactor.surroundings import surroundings
from stepwarden.inspections.shared.fact_text import clip, count, table
from stepwarden.inspections.shared.git_history import CHURN_DAYS, count_commits
from stepwarden.inspections.shared.manifests import read_package_names
from stepwarden.inspections.shared.reviewed_files import files_read, is_quoted
from stepwarden.inspections.shared.subject import incompleteness, read_text, survey
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.outline import Outline
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

MOST_HOTSPOTS = 5
MOST_TOLD = 3  # functions of which it is said who calls them, and what their parts share
COMPARED_FILES, COMPARED_BYTES = 1_500, 12_000_000  # that are searched for repeated blocks, the largest first


@dataclass(frozen=True, slots=True)
class Hotspot:
    """A complex file that changes often: its commits in CHURN_DAYS and its branches."""

    path: str
    commits: int
    branches: int

    @property
    def words(self) -> str:
        """Commits and branches in words."""
        return f"{self.commits} commits in {CHURN_DAYS} days, {count(self.branches, 'branch', 'branches')}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, each kind with the largest first."""

    functions: Sequence[RefactorCandidate]
    blocks: Sequence[RefactorCandidate]
    hotspots: Sequence[Hotspot]


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Measure at step 1 and when other files are named; later check which of the candidates were read."""
    kept = context.earlier.data.get("refactor")
    named = sorted({path for step in context.thread.live for path in step.submission.relevant})
    if kept is not None and not context.is_first and set(named) <= set(kept["named"]):
        candidates = [RefactorCandidate(*item) for item in kept["spots"]]
        if not candidates:
            return None
        return InspectionResult(Inspection(clauses=tuple(clauses(context.thread, candidates))))
    surveyed = survey(context)
    if not surveyed.subject:
        return None
    found = Findings(
        find_large_functions(surveyed.subject),
        find_repeated_blocks(_read_largest(context, surveyed.subject)),
        _find_hotspots(surveyed.subject, count_commits(context)),
    )
    candidates = [*found.functions, *found.blocks[:MOST_FUNCTIONS]]
    graph = CodeGraph(surveyed.scan.outlines, read_package_names(context.root, surveyed.scan.others))
    told = {item: surroundings(context, graph, item, found.blocks) for item in found.functions[:MOST_TOLD]}
    spots = [[item.path, item.line, item.end_line, item.what] for item in candidates]
    return InspectionResult(
        Inspection(
            facts=(*incompleteness(surveyed.scan), *_facts(surveyed.subject, found, told)),
            clauses=tuple(clauses(context.thread, candidates)),
            files=surveyed.size,
            data={"refactor": {"named": named, "spots": spots}},
            sections={"Measured": measured} if (measured := _section(found)) else {},
        )
    )


def _read_largest(context: InspectionContext, outlines: Mapping[str, Outline]) -> dict[str, str]:
    """Return the texts of the largest files, within COMPARED_FILES and COMPARED_BYTES."""
    largest = sorted(outlines.values(), key=lambda outline: -outline.lines)[:COMPARED_FILES]
    texts: dict[str, str] = {}
    left = COMPARED_BYTES
    for outline in largest:
        left -= outline.bytes
        if left < 0:
            break
        text = read_text(context, outline.path)
        if text is not None:
            texts[outline.path] = text
    return texts


def _find_hotspots(outlines: Mapping[str, Outline], commits: Mapping[str, int]) -> list[Hotspot]:
    hot: list[Hotspot] = []
    for path, outline in outlines.items():
        branches = sum(item.complexity - 1 for item in outline.definitions)
        if commits.get(path, 0) > 1 and branches:
            hot.append(Hotspot(path, commits[path], branches))
    return sorted(hot, key=lambda spot: (-spot.commits * spot.branches, spot.path))[:MOST_HOTSPOTS]


def clauses(thread: Thread, candidates: Sequence[RefactorCandidate]) -> Iterable[Clause]:
    """Return a clause for each candidate whose file was not read and whose lines were not quoted."""
    read = files_read(thread)
    for item in candidates:
        if item.path not in read and not is_quoted(thread, item.path, item.line, item.end_line):
            place = f"{item.path}:{item.line}"
            yield Clause("measured", place, clip(f"read {place} {item.name}".rstrip(), 120))


def _facts(
    outlines: Mapping[str, Outline], found: Findings, told: Mapping[RefactorCandidate, Sequence[str]]
) -> Iterable[str]:
    lines = sum(outline.lines for outline in outlines.values())
    yield f"{count(len(outlines), 'file')}, {count(lines, 'line')}; {count(len(found.blocks), 'repeated block')}."
    for item in (*found.functions[:MOST_TOLD], *found.blocks[:2]):
        yield clip(f"{item.path}:{item.line} {item.what}")
        yield from told.get(item, ())
    for spot in found.hotspots[:2]:
        yield clip(f"Hotspot: {spot.path}, {spot.words}")
    if not found.functions:
        yield f"No function has {LONG_LINES} lines or more than {MANY_BRANCHES} branches."


def _section(found: Findings) -> str:
    rows = [(f"`{item.path}:{item.line}`", item.what) for item in [*found.functions, *found.blocks[:30]]]
    rows += [(f"`{spot.path}`", spot.words) for spot in found.hotspots]
    return table(("Place", "Measured"), rows) if rows else ""
