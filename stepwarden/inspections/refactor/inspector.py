"""refactor's look: the largest and most complex functions, repeated code, and files that change often."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stepwarden.files.text import split_lines
from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.git_history import CHURN_DAYS, churn
from stepwarden.inspections.scope import (
    clip,
    count,
    is_function,
    is_quoted,
    left_out,
    looked_at,
    survey,
    table,
    text_of,
)
from stepwarden.source.outline import Definition, Outline
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

LONG_LINES, MANY_BRANCHES = 50, 10  # from which a function is worth a look (pylint and eslint warn at these)
WORST = 5  # functions that are named, and asked for
REPEATED_LINES = 8  # from which equal lines in two places are told
DUPLICATE_FILES, DUPLICATE_BYTES = 1_500, 12_000_000  # that are compared, the largest first
_NOISE = re.compile(
    r"^(?:[\s{}()\[\];,]*|import\b.*|from\b.*|#.*|//.*|\*.*|/\*.*|use\b.*|using\b.*|end|else:?|return;?)$"
)


@dataclass(frozen=True, slots=True)
class RefactorCandidate:
    """A place that may want another shape: a function, or lines that stand twice."""

    path: str
    line: int
    end_line: int
    what: str


def inspect(scene: InspectionContext) -> InspectionResult | None:
    """Measure at step 1 and when other files are named; later see which of the worst places were looked at."""
    kept = scene.before.data.get("refactor")
    named = sorted({path for step in scene.thread.live for path in step.submission.relevant})
    if kept is not None and not scene.is_first and set(named) <= set(kept["named"]):
        spots = [RefactorCandidate(*spot) for spot in kept["spots"]]
        return InspectionResult(Inspection(clauses=tuple(clauses(scene.thread, spots)))) if spots else None
    found = survey(scene)
    if not found.subject:
        return None
    functions = worst_functions(found.subject)
    copies = repeated(_texts(scene, found.subject))
    often = _hotspots(found.subject, churn(scene))
    spots = [*functions, *copies[:WORST]]
    return InspectionResult(
        Inspection(
            facts=(*_facts(found.subject, functions, copies, often), *left_out(found.scan)),
            clauses=tuple(clauses(scene.thread, spots)),
            files=len(found.named) or None,
            data={"refactor": {"named": named, "spots": [[s.path, s.line, s.end_line, s.what] for s in spots]}},
            sections={"Measured": _section(functions, copies, often)},
        )
    )


def worst_functions(outlines: Mapping[str, Outline]) -> list[RefactorCandidate]:
    """Return the functions with most to read in them, at most WORST; only those that are long or full of branches."""
    found = [
        (path, item)
        for path, outline in outlines.items()
        for item in outline.definitions
        if is_function(item) and (_length(item) >= LONG_LINES or item.complexity > MANY_BRANCHES)
    ]
    found.sort(key=lambda pair: (-_length(pair[1]) - 5 * pair[1].complexity, pair[0], pair[1].line))
    return [
        RefactorCandidate(
            path,
            item.line,
            item.end_line,
            f"{item.qualified}: {count(_length(item), 'line')}, {count(item.complexity - 1, 'branch', 'branches')}",
        )
        for path, item in found[:WORST]
    ]


def _length(item: Definition) -> int:
    return item.end_line - item.line + 1


def repeated(texts: Mapping[str, str]) -> list[RefactorCandidate]:
    """Return the stretches of REPEATED_LINES lines and more that stand twice, indentation apart, the longest first."""
    places: dict[tuple[str, ...], tuple[str, int]] = {}
    lines_of = {path: _lines(text) for path, text in texts.items()}
    found: dict[tuple[str, str], list[RefactorCandidate]] = {}
    for path, lines in lines_of.items():
        at = 0
        while at + REPEATED_LINES <= len(lines):
            window = tuple(line for _, line in lines[at : at + REPEATED_LINES])
            first = places.setdefault(window, (path, at))
            if first == (path, at) or (first[0] == path and at < first[1] + REPEATED_LINES):
                at += 1
                continue
            apart = at - first[1] if first[0] == path else len(lines)  # in one file, the two may not overlap
            length = min(apart, _run(lines_of[first[0]], first[1], lines, at))
            other = lines_of[first[0]][first[1]][0]
            spot = RefactorCandidate(
                path, lines[at][0], lines[at + length - 1][0], f"{length} lines as in {first[0]}:{other}"
            )
            found.setdefault((path, first[0]), []).append(spot)
            at += length
    spots = [spot for listed in found.values() for spot in listed]
    return sorted(spots, key=lambda spot: (spot.line - spot.end_line, spot.path, spot.line))


def _run(first: Sequence[tuple[int, str]], start: int, lines: Sequence[tuple[int, str]], at: int) -> int:
    length = REPEATED_LINES
    while (
        start + length < len(first) and at + length < len(lines) and first[start + length][1] == lines[at + length][1]
    ):
        length += 1
    return length


def _lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that say something, with their numbers, without their indentation."""
    stripped = ((number, line.strip()) for number, line in enumerate(split_lines(text), 1))
    return [(number, line) for number, line in stripped if not _NOISE.match(line)]


def _texts(scene: InspectionContext, outlines: Mapping[str, Outline]) -> dict[str, str]:
    largest = sorted(outlines.values(), key=lambda item: -item.lines)[:DUPLICATE_FILES]
    texts: dict[str, str] = {}
    left = DUPLICATE_BYTES
    for outline in largest:
        left -= outline.bytes
        if left < 0:
            break
        text = text_of(scene, outline.path)
        if text is not None:
            texts[outline.path] = text
    return texts


def _hotspots(outlines: Mapping[str, Outline], commits: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Return files that are both complex and changed often: path, commits, branches."""
    branches = {path: sum(item.complexity - 1 for item in found.definitions) for path, found in outlines.items()}
    hot = [(path, commits[path], branches[path]) for path in outlines if commits.get(path, 0) > 1 and branches[path]]
    return sorted(hot, key=lambda spot: (-spot[1] * spot[2], spot[0]))[:WORST]


def clauses(thread: Thread, spots: Sequence[RefactorCandidate]) -> Iterable[Clause]:
    """Ask for each spot until its file was read or its lines were quoted."""
    seen = looked_at(thread)
    for spot in spots:
        if spot.path not in seen and not is_quoted(thread, spot.path, spot.line, spot.end_line):
            yield Clause(
                "measured", f"{spot.path}:{spot.line}", clip(f"look at {spot.path}:{spot.line} {spot.what}", 120)
            )


def _facts(
    outlines: Mapping[str, Outline],
    functions: Sequence[RefactorCandidate],
    copies: Sequence[RefactorCandidate],
    often: Sequence[tuple[str, int, int]],
) -> Iterable[str]:
    lines = sum(item.lines for item in outlines.values())
    copied = count(len(copies), "repeated stretch", "repeated stretches")
    yield f"{count(len(outlines), 'file')}, {count(lines, 'line')}; {copied}."
    yield from (clip(f"{spot.path}:{spot.line} {spot.what}") for spot in functions[:3])
    yield from (clip(f"{spot.path}:{spot.line} {spot.what}") for spot in copies[:2])
    for path, times, branches in often[:2]:
        yield clip(f"Hot: {path}, {times} commits in {CHURN_DAYS} days, {count(branches, 'branch', 'branches')}")
    if not functions:
        yield f"No function of {LONG_LINES} lines or over {MANY_BRANCHES} branches."


def _section(
    functions: Sequence[RefactorCandidate], copies: Sequence[RefactorCandidate], often: Sequence[tuple[str, int, int]]
) -> str:
    rows = [(f"`{spot.path}:{spot.line}`", spot.what) for spot in [*functions, *copies[:30]]]
    rows += [
        (f"`{path}`", f"{times} commits in {CHURN_DAYS} days, {count(branches, 'branch', 'branches')}")
        for path, times, branches in often
    ]
    return table(("Place", "Measured"), rows)
