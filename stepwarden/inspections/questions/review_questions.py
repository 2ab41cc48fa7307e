"""What a review sees by itself: faults of files, and risks of the change that is not committed yet."""

from collections.abc import Sequence

from stepwarden.inspections.codereview.shown_faults import STANDING, find_shown_faults
from stepwarden.inspections.context import CannotInspect, InspectedPlace
from stepwarden.inspections.precommit.inspector import change_facts, with_callers
from stepwarden.inspections.precommit.risks import find_risks
from stepwarden.inspections.questions.git_questions import read_changes
from stepwarden.inspections.shared.fact_text import count, list_some
from stepwarden.inspections.shared.subject import incompleteness
from stepwarden.source.git.discovery import find_repositories

MOST_FILES = 150
MOST_FOUND = 150


def check_files(place: InspectedPlace, paths: Sequence[str]) -> str:
    """Return what source files show by themselves, as `codereview` sees it: a fault a line, with its place."""
    wanted = [place.workspace.canonical(path[:1_000]) for path in paths[:MOST_FILES]] or [place.directory]
    scan = place.reader.scan(place.root, wanted, until=place.until)
    files = list(scan.outlines)
    if not files:
        raise CannotInspect("No source file is there: name files or folders of the working directory.")
    faults = find_shown_faults(place, files[:MOST_FILES])
    lines = [
        f"{fault.place} {fault.what} ({'new in the change' if fault.rank < STANDING else 'stood before'})"
        for fault in faults
    ]
    checked = min(len(files), MOST_FILES)
    of_all = f" of {len(files)}" if checked < len(files) else ""
    head = f"{count(checked, 'file')}{of_all} checked: {count(len(lines), 'place')}"
    return "\n".join([*incompleteness(scan), head, *_cut(lines)])


def check_change(place: InspectedPlace, compare_to: str) -> str:
    """Return the risks of what changed since a ref, or the last commit for "", as `precommit` sees them."""
    parts = read_changes(place, compare_to)
    files = [change for part in parts for change in part.files]
    directory = place.workspace.directory or ""
    repositories = find_repositories(place.reader.git, place.root, directory, until=place.until).repositories
    risks = with_callers(place, find_risks(change_facts(place.root, parts, files)), repositories)
    lines = [
        f"{risk.kind}: {risk.place} {risk.what}{f' (in {list_some(risk.places)})' if risk.places else ''}"
        for risk in risks
    ]
    plus, minus = sum(one.lines_added or 0 for one in files), sum(one.lines_removed or 0 for one in files)
    against = ", ".join(dict.fromkeys(part.against for part in parts))
    head = f"{count(len(files), 'file')} +{plus} -{minus} since {against}: {count(len(lines), 'risk')}"
    return "\n".join([head, *_cut(lines), *(note for part in parts for note in part.notes)])


def _cut(lines: Sequence[str]) -> list[str]:
    more = [f"[{len(lines) - MOST_FOUND} more]"] if len(lines) > MOST_FOUND else []
    return [*lines[:MOST_FOUND], *more]
