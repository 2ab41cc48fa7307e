"""What precommit says of a change: facts, clauses and the parts of its report; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from stepwarden.files.paths import shown
from stepwarden.inspections.precommit.changeset import ChangeSet
from stepwarden.inspections.precommit.hunks import ReviewedHunk, ReviewedLines, coverage_line
from stepwarden.inspections.precommit.risks import ChangeRisk, is_made
from stepwarden.inspections.scope import MOST_CLAUSES, clip, count, some
from stepwarden.source.change import FileChange
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause

ASKED_FILES = 60  # of a change that have to be looked at, the most changed ones
CLAUSE_BYTES = 110


def nothing_sentence(changes: Sequence[ChangeSet]) -> str:
    """Return that there is nothing to check, and what was looked at."""
    places = some([place_of(part) for part in changes], 2)
    return f"Nothing to check: no change in {places}, compared with {compared_with(changes)}."


def place_of(part: ChangeSet) -> str:
    """Name the repository of a change, with its branch."""
    branch = f" (branch {shown(part.status.branch, 40)})" if part.status.branch else ""
    return f"{'the repository' if part.place == '.' else part.place}{branch}"


def compared_with(changes: Sequence[ChangeSet]) -> str:
    """Name what the changes were compared with."""
    return some(list(dict.fromkeys(part.against for part in changes)), 2)


def opening_facts(
    changes: Sequence[ChangeSet], files: Sequence[FileChange], risks: Sequence[ChangeRisk], notes: Sequence[str]
) -> list[str]:
    """Return what changed and what is risky about it, the most pressing first: a reply has room for a few lines."""
    plus = sum(change.lines_added or 0 for change in files)
    minus = sum(change.lines_removed or 0 for change in files)
    groups = _grouped(risks)
    told = ", ".join(_HEADS[kind].lower() + (f" {len(group)}" if len(group) > 1 else "") for kind, group in groups)
    facts = [clip(f"{count(len(files), 'file')} +{plus} -{minus} since {compared_with(changes)}: {told or 'no risk'}.")]
    facts += [clip(_risk_line(kind, group)) for kind, group in groups]
    facts += [clip(f"In {some([place_of(part) for part in changes])}.")] if len(changes) > 1 else []
    kinds = [f"{number} {word}" for word, number in _kinds(changes) if number]
    facts += [clip(f"Files: {', '.join(kinds)}.")] if kinds else []
    largest = sorted(files, key=lambda change: (-change.lines, change.path))[:3]
    sized = some([f"{change.path} {_size(change)}" for change in largest])
    facts += [clip(f"Largest: {sized}.")] if len(files) > 1 else []
    tests = sum(is_test_file(change.path) for change in files)
    facts += [f"Tests: {count(tests, 'test file')} in the change."] if tests else []
    if len(files) > ASKED_FILES:
        facts.append(f"Asked for are the {ASKED_FILES} most changed files; the end lists the others.")
    return facts + [clip(note) for note in notes]


def _kinds(changes: Iterable[ChangeSet]) -> list[tuple[str, int]]:
    parts = list(changes)
    return [
        (word, sum(len(getattr(part.status, word)) for part in parts))
        for word in ("unmerged", "staged", "unstaged", "untracked")
    ]


def _grouped(risks: Sequence[ChangeRisk]) -> list[tuple[str, list[ChangeRisk]]]:
    groups: dict[str, list[ChangeRisk]] = {}
    for risk in risks:
        groups.setdefault(risk.kind, []).append(risk)
    return list(groups.items())


_HEADS = {
    "conflict": "Conflict",
    "secret": "Secret",
    "interface": "Public",
    "migration": "Migration",
    "leftover": "Left in",
    "test": "Tests fewer",
    "untested": "No test",
    "lock": "Lock file",
    "large": "Large",
    "note": "Note",
}


def _risk_line(kind: str, group: Sequence[ChangeRisk]) -> str:
    first = group[0]
    used = f", in {count(len(first.places), 'file')} more" if first.name else ""
    more = f" (+{len(group) - 1})" if len(group) > 1 else ""
    return f"{_HEADS[kind]}: {_at(replace(first, path=_brief(first.path)))} {first.what}{used}{more}."


def _brief(path: str) -> str:
    """Return the end of a path, for a line that has no room for more."""
    parts = path.split("/")
    return path if len(parts) < 4 else f"…/{'/'.join(parts[-2:])}"


def _at(risk: ChangeRisk) -> str:
    return f"{risk.path}:{risk.line}" if risk.line else risk.path


def _size(change: FileChange) -> str:
    if change.binary:
        return "binary"
    return f"+{change.lines_added} -{change.lines_removed}"


def later_facts(
    pieces: Sequence[ReviewedHunk], words: Sequence[str], risks: Sequence[ChangeRisk], looks: ReviewedLines
) -> list[str]:
    """Return how much of the change was looked at by now, and what was not."""
    bare = [piece.place for piece, word in zip(pieces, words, strict=True) if not word]
    left = [f"{_HEADS[risk.kind].lower()} {_at(risk)}" for risk in risks if not is_met(risk, looks)]
    facts = [clip(coverage_line(words))]
    facts += [clip(f"Open risks: {some(left)}.")] if left else []
    return facts + ([clip(f"Not looked at: {some(bare)}.")] if bare else [])


def is_met(risk: ChangeRisk, looks: ReviewedLines) -> bool:
    """Whether somebody showed that he looked at a risk: by a quote there or where it can show, or by an issue.

    An unmerged file is met only when it is merged; a missing test by a test file that was looked at.
    """
    if risk.kind == "conflict" and risk.line == 0:
        return False
    if looks.issue_at(risk.path, risk.line, risk.line, near=10):
        return True
    if risk.kind == "untested":
        return any(is_test_file(path) for path in (*looks.read, *looks.quoted))
    if risk.kind == "interface":
        return looks.has_seen(risk.path) if not risk.places else any(looks.has_seen(path) for path in risk.places)
    if risk.kind == "lock":
        return any(looks.has_seen(path) for path in risk.places)
    if risk.kind in {"large", "test"}:
        return looks.has_seen(risk.path)
    return risk.kind != "secret" and looks.quotes(risk.path, risk.line, risk.line)


_ASKS = {
    "conflict": "resolve {what}: {at}",
    "secret": "take out or report as an issue: {at} ({what})",
    "interface": "{what} ({at}); read {places}",
    "migration": "quote {at}: {what}, is there a way back?",
    "leftover": "take out or quote {at}: {what}",
    "test": "look at {at}: {what}",
    "untested": "{what}: read the tests of {at}, or report it",
    "lock": "{at}: {what}; name {places} or report it",
    "large": "{at}: {what}; does it belong here?",
    "note": "take out or quote {at}: {what}",
}


def risk_clauses(risks: Sequence[ChangeRisk], looks: ReviewedLines) -> list[Clause]:
    """Return a clause for each risk that nobody met."""
    return [
        Clause(
            "measured",
            risk.path,
            clip(
                _ASKS[risk.kind].format(what=risk.what, at=_at(risk), places=some(risk.places, 1) or "it"),
                CLAUSE_BYTES,
            ),
        )
        for risk in risks
        if not is_met(risk, looks)
    ]


def file_clauses(files: Sequence[FileChange], risks: Sequence[ChangeRisk], looks: ReviewedLines) -> list[Clause]:
    """Return a clause for each changed file that nobody looked at, the most changed first, generated ones left out."""
    told = {risk.path for risk in risks if not is_met(risk, looks) and risk.kind not in {"untested", "interface"}}
    asked = sorted(
        (change for change in files if not is_made(change) and not change.withheld),
        key=lambda change: (-change.lines, change.path),
    )[:ASKED_FILES]
    return [
        Clause("measured", change.path, clip(f"look at {change.path} ({_told(change)})", CLAUSE_BYTES))
        for change in asked
        if not looks.has_seen(change.path) and change.path not in told
    ]


def _told(change: FileChange) -> str:
    if change.is_submodule:
        return "a submodule's commit"
    if change.is_link:
        return "a new link" if change.status == "A" else "a link"
    words = {"D": "deleted", "R": f"renamed from {change.before}", "?": "new", "A": "new", "U": "unmerged"}
    word = words.get(change.status, "")
    hunks = count(len(change.hunks), "hunk") if change.status in {"M", "R"} and change.hunks else ""
    return ", ".join(part for part in (word, hunks, _size(change)) if part)


def first_of(clauses: Sequence[Clause]) -> tuple[Clause, ...]:
    """Return as many clauses as a gate can tell of, the last one counting the rest."""
    if len(clauses) <= MOST_CLAUSES:
        return tuple(clauses)
    rest = clauses[MOST_CLAUSES:]
    text = f"and {len(rest)} more: {some(list(dict.fromkeys(clause.subject for clause in rest)), 2)}"
    return (*clauses[:MOST_CLAUSES], Clause("measured", "", clip(text, CLAUSE_BYTES)))


def risk_section(risks: Sequence[ChangeRisk], looks: ReviewedLines) -> str:
    """Return the part of the report that lists the risks and whether somebody met them."""
    if not risks:
        return "None found by the server's own rules."
    return "\n".join(
        f"- {_HEADS[risk.kind]}: `{_at(risk)}` {risk.what}{_shows(risk)}{'' if is_met(risk, looks) else ' (**open**)'}"
        for risk in risks[:100]
    )


def _shows(risk: ChangeRisk) -> str:
    return f" (in {some([f'`{path}`' for path in risk.places])})" if risk.places else ""
