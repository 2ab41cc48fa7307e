"""Where the facts of an inspection stand: the lines that they name, as the files have them now."""

from collections.abc import Sequence

from stepwarden.files import Workspace
from stepwarden.files.line_marks import FileLines, read_lines
from stepwarden.steps.cited_facts import CitableFact, FactPlace, written_places

MOST_PLACES = 8  # of one fact


def find_citable(facts: Sequence[str], workspace: Workspace) -> tuple[CitableFact, ...]:
    """Return which facts name a line of a file that can be read, with their places. Reads those files."""
    written = [list(written_places(fact))[:MOST_PLACES] for fact in facts]
    paths = {path for places in written for candidates, _ in places for path in candidates}
    there = {path for path, fact in workspace.survey(sorted(paths)).items() if fact.exists}
    lines = read_lines(workspace.root, sorted(there))
    found = [
        tuple(
            dict.fromkeys(
                FactPlace(path, line, lines[path].mark(line), lines[path].file_mark)
                for candidates, line in places
                if (path := _first(candidates, lines, line)) is not None
            )
        )
        for places in written
    ]
    return tuple(CitableFact(index, places) for index, places in enumerate(found) if places)


def _first(candidates: Sequence[str], lines: dict[str, FileLines], line: int) -> str | None:
    return next((path for path in candidates if path in lines and lines[path].text(line) is not None), None)
