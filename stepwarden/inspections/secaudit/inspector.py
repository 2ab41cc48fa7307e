"""Finds the attack surface, has each flagged place answered, and keeps the table of places and verdicts."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.secaudit.answers import (
    HOW_TO_ANSWER,
    PlaceVerdict,
    find_verdicts,
    summary_fact,
    unanswered_clause,
    verdict_table,
)
from stepwarden.inspections.secaudit.dependencies import dependency_facts, find_manifests
from stepwarden.inspections.secaudit.places import MOST_KEPT, FlaggedPlace, place_facts, places_kept
from stepwarden.inspections.secaudit.security_rules import SecurityFinding, SecurityRisk
from stepwarden.inspections.secaudit.surface import AttackSurface, find_surface
from stepwarden.inspections.shared.fact_text import clip, count, list_some
from stepwarden.inspections.shared.reviewed_files import files_read
from stepwarden.inspections.shared.subject import Survey, incompleteness, survey
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

NAMED = 3  # unanswered places in a clause, twice as many where the agent asks to finish
TO_READ = 4  # files with entry points, and manifests, that have to be read
SECTION, ENTRIES = "Attack surface", "Entry points"


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Search at step 1 and when other files are named; at every step, tell what is answered."""
    kept = context.earlier.data.get("secaudit")
    named = sorted({path for step in context.thread.live for path in step.submission.relevant})
    if kept is not None and not context.is_first and set(named) <= set(kept["named"]):
        return _look_at_answers(context, kept)
    surveyed = survey(context)
    if not surveyed.subject:
        return None
    return _search(context, surveyed, named)


def _look_at_answers(context: InspectionContext, kept: Mapping[str, Any]) -> InspectionResult | None:
    """Return what became of the places that an earlier step found, told where it changed."""
    to_read = [SecurityFinding(path, line, what, SecurityRisk(risk)) for path, line, what, risk in kept["found"]]
    verdicts = find_verdicts(context.thread, places_kept(kept.get("places", ())))
    if not to_read and not verdicts:
        return None
    table, summary = verdict_table(verdicts), summary_fact(verdicts)
    is_told = summary == kept.get("told", summary)
    changed = bool(verdicts) and context.earlier.sections.get(SECTION) != table
    return InspectionResult(
        Inspection(
            facts=() if is_told else (summary,),
            clauses=tuple(_clauses(context, verdicts, to_read, named=NAMED)),
            data={} if is_told else {"secaudit": {**kept, "told": summary}},
            sections={SECTION: table} if changed else {},
        )
    )


def _search(context: InspectionContext, surveyed: Survey, named: list[str]) -> InspectionResult:
    surface = find_surface(context, surveyed)
    manifests = find_manifests(surveyed.scan.others)
    late = ["Not every file was searched: time ran out."] if time.monotonic() > context.until else []
    to_read = [*{item.path: item for item in reversed(surface.entries)}.values()][::-1][:TO_READ]
    if not surveyed.named:
        to_read += [SecurityFinding(path, 1, "dependencies", SecurityRisk.SUPPLY) for path in manifests[:TO_READ]]
    earlier: Mapping[str, Any] = context.earlier.data.get("secaudit", {})
    known: Sequence[Any] = earlier.get("places", ())
    places = list(surface.places[:MOST_KEPT])
    verdicts = find_verdicts(context.thread, places)
    kept = {
        "named": named,
        "found": [[item.path, item.line, item.what, item.risk.value] for item in to_read],
        "places": [place.kept() for place in places],
        "told": summary_fact(verdicts),
    }
    facts = (
        *incompleteness(surveyed.scan),
        *_facts(surface, [place for place in surface.places if place.kept() not in known]),
        *dependency_facts(context, manifests, surveyed.scan.others),
        *late,
    )
    asked = any(verdict.kind == "open" for verdict in verdicts)
    return InspectionResult(
        Inspection(
            facts=facts,
            actions=(HOW_TO_ANSWER,) if asked else (),
            clauses=tuple(_clauses(context, verdicts, to_read, named=0)),
            files=surveyed.size,
            data={"secaudit": kept},
            sections={SECTION: _section(surface, verdicts), ENTRIES: _entries(surface.entries)},
        )
    )


def _clauses(
    context: InspectionContext, verdicts: Sequence[PlaceVerdict], to_read: Sequence[SecurityFinding], *, named: int
) -> Iterator[Clause]:
    """Yield what is open; the facts of the same step name the places, but for one that asks to finish."""
    asked = not context.submission.more
    yield from unanswered_clause(verdicts, named=2 * NAMED if asked else named, field="findings" if asked else "")
    yield from reading_clauses(context.thread, to_read)


def reading_clauses(thread: Thread, found: Iterable[SecurityFinding]) -> Iterator[Clause]:
    """Yield one clause for entry points and one for manifests, with those files that were neither read nor quoted."""
    read = files_read(thread)
    unread: dict[SecurityRisk, dict[str, None]] = {}
    for item in found:
        if item.path not in read:
            unread.setdefault(item.risk, {})[item.path] = None
    for risk, files in unread.items():
        what = "dependencies" if risk is SecurityRisk.SUPPLY else "who may call its entry points"
        yield Clause("measured", risk.value, clip(f"read {list_some([*files], 2)}: {what}?", 140))


def _facts(surface: AttackSurface, new: Sequence[FlaggedPlace]) -> Iterator[str]:
    """Yield the places that no step before found, then the entry points."""
    yield from place_facts(new)
    if surface.entries:
        shown = list_some([f"{entry.place} {entry.what}" for entry in surface.entries], 2)
        yield clip(f"{count(len(surface.entries), 'entry point')}: {shown}")
    if not surface.places:
        yield "No dangerous line and no secret was found; review the logic."


def _section(surface: AttackSurface, verdicts: Sequence[PlaceVerdict]) -> str:
    left = len(surface.places) - len(verdicts)
    more = f"\n\n{count(left, 'more place')} not listed: name fewer files in a thread of its own." if left > 0 else ""
    return f"{verdict_table(verdicts)}{more}" if verdicts else "No place was flagged."


def _entries(entries: Sequence[SecurityFinding]) -> str:
    if not entries:
        return "No entry point was found."
    more = f"\n- and {len(entries) - 100} more" if len(entries) > 100 else ""
    return "\n".join(f"- `{entry.place}` {entry.what}" for entry in entries[:100]) + more
